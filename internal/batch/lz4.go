package batch

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/pierrec/lz4/v4"
)

// The LZ4 frame format (lz4_Frame_format.md, version 1.6.x), as far as Kafka's clients use it. Frames are written as Java writes them:
// blocks of 64 KiB, independent of one another, since Java refuses dependent ones, without checksums, since the batch
// has its own. The frame's header is therefore always the same, its own checksum in the last byte.
const (
	lz4Magic  = 0x184d2204
	lz4Header = "\x04\x22\x4d\x18\x60\x40\x82"
	lz4Chunk  = 64 << 10

	lz4Version         = 0x40
	lz4VersionMask     = 0xc0
	lz4Independent     = 0x20
	lz4BlockChecksum   = 0x10
	lz4ContentSize     = 0x08
	lz4ContentChecksum = 0x04
	lz4Dictionary      = 0x01
	lz4StoredBlock     = 1 << 31
	lz4Window          = 64 << 10
	// lz4Expansion is the most bytes one byte of a block can become.
	lz4Expansion = 255
)

func (c *compressor) compressLZ4(p []byte) error {
	if c.lz4 == nil {
		c.lz4 = new(lz4.Compressor)
	}
	chunks := (len(p) + lz4Chunk - 1) / lz4Chunk
	c.out = reserve(c.out[:0], len(lz4Header)+chunks*(4+lz4Chunk)+4)
	out := append(c.out, lz4Header...)
	for len(p) > 0 {
		chunk := p[:min(len(p), lz4Chunk)]
		p = p[len(chunk):]
		at := len(out)
		block := out[at+4 : at+4+len(chunk)]
		size, err := c.lz4.CompressBlock(chunk, block)
		if err != nil && !errors.Is(err, lz4.ErrInvalidSourceShortBuffer) {
			return err
		}
		word := uint32(size)
		if size == 0 || err != nil { // not smaller than it was
			size = copy(block, chunk)
			word = uint32(size) | lz4StoredBlock
		}
		out = out[:at+4+size]
		binary.LittleEndian.PutUint32(out[at:], word)
	}
	c.out = append(out, 0, 0, 0, 0)
	return nil
}

var errLZ4Frame = errors.New("broken lz4 frame")

// decompressLZ4 appends the one frame that src holds to dst, no more than limit bytes in all. Checksums in the frame are
// not checked: the batch's covers them.
func decompressLZ4(dst, src []byte, limit int) ([]byte, error) {
	le := binary.LittleEndian
	if len(src) < len(lz4Header) || le.Uint32(src) != lz4Magic {
		return dst, errLZ4Frame
	}
	flags, descriptor := src[4], src[5]
	if flags&lz4VersionMask != lz4Version || flags&lz4Dictionary != 0 || descriptor>>4&7 < 4 {
		return dst, errLZ4Frame
	}
	blockMax := 1 << (8 + 2*(descriptor>>4&7))
	src = src[6:]
	start, promised := len(dst), uint64(math.MaxUint64)
	if flags&lz4ContentSize != 0 {
		if len(src) < 8 {
			return dst, errLZ4Frame
		}
		if promised = le.Uint64(src); promised > uint64(limit) {
			return dst, errOverLimit
		}
		src = src[8:]
	}
	if len(src) < 1 {
		return dst, errLZ4Frame
	}
	src = src[1:]
	dst = grow(dst, min(4*len(src), limit), limit)
	for {
		if len(src) < 4 {
			return dst, errLZ4Frame
		}
		word := le.Uint32(src)
		src = src[4:]
		if word == 0 {
			break
		}
		size := int(word &^ lz4StoredBlock)
		if size > blockMax || size > len(src) {
			return dst, errLZ4Frame
		}
		block := src[:size]
		src = src[size:]
		var err error
		if word&lz4StoredBlock != 0 {
			dst, err = appendLimited(dst, block, limit)
		} else {
			dst, err = appendLZ4Block(dst, block, blockMax, limit, flags&lz4Independent == 0)
		}
		if err != nil {
			return dst, err
		}
		if flags&lz4BlockChecksum != 0 {
			if len(src) < 4 {
				return dst, errLZ4Frame
			}
			src = src[4:]
		}
	}
	if flags&lz4ContentChecksum != 0 {
		if len(src) < 4 {
			return dst, errLZ4Frame
		}
		src = src[4:]
	}
	if len(src) != 0 || promised != math.MaxUint64 && promised != uint64(len(dst)-start) {
		return dst, errLZ4Frame
	}
	return dst, nil
}

func appendLZ4Block(dst, block []byte, blockMax, limit int, linked bool) ([]byte, error) {
	// One byte of room beyond the limit tells a block that ends at the limit from one that goes over it.
	room := min(blockMax, len(block)*lz4Expansion, limit+1-len(dst))
	dst = grow(dst, room, limit+1)
	var window []byte
	if linked {
		window = dst[max(0, len(dst)-lz4Window):]
	}
	size, err := lz4.UncompressBlockWithDict(block, dst[len(dst):len(dst)+room], window)
	if err != nil {
		if room > limit-len(dst) {
			return dst, errOverLimit
		}
		return dst, err
	}
	dst = dst[:len(dst)+size]
	if len(dst) > limit {
		return dst, errOverLimit
	}
	return dst, nil
}
