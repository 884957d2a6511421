package batch

import (
	"encoding/binary"
	"errors"

	"github.com/klauspost/compress/s2"
)

// xerialMagic begins a stream of snappy-java's SnappyOutputStream: its name, its version and the oldest version that
// can read it. Chunks follow, each a big-endian length and a snappy block.
const xerialMagic = "\x82SNAPPY\x00"

const (
	xerialHeader  = xerialMagic + "\x00\x00\x00\x01\x00\x00\x00\x01"
	xerialChunk   = 32 << 10 // as snappy-java writes
	xerialVersion = 1
)

func (c *compressor) compressSnappy(p []byte) {
	chunks := (len(p) + xerialChunk - 1) / xerialChunk
	c.out = reserve(c.out[:0], len(xerialHeader)+chunks*(4+s2.MaxEncodedLen(xerialChunk)))
	out := append(c.out, xerialHeader...)
	for len(p) > 0 {
		chunk := p[:min(len(p), xerialChunk)]
		p = p[len(chunk):]
		at := len(out)
		size := len(s2.EncodeSnappy(out[at+4:cap(out)], chunk))
		out = out[:at+4+size]
		binary.BigEndian.PutUint32(out[at:], uint32(size))
	}
	c.out = out
}

var errSnappy = errors.New("broken snappy framing")

// snappyExpansion is the most bytes one byte of a snappy block can become.
const snappyExpansion = 64

func decompressSnappy(dst, src []byte, limit int) ([]byte, error) {
	if len(src) < len(xerialHeader) || string(src[:len(xerialMagic)]) != xerialMagic {
		return appendSnappyBlock(dst, src, limit)
	}
	if v := binary.BigEndian.Uint32(src[len(xerialMagic):]); v < xerialVersion {
		return dst, errSnappy
	}
	src = src[len(xerialHeader):]
	dst = grow(dst, min(4*len(src), limit), limit)
	for len(src) > 0 {
		if len(src) < 4 {
			return dst, errSnappy
		}
		size := binary.BigEndian.Uint32(src)
		src = src[4:]
		if uint64(size) > uint64(len(src)) {
			return dst, errSnappy
		}
		var err error
		if dst, err = appendSnappyBlock(dst, src[:size], limit); err != nil {
			return dst, err
		}
		src = src[size:]
	}
	return dst, nil
}

func appendSnappyBlock(dst, block []byte, limit int) ([]byte, error) {
	size, err := s2.DecodedLen(block)
	switch {
	case err != nil:
		return dst, err
	case size > limit-len(dst):
		return dst, errOverLimit
	case size > len(block)*snappyExpansion:
		return dst, s2.ErrCorrupt
	}
	dst = grow(dst, size, limit)
	out, err := s2.Decode(dst[len(dst):len(dst)+size], block)
	if err != nil {
		return dst, err
	}
	return dst[:len(dst)+len(out)], nil
}
