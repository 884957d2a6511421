package codec

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strings"
	"unsafe"
)

const (
	// MaxValueBytes is the largest Avro value that is read or written, 16 MiB.
	MaxValueBytes = 16 << 20
	// MaxDepth bounds how deep records, arrays and maps of one value may nest.
	MaxDepth = 128
	// MaxEmptyItems bounds, over one value, the array items that take no bytes,
	// such as null: without a bound five bytes announce billions of them.
	MaxEmptyItems = 1024
	// GrowItems bounds how many items generated decoders make room for at once.
	GrowItems = 64
	// slabBytes is how much room for strings is allocated at once; what an event
	// keeps of one string keeps that much in memory. A longer string than
	// slabString gets memory of its own.
	slabBytes  = 8 << 10
	slabString = 512
)

// Reader decodes Avro binary strictly: it refuses a length or count beyond the
// bytes that are left before it allocates for it, integers longer than their
// type, indexes out of range and strings that are not UTF-8.
//
// The first error stays: after it every read returns a zero value, and Err
// tells. What it returns never aliases the bytes given to Reset. Short strings
// are cut from slabs of 8 KiB, so that most cost no allocation: clone one that
// outlives its event by long. The zero value reads nothing; call Reset first. A
// Reader is not safe for concurrent use and must not be copied once used.
type Reader struct {
	src   []byte
	pos   int
	slab  []byte // what short strings are cut from
	used  int    // of slab, which is never written again
	depth int
	empty int
	err   error
}

// Reset makes r read src from its beginning and forgets the last error.
func (r *Reader) Reset(src []byte) {
	r.src, r.pos, r.depth, r.empty = src, 0, 0, 0
	if r.err != nil { // else two pointers less are written while the collector marks
		r.err = nil
	}
}

// Err returns the first error: nil, a *DataError, or one in a *FieldError.
func (r *Reader) Err() error { return r.err }

// Failed says whether there was an error.
func (r *Reader) Failed() bool { return r.err != nil }

// Rest returns how many bytes are not read yet.
func (r *Reader) Rest() int { return len(r.src) - r.pos }

// InField names the field that was being read when r failed. Generated code
// calls it on the way out, innermost first, so that the names form a path.
func (r *Reader) InField(name string) { r.err = InField(name, r.err) }

// Fail makes reason, with the position, the Reader's error unless it has one.
func (r *Reader) Fail(reason string) {
	if r.err == nil {
		r.err = &DataError{Offset: r.pos, Reason: reason}
		r.src = r.src[:r.pos] // so that a read need not ask for the error when it finds bytes
	}
}

// Boolean reads one byte, which must be 0 or 1.
func (r *Reader) Boolean() bool {
	if at := r.pos; uint(at) < uint(len(r.src)) && r.src[at] <= 1 {
		r.pos = at + 1
		return r.src[at] == 1
	}
	return r.noBoolean()
}

func (r *Reader) noBoolean() bool {
	if r.pos >= len(r.src) {
		r.Fail("value ends inside a boolean")
	} else {
		r.Fail("boolean is neither 0 nor 1")
	}
	return false
}

// Long reads a zig-zag variable-length integer of at most 64 bits.
func (r *Reader) Long() int64 {
	at := r.pos
	if len(r.src)-at >= 8 { // then a word of the bytes tells where the integer ends
		w := binary.LittleEndian.Uint64(r.src[at:])
		if w&0x80 == 0 {
			r.pos = at + 1
			return int64(w>>1&0x3f) ^ -int64(w&1)
		}
		if ends := ^w & 0x8080808080808080; ends != 0 {
			w &= ends ^ (ends - 1)
			w = w&0x007f007f007f007f | w>>1&0x3f803f803f803f80
			w = w&0x00003fff00003fff | w>>2&0x0fffc0000fffc000
			w = w&0x0fffffff | w>>4&0x00fffffff0000000
			r.pos = at + bits.TrailingZeros64(ends)/8 + 1
			return int64(w>>1) ^ -int64(w&1)
		}
	}
	return r.longerLong()
}

func (r *Reader) longerLong() int64 {
	var u uint64
	for i, b := range r.src[r.pos:] {
		if i == 9 && b > 1 {
			r.Fail("integer is longer than 64 bits")
			return 0
		}
		u |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			r.pos += i + 1
			return int64(u>>1) ^ -int64(u&1)
		}
	}
	r.Fail("value ends inside an integer")
	return 0
}

// Int reads a zig-zag variable-length integer of at most 32 bits.
func (r *Reader) Int() int32 {
	v := r.Long()
	if v != int64(int32(v)) {
		r.Fail("int is longer than 32 bits")
		return 0
	}
	return int32(v)
}

// Float reads an IEEE 754 single.
func (r *Reader) Float() float32 {
	b := r.take(4)
	if b == nil {
		return 0
	}
	return math.Float32frombits(binary.LittleEndian.Uint32(b))
}

// Double reads an IEEE 754 double.
func (r *Reader) Double() float64 {
	at := r.pos
	if len(r.src)-at < 8 {
		r.Fail("value ends too early")
		return 0
	}
	r.pos = at + 8
	return math.Float64frombits(binary.LittleEndian.Uint64(r.src[at:]))
}

// Bytes reads a length and as many bytes, and returns a copy of them, never nil
// unless r failed.
func (r *Reader) Bytes() []byte {
	b := r.view()
	if b == nil {
		return nil
	}
	return append(make([]byte, 0, len(b)), b...)
}

// String reads a length and as many bytes of UTF-8. What it does itself is the
// common case: ASCII below slabString, its length in one or two bytes, and room.
func (r *Reader) String() string {
	src, at := r.src, r.pos
	if len(src)-at < 2 {
		return r.otherString()
	}
	n := int(src[at])
	at++
	if n >= 0x80 {
		if src[at] >= 0x80 {
			return r.otherString()
		}
		n = n&0x7f | int(src[at])<<7
		at++
	}
	if n&1 != 0 || n == 0 {
		return r.otherString()
	}
	n >>= 1
	if n > len(src)-at || n > len(r.slab)-r.used || n > slabString {
		return r.otherString()
	}
	text, kept := src[at:at+n], r.slab[r.used:r.used+n]
	if n <= 32 {
		if !copyShort(kept, text) {
			return r.otherString()
		}
	} else if !ascii(text) {
		return r.otherString()
	} else {
		copy(kept, text)
	}
	r.used, r.pos = r.used+n, at+n
	return unsafe.String(unsafe.SliceData(kept), n)
}

// copyShort copies text of 1 to 32 bytes to to, and says whether it is ASCII. The
// words overlap, as in AppendString.
func copyShort(to, text []byte) bool {
	const high = 0x8080808080808080
	le, n := binary.LittleEndian, len(text)
	to = to[:n]
	if n < 8 {
		if n < 4 {
			first, middle, last := text[0], text[n>>1], text[n-1]
			to[0], to[n>>1], to[n-1] = first, middle, last
			return first|middle|last < 0x80
		}
		first, last := le.Uint32(text), le.Uint32(text[n-4:])
		le.PutUint32(to, first)
		le.PutUint32(to[n-4:], last)
		return (first|last)&(high>>32) == 0
	}
	first, last := le.Uint64(text), le.Uint64(text[n-8:])
	le.PutUint64(to, first)
	le.PutUint64(to[n-8:], last)
	if n > 16 {
		second, third := le.Uint64(text[8:]), le.Uint64(text[n-16:])
		le.PutUint64(to[8:], second)
		le.PutUint64(to[n-16:], third)
		first |= second | third
	}
	return (first|last)&high == 0
}

// otherString is String for every case.
func (r *Reader) otherString() string {
	b := r.view()
	if len(b) == 0 {
		return ""
	}
	if !valid(b) {
		r.pos -= len(b)
		r.Fail("string is not valid UTF-8")
		return ""
	}
	if len(b) > slabString {
		return string(b)
	}
	if len(b) > len(r.slab)-r.used {
		r.slab, r.used = newSlab(), 0
	}
	kept := r.slab[r.used : r.used+len(b)]
	r.used += copy(kept, b)
	return unsafe.String(&kept[0], len(kept))
}

// Fixed fills dst.
func (r *Reader) Fixed(dst []byte) {
	if b := r.take(len(dst)); b != nil {
		copy(dst, b)
	}
}

// Index reads the index of an enum's symbol and refuses one outside 0..n-1. It is
// 0 when r failed.
func (r *Reader) Index(n int) int { return max(r.Branch(n), 0) }

// Branch reads the index of a union's branch and refuses one outside 0..n-1. It
// is -1 when r failed.
func (r *Reader) Branch(n int) int {
	i := r.Long()
	if r.err != nil {
		return -1
	}
	if i < 0 || i >= int64(n) {
		r.Fail("enum or union index is out of range")
		return -1
	}
	return int(i)
}

// Block reads the next block count of an array or map whose items take at least
// minSize bytes each, and returns it; 0 ends the array or map, or r failed. A
// negative count, which Avro follows by the block's size in bytes, is returned as
// its absolute value.
//
// end is where this block must end, -1 when it does not say. The next call takes
// it as last, and refuses a block of another size; the first takes -1.
func (r *Reader) Block(last, minSize int) (n, end int) {
	if last >= 0 && r.err == nil && r.pos != last {
		r.Fail("block is not as long as it says")
	}
	count := r.Long()
	end = -1
	if count < 0 {
		size := r.Long()
		if r.err == nil && (count == math.MinInt64 || size < 0 || size > int64(r.Rest())) {
			r.Fail("block count or size is out of range")
		}
		count, end = -count, r.pos+int(size)
	}
	if r.err != nil {
		return 0, -1
	}
	if minSize == 0 {
		if count > MaxEmptyItems-int64(r.empty) {
			r.Fail("too many items that take no bytes")
			return 0, -1
		}
		r.empty += int(count)
		return int(count), end
	}
	if count > int64(r.Rest()/minSize) {
		r.Fail("block count is more than the value's bytes can hold")
		return 0, -1
	}
	return int(count), end
}

// Distinct refuses a map that holds fewer keys than entries were read: a key
// occurred twice.
func (r *Reader) Distinct(keys, entries int) {
	if keys != entries {
		r.Fail("map key occurs twice")
	}
}

// Enter counts one level of nesting, where a schema can nest beyond MaxDepth, and
// says whether it may be read. Leave must follow when it says so.
func (r *Reader) Enter() bool {
	if r.err != nil || r.depth >= MaxDepth {
		r.Fail("value nests too deep")
		return false
	}
	r.depth++
	return true
}

// Leave ends the level that Enter began.
func (r *Reader) Leave() { r.depth-- }

// view reads a length and returns as many bytes of src, not copied; nil if r
// failed.
func (r *Reader) view() []byte {
	var n int64
	if r.pos < len(r.src) && r.src[r.pos] < 0x80 { // Long, without its call
		b := r.src[r.pos]
		r.pos++
		n = int64(b>>1) ^ -int64(b&1)
	} else {
		n = r.Long()
	}
	start := r.pos
	if n < 0 || n > int64(len(r.src)-start) {
		r.Fail("length is more than the value's bytes")
		return nil
	}
	if r.err != nil {
		return nil
	}
	end := start + int(n)
	r.pos = end
	return r.src[start:end:end]
}

func (r *Reader) take(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n > r.Rest() {
		r.Fail("value ends too early")
		return nil
	}
	b := r.src[r.pos : r.pos+n]
	r.pos += n
	return b
}

// newSlab returns a slab that holds anything: each byte is written before it is in
// a string, and a Builder's memory is the one that is not cleared first.
func newSlab() []byte {
	var b strings.Builder
	b.Grow(slabBytes)
	b.WriteByte(0)
	return unsafe.Slice(unsafe.StringData(b.String()), b.Cap())
}
