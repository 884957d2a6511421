package batch

import (
	"encoding/binary"
	"errors"

	"github.com/pierrec/lz4/v4"
)

// Frames (lz4_Frame_format.md, version 1.6) are written as Java writes them: blocks of 64 KiB, independent of one another,
// since Java refuses linked ones, without checksums, since the batch has its own. The frame's header is therefore always
// the same, its own checksum in the last byte.
const (
	lz4Magic  = 0x184d2204
	lz4Header = "\x04\x22\x4d\x18\x60\x40\x82"
	lz4Chunk  = 64 << 10

	// lz4StoredBlock marks the length of a block that is not compressed.
	lz4StoredBlock = 1 << 31
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
