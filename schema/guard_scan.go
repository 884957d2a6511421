package schema

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"unicode/utf8"
)

// scan is one pass of a guard over one value.
type scan struct {
	guard *guard
	src   []byte
	pos   int
	empty int // items seen that take no bytes
}

func (s *scan) fail(reason string) *DataError { return &DataError{Offset: s.pos, Reason: reason} }

const (
	reasonTruncated = "the data ends within it"
	reasonVarint    = "its variable-length number is longer than an Avro long"
)

// run checks the value of one procedure. The fast cases of each step come first: most numbers and lengths fit one byte.
func (s *scan) run(procedure int32, depth int) *DataError {
	p := &s.guard.procs[procedure]
	if p.record {
		if depth++; depth > MaxDepth {
			return s.tooDeep()
		}
	}
	src, pos := s.src, s.pos
	for i := range p.steps {
		st := &p.steps[i]
		switch st.code {
		case stepLong:
			if pos < len(src) && src[pos] < 0x80 {
				pos++
				continue
			}
			if pos+8 <= len(src) {
				// The first byte without its high bit ends the number; one of up to eight bytes cannot overflow.
				if ends := ^binary.LittleEndian.Uint64(src[pos:]) & highBits; ends != 0 {
					pos += bits.TrailingZeros64(ends)/8 + 1
					continue
				}
			}
			s.pos = pos
			if _, err := s.long(); err != nil {
				return err.within(p.fields[i])
			}
			pos = s.pos
		case stepEnum:
			if pos < len(src) && src[pos] < 0x80 && src[pos]&1 == 0 && int32(src[pos]>>1) < st.arg {
				pos++
				continue
			}
			s.pos = pos
			if err := s.other(st, depth); err != nil {
				return err.within(p.fields[i])
			}
			pos = s.pos
		case stepString, stepBytes:
			n := 0
			if pos < len(src) && src[pos] < 0x80 && src[pos]&1 == 0 {
				n = int(src[pos] >> 1)
				pos++
			} else {
				s.pos = pos
				long, err := s.long()
				if err != nil {
					return err.within(p.fields[i])
				}
				pos = s.pos
				if long < 0 {
					return s.fail("its length is negative").within(p.fields[i])
				}
				n = int(min(long, math.MaxInt32))
			}
			if n > len(src)-pos {
				s.pos = pos
				return s.fail(reasonTruncated).within(p.fields[i])
			}
			if st.code == stepString && !validUTF8(src[pos:pos+n]) {
				s.pos = pos
				return s.fail("it is not UTF-8").within(p.fields[i])
			}
			pos += n
		case stepFixed:
			if int(st.arg) > len(src)-pos {
				s.pos = pos
				return s.fail(reasonTruncated).within(p.fields[i])
			}
			pos += int(st.arg)
		case stepNullable:
			if pos < len(src) && src[pos]>>1 == byte(st.min) && src[pos]&1 == 0 {
				s.pos = pos + 1
				if err := s.run(st.arg, depth); err != nil {
					return err.within(p.fields[i])
				}
				pos = s.pos
				continue
			}
			if pos < len(src) && src[pos]>>1 == 1-byte(st.min) && src[pos]&1 == 0 {
				pos++
				continue
			}
			s.pos = pos
			if err := s.other(st, depth); err != nil {
				return err.within(p.fields[i])
			}
			pos = s.pos
		default:
			s.pos = pos
			if err := s.other(st, depth); err != nil {
				return err.within(p.fields[i])
			}
			pos = s.pos
		}
	}
	s.pos = pos
	return nil
}

// other is the steps that run does not hold itself.
func (s *scan) other(st *step, depth int) *DataError {
	switch st.code {
	case stepBoolean:
		if s.pos >= len(s.src) {
			return s.fail(reasonTruncated)
		}
		if s.src[s.pos] > 1 {
			return s.fail("a boolean is neither 0 nor 1")
		}
		s.pos++
		return nil
	case stepInt:
		v, err := s.long()
		if err == nil && (v < math.MinInt32 || v > math.MaxInt32) {
			err = s.fail("it does not fit an int")
		}
		return err
	case stepEnum:
		v, err := s.long()
		if err == nil && (v < 0 || v >= int64(st.arg)) {
			err = s.fail(fmt.Sprintf("symbol %d of an enum that has %d", v, st.arg))
		}
		return err
	case stepCall:
		return s.run(st.arg, depth)
	case stepArray:
		return s.array(st, depth+1)
	case stepMap:
		return s.mapping(st, depth+1)
	case stepNullable, stepUnion:
		return s.union(st, depth)
	default:
		return s.decimal(st)
	}
}

func (s *scan) tooDeep() *DataError {
	return s.fail("it nests deeper than " + strconv.Itoa(MaxDepth) + " levels")
}

func (s *scan) union(st *step, depth int) *DataError {
	index, err := s.long()
	if err != nil {
		return err
	}
	branches := len(st.targets)
	if st.code == stepNullable {
		branches = 2
	}
	if index < 0 || index >= int64(branches) {
		return s.fail(fmt.Sprintf("branch %d of a union that has %d", index, branches))
	}
	target := int32(-1)
	switch {
	case st.code == stepUnion:
		target = st.targets[index]
	case index == int64(st.min):
		target = st.arg
	}
	if target < 0 {
		return nil
	}
	return s.run(target, depth)
}

// block reads the head of an array's or map's block: how many items, and where it must end when its size in bytes is given.
func (s *scan) block(least int) (count, end int, err *DataError) {
	n, err := s.long()
	if err != nil || n == 0 {
		return 0, -1, err
	}
	end = -1
	if n < 0 {
		if n == math.MinInt64 {
			return 0, 0, s.fail("its block count is out of range")
		}
		n = -n
		size, err := s.long()
		if err != nil {
			return 0, 0, err
		}
		if size < 0 || size > int64(len(s.src)-s.pos) {
			return 0, 0, s.fail("its block is said to be longer than the data")
		}
		end = s.pos + int(size)
	}
	left := int64(len(s.src) - s.pos)
	if least > 0 && n > left/int64(least) {
		return 0, 0, s.fail(fmt.Sprintf("%d items of at least %d bytes do not fit the %d bytes left", n, least, left))
	}
	if least == 0 {
		if n > int64(maxEmptyItems-s.empty) {
			return 0, 0, s.fail(fmt.Sprintf("more than %d items that take no bytes", maxEmptyItems))
		}
		s.empty += int(n)
	}
	return int(n), end, nil
}

func (s *scan) array(st *step, depth int) *DataError {
	if depth > MaxDepth {
		return s.tooDeep()
	}
	item := 0
	for {
		count, end, err := s.block(int(st.min))
		if err != nil || count == 0 {
			return err
		}
		for range count {
			if err := s.run(st.arg, depth); err != nil {
				return err.within(strconv.Itoa(item))
			}
			item++
		}
		if end >= 0 && s.pos != end {
			return s.fail("its block is not as long as it says")
		}
	}
}

func (s *scan) mapping(st *step, depth int) *DataError {
	if depth > MaxDepth {
		return s.tooDeep()
	}
	keys := keySet{src: s.src}
	for {
		count, end, err := s.block(int(st.min))
		if err != nil || count == 0 {
			return err
		}
		for range count {
			start, stop, err := s.key()
			if err != nil {
				return err
			}
			if !keys.add(start, stop) {
				return s.fail("a key occurs twice").within(clip(string(s.src[start:stop])))
			}
			if err := s.run(st.arg, depth); err != nil {
				return err.within(clip(string(s.src[start:stop])))
			}
		}
		if end >= 0 && s.pos != end {
			return s.fail("its block is not as long as it says")
		}
	}
}

func (s *scan) key() (start, stop int, err *DataError) {
	n, err := s.long()
	if err != nil {
		return 0, 0, err
	}
	if n < 0 || n > int64(len(s.src)-s.pos) {
		return 0, 0, s.fail("a key's length is out of range")
	}
	start, stop = s.pos, s.pos+int(n)
	if !validUTF8(s.src[start:stop]) {
		return 0, 0, s.fail("a key is not UTF-8")
	}
	s.pos = stop
	return start, stop, nil
}

// keySet finds a key that occurs twice in a map: the spans of the first keys in place, the rest in a Go map, so that small maps
// cost no allocation.
type keySet struct {
	src   []byte
	spans [16][2]int
	n     int
	more  map[string]struct{}
}

func (k *keySet) add(start, stop int) bool {
	key := k.src[start:stop]
	for _, span := range k.spans[:min(k.n, len(k.spans))] {
		if string(k.src[span[0]:span[1]]) == string(key) {
			return false
		}
	}
	if k.n < len(k.spans) {
		k.spans[k.n] = [2]int{start, stop}
		k.n++
		return true
	}
	if _, twice := k.more[string(key)]; twice {
		return false
	}
	if k.more == nil {
		k.more = map[string]struct{}{}
	}
	k.more[string(key)] = struct{}{}
	return true
}

// long reads a zig-zag number of at most 64 bits (Avro specification, "Binary encoding").
func (s *scan) long() (int64, *DataError) {
	var v uint64
	for i := range 10 {
		if s.pos+i >= len(s.src) {
			return 0, s.fail(reasonTruncated)
		}
		b := s.src[s.pos+i]
		if i == 9 && b > 1 {
			break
		}
		v |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			s.pos += i + 1
			return int64(v>>1) ^ -int64(v&1), nil //nolint:gosec // zig-zag
		}
	}
	return 0, s.fail(reasonVarint)
}

func (s *scan) decimal(st *step) *DataError {
	size := int64(st.min)
	if st.code == stepDecimal {
		var err *DataError
		if size, err = s.long(); err != nil {
			return err
		}
		if size < 1 {
			return s.fail("a decimal of no bytes")
		}
	}
	if size > int64(len(s.src)-s.pos) {
		return s.fail(reasonTruncated)
	}
	bounds := &s.guard.decimals[st.arg]
	if !bounds.hold(s.src[s.pos : s.pos+int(size)]) {
		return s.fail(fmt.Sprintf("a decimal has more than %d digits", bounds.precision))
	}
	s.pos += int(size)
	return nil
}

// hold reports whether b, in two's complement, lies between the bounds. Numbers of one sign and one length compare as bytes.
func (d *decimalBounds) hold(b []byte) bool {
	bound, sign := d.highest, byte(0)
	if b[0]&0x80 != 0 {
		bound, sign = d.lowest, 0xff
	}
	for len(b) > len(bound) {
		if b[0] != sign {
			return false
		}
		b = b[1:]
	}
	if len(b) < len(bound) {
		return true
	}
	if b[0]&0x80 != sign&0x80 {
		return false
	}
	for i := range b {
		if b[i] != bound[i] {
			return (b[i] < bound[i]) == (sign == 0)
		}
	}
	return true
}

// highBits has the high bit of each byte, which ASCII and the last byte of a number lack.
const highBits = 0x8080808080808080

// validUTF8 is utf8.Valid with a short way for short ASCII, which most strings are.
func validUTF8(b []byte) bool {
	if len(b) < 8 {
		for _, c := range b {
			if c >= utf8.RuneSelf {
				return utf8.Valid(b)
			}
		}
		return true
	}
	i := 0
	for ; i+8 <= len(b); i += 8 {
		if binary.LittleEndian.Uint64(b[i:])&highBits != 0 {
			return utf8.Valid(b[i:])
		}
	}
	// What is left of a last word has been seen in part already.
	if binary.LittleEndian.Uint64(b[len(b)-8:])&highBits != 0 {
		return utf8.Valid(b[i:])
	}
	return true
}
