package codec

import (
	"encoding/binary"
	"math"
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
	if r.pos >= len(r.src) {
		r.Fail("value ends inside a boolean")
		return false
	}
	b := r.src[r.pos]
	if b > 1 {
		r.Fail("boolean is neither 0 nor 1")
		return false
	}
	r.pos++
	return b == 1
}

// Long reads a zig-zag variable-length integer of at most 64 bits.
func (r *Reader) Long() int64 {
	if p := r.src[r.pos:]; len(p) > 1 { // most are of one or two bytes
		u := uint64(p[0])
		if u < 0x80 {
			r.pos++
			return int64(u>>1) ^ -int64(u&1)
		}
		if p[1] < 0x80 {
			r.pos += 2
			u = u&0x7f | uint64(p[1])<<7
			return int64(u>>1) ^ -int64(u&1)
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
	b := r.take(8)
	if b == nil {
		return 0
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b))
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

// String reads a length and as many bytes of UTF-8.
func (r *Reader) String() string {
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
		r.slab, r.used = make([]byte, slabBytes), 0
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
