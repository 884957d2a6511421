package kafka

import "encoding/binary"

// wireReader reads Kafka's primitive types (protocol guide, "Protocol Primitive Types"). Reading past the end sets bad
// and yields zero values, so that a parser checks once at its end.
type wireReader struct {
	src []byte
	bad bool
}

func (r *wireReader) take(n int) []byte {
	if n < 0 || n > len(r.src) {
		r.bad, r.src = true, nil
		return nil
	}
	b := r.src[:n:n]
	r.src = r.src[n:]
	return b
}

func (r *wireReader) int16() int16 {
	if b := r.take(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (r *wireReader) int32() int32 {
	if b := r.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (r *wireReader) int64() int64 {
	if b := r.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (r *wireReader) uvarint() uint32 {
	v, n := binary.Uvarint(r.src)
	if n <= 0 || n > binary.MaxVarintLen32 || v > 1<<32-1 {
		r.bad, r.src = true, nil
		return 0
	}
	r.src = r.src[n:]
	return uint32(v)
}

// length reads a length or count: compact (value plus one, 0 for null) or of four bytes (-1 for null). Null is -1.
func (r *wireReader) length(compact bool) int {
	if compact {
		return int(r.uvarint()) - 1
	}
	return int(r.int32())
}

// count reads an array's length and refuses one that the bytes left cannot hold, each element taking at least minSize.
func (r *wireReader) count(compact bool, minSize int) int {
	n := r.length(compact)
	if n < 0 {
		return 0
	}
	if n > len(r.src)/minSize {
		r.bad, r.src = true, nil
		return 0
	}
	return n
}

func (r *wireReader) string(compact bool) []byte {
	if compact {
		return r.bytes(true)
	}
	return r.take(max(int(r.int16()), 0))
}

// bytes returns a view; null is nil.
func (r *wireReader) bytes(compact bool) []byte {
	n := r.length(compact)
	if n < 0 {
		return nil
	}
	return r.take(n)
}

func (r *wireReader) skipTags() {
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		r.uvarint()
		r.take(int(r.uvarint()))
	}
}

func appendInt16(dst []byte, v int16) []byte {
	return binary.BigEndian.AppendUint16(dst, uint16(v))
}

func appendInt32(dst []byte, v int32) []byte {
	return binary.BigEndian.AppendUint32(dst, uint32(v))
}

// appendLength writes a length or count, the counterpart of wireReader.length.
func appendLength(dst []byte, n int, compact bool) []byte {
	if compact {
		return binary.AppendUvarint(dst, uint64(n)+1)
	}
	return appendInt32(dst, int32(n))
}

func appendString(dst []byte, s string, compact bool) []byte {
	if compact {
		dst = binary.AppendUvarint(dst, uint64(len(s))+1)
	} else {
		dst = appendInt16(dst, int16(len(s)))
	}
	return append(dst, s...)
}

func appendNullableString(dst []byte, s string, compact bool) []byte {
	switch {
	case s != "":
		return appendString(dst, s, compact)
	case compact:
		return append(dst, 0)
	default:
		return appendInt16(dst, -1)
	}
}
