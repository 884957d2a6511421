package batch

import "math/bits"

// Varints are zigzag encoded, little end first, seven bits a byte, as in Protocol Buffers' sint32 and sint64. They are
// written in their shortest form, as Java writes them.

func zigzag(v int64) uint64 { return uint64(v)<<1 ^ uint64(v>>63) }

// varintSize returns how many bytes appendVarint writes for v: 1 to 10.
func varintSize(v int64) int { return (bits.Len64(zigzag(v)|1) + 6) / 7 }

func appendVarint(dst []byte, v int64) []byte {
	u := zigzag(v)
	for u >= 0x80 {
		dst = append(dst, byte(u)|0x80)
		u >>= 7
	}
	return append(dst, byte(u))
}

// putVarint writes v to the start of dst, which has room for it, and returns its size.
func putVarint(dst []byte, v int64) (size int) {
	u := zigzag(v)
	for u >= 0x80 {
		dst[size] = byte(u) | 0x80
		u >>= 7
		size++
	}
	dst[size] = byte(u)
	return size + 1
}

// varint reads the varint at the start of p and returns its size, which is 0 when p ends inside it or it does not fit
// into 64 bits.
func varint(p []byte) (v int64, size int) {
	if len(p) > 1 {
		// Most are lengths and deltas of one or two bytes.
		u := uint64(p[0])
		if u < 0x80 {
			return int64(u>>1) ^ -int64(u&1), 1
		}
		if p[1] < 0x80 {
			u = u&0x7f | uint64(p[1])<<7
			return int64(u>>1) ^ -int64(u&1), 2
		}
	}
	return longVarint(p)
}

func longVarint(p []byte) (v int64, size int) {
	var u uint64
	for i, b := range p {
		if i == 9 && b > 1 {
			return 0, 0
		}
		u |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			return int64(u>>1) ^ -int64(u&1), i + 1
		}
		if i == 9 {
			return 0, 0
		}
	}
	return 0, 0
}
