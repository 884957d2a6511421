package batch

import (
	"errors"
	"sync"

	"github.com/klauspost/compress/zstd"
)

const (
	// zstdWindow is the window of the encoder: the size of a batch, beyond which more gains nothing, and far below what
	// readers accept by default.
	zstdWindow = 1 << 20
	// zstdWindowMax is the window of the highest level of zstd, and the most that Java reads by default.
	zstdWindowMax = 128 << 20
	// zstdBlockMax is the most bytes one block can become (RFC 8878, 3.1.1.2.4).
	zstdBlockMax = 128 << 10
	// zstdSlack is room behind the last byte that lets the decoder copy in whole words.
	zstdSlack = 16
)

func (c *compressor) compressZstd(p []byte) (err error) {
	if c.zstd == nil {
		// The batch has a checksum of its own.
		c.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false),
			zstd.WithWindowSize(zstdWindow), zstd.WithLowerEncoderMem(true))
		if err != nil {
			return err
		}
	}
	c.out = c.zstd.EncodeAll(p, c.out[:0])
	return nil
}

var zstdDecoders sync.Pool

// decompressZstd appends the frames that src holds to dst, no more than limit bytes in all. The decoder writes into the
// capacity of dst and no further, so the room is found beforehand: what the block headers add up to, which is
// little more than the true size unless somebody forged them.
func decompressZstd(dst, src []byte, limit int) (_ []byte, err error) {
	room, _, err := zstdRoom(src)
	if err != nil {
		return dst, err
	}
	d, ok := zstdDecoders.Get().(*zstd.Decoder)
	if !ok {
		d, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(zstdWindowMax), zstd.WithDecodeAllCapLimit(true))
		if err != nil {
			return dst, err
		}
	}
	defer zstdDecoders.Put(d)
	dst = grow(dst, min(room, limit-len(dst))+zstdSlack, limit+zstdSlack)
	out, err := d.DecodeAll(src, dst)
	switch {
	case err == nil && len(out) <= limit:
		return out, nil
	case err == nil || room > limit-len(dst):
		// Short of room the decoder reports one error or another.
		return dst, errOverLimit
	default:
		return dst, err
	}
}

var errZstdFrame = errors.New("broken zstd frame")

// zstdRoom walks the headers of frames and blocks (RFC 8878, 3.1.1) and returns the most bytes that src can become, and the largest window
// that a frame asks for.
func zstdRoom(src []byte) (room int, window uint64, err error) {
	var frame zstd.Header
	for len(src) > 0 {
		if err := frame.Decode(src); err != nil {
			return 0, 0, err
		}
		src = src[frame.HeaderSize:]
		if frame.Skippable {
			if uint64(frame.SkippableSize) > uint64(len(src)) {
				return 0, 0, errZstdFrame
			}
			src = src[frame.SkippableSize:]
			continue
		}
		window = max(window, frame.WindowSize)
		var blocks int
		if blocks, src, err = zstdBlocks(src); err != nil {
			return 0, 0, err
		}
		if frame.HasFCS {
			blocks = int(min(uint64(blocks), frame.FrameContentSize))
		}
		room += blocks
		if frame.HasCheckSum {
			if len(src) < 4 {
				return 0, 0, errZstdFrame
			}
			src = src[4:]
		}
	}
	return room, window, nil
}

// zstdBlocks walks one frame's blocks and returns what they can become at most, and what follows them.
func zstdBlocks(src []byte) (room int, rest []byte, err error) {
	for {
		if len(src) < 3 {
			return 0, nil, errZstdFrame
		}
		header := int(src[0]) | int(src[1])<<8 | int(src[2])<<16
		last, kind, size := header&1 != 0, header>>1&3, header>>3
		src = src[3:]
		if size > zstdBlockMax {
			return 0, nil, errZstdFrame
		}
		switch kind {
		case 0: // raw
			room += size
		case 1: // one byte, repeated
			room += size
			size = 1
		default: // compressed; the decoder refuses the reserved kind
			room += zstdBlockMax
		}
		if size > len(src) {
			return 0, nil, errZstdFrame
		}
		src = src[size:]
		if last {
			return room, src, nil
		}
	}
}
