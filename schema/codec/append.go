package codec

import (
	"encoding/binary"
	"math"
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
	if !valid(bytesOf(v)) {
		return dst, ErrUTF8
	}
	return append(AppendLong(dst, int64(len(v))), v...), nil
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
