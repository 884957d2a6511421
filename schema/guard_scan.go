package schema

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"strconv"
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
			if pos < len(src) && src[pos]&1 == 0 && int32(src[pos]>>1) == st.min {
				s.pos = pos + 1
				if err := s.run(st.arg, depth); err != nil {
					return err.within(p.fields[i])
				}
				pos = s.pos
				continue
			}
			if pos < len(src) && src[pos]&1 == 0 && int32(src[pos]>>1) == 1-st.min {
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
			return int64(v>>1) ^ -int64(v&1), nil
		}
	}
	return 0, s.fail(reasonVarint)
}
