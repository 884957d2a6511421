package codec

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// AppendBoolean appends one byte, 0 or 1.
func AppendBoolean(dst []byte, v bool) []byte {
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// AppendLong appends v as a zig-zag variable-length integer of 1 to 10 bytes.
// It serves Avro's int as well: both have the same encoding.
func AppendLong(dst []byte, v int64) []byte {
	u := uint64(v)<<1 ^ uint64(v>>63)
	if u < 0x80 {
		return append(dst, byte(u))
	}
	return binary.AppendUvarint(dst, u)
}

// AppendFloat appends the 4 bytes of an IEEE 754 single, little endian.
func AppendFloat(dst []byte, v float32) []byte {
	return binary.LittleEndian.AppendUint32(dst, math.Float32bits(v))
}

// AppendDouble appends the 8 bytes of an IEEE 754 double, little endian.
func AppendDouble(dst []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
}

// AppendBytes appends the length of v as a long, then v.
func AppendBytes(dst, v []byte) []byte {
	return append(AppendLong(dst, int64(len(v))), v...)
}

// AppendString appends the length of v in bytes as a long, then v. Avro strings
// are UTF-8: it returns ErrUTF8 for one that is not, since no strict reader,
// this package's Reader among them, would take it back.
func AppendString(dst []byte, v string) ([]byte, error) {
	const high = 0x8080808080808080
	text, n, at := bytesOf(v), len(v), len(dst)
	if n > 32 || n >= cap(dst)-at {
		return appendText(dst, text)
	}
	// A call to copy so little takes longer than these words do. They overlap where the length is no multiple of theirs.
	out := dst[: at+1+n : cap(dst)]
	to, le := out[at+1:], binary.LittleEndian
	switch {
	case n > 16:
		first, second, third, last := le.Uint64(text), le.Uint64(text[8:]), le.Uint64(text[n-16:]), le.Uint64(text[n-8:])
		if (first|second|third|last)&high != 0 {
			return appendText(dst, text)
		}
		le.PutUint64(to, first)
		le.PutUint64(to[8:], second)
		le.PutUint64(to[n-16:], third)
		le.PutUint64(to[n-8:], last)
	case n >= 8:
		first, last := le.Uint64(text), le.Uint64(text[n-8:])
		if (first|last)&high != 0 {
			return appendText(dst, text)
		}
		le.PutUint64(to, first)
		le.PutUint64(to[n-8:], last)
	case n >= 4:
		first, last := le.Uint32(text), le.Uint32(text[n-4:])
		if (first|last)&(high>>32) != 0 {
			return appendText(dst, text)
		}
		le.PutUint32(to, first)
		le.PutUint32(to[n-4:], last)
	case n > 0:
		first, middle, last := text[0], text[n/2], text[n-1]
		if first|middle|last >= utf8.RuneSelf {
			return appendText(dst, text)
		}
		to[0], to[n/2], to[n-1] = first, middle, last
	}
	out[at] = byte(n << 1)
	return out, nil
}

// appendText is AppendString for text that is long, or holds more than ASCII, or finds no room.
func appendText(dst, text []byte) ([]byte, error) {
	if !valid(text) {
		return dst, ErrUTF8
	}
	return append(AppendLong(dst, int64(len(text))), text...), nil
}

// AppendBlock appends the count that opens the only block of an array or map,
// or nothing for an empty one. AppendEnd must follow the items in either case.
func AppendBlock(dst []byte, count int) []byte {
	if count == 0 {
		return dst
	}
	return AppendLong(dst, int64(count))
}

// AppendEnd appends the zero count that closes an array or map.
func AppendEnd(dst []byte) []byte { return append(dst, 0) }
