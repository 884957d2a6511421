package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// streamWindow is the largest window of zstd for which records are decompressed as they are read: that of its level 19. Memory is taken
// for it before the first byte, on the word of the frame's header.
const streamWindow = 8 << 20

// errNoStream says that compressed records can only be decompressed at once.
var errNoStream = errors.New("cannot be decompressed in parts")

// newStream decompresses src as it is read, no more than 2 GiB, which is the most a batch can hold.
func newStream(codec Codec, src []byte) (io.Reader, error) {
	var r io.Reader
	var err error
	switch codec {
	case Gzip:
		r, err = gzip.NewReader(bytes.NewReader(src))
	case Snappy:
		if len(src) < len(xerialHeader) || string(src[:len(xerialMagic)]) != xerialMagic {
			return nil, errNoStream
		}
		r = &blockStream{next: (&snappyBlocks{src: src[len(xerialHeader):]}).next}
	case LZ4:
		b := new(lz4Blocks)
		b.frame, b.src, err = readLZ4Frame(src)
		r = &blockStream{next: b.next}
	case Zstd:
		var window uint64
		if _, window, err = zstdRoom(src); err == nil && window > streamWindow {
			return nil, errNoStream
		}
		if err == nil {
			r, err = zstd.NewReader(bytes.NewReader(src), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
				zstd.WithDecoderMaxWindow(streamWindow))
		}
	default:
		return nil, errNoStream
	}
	return io.LimitReader(r, math.MaxInt32), err
}

// blockStream reads what a codec's blocks become, one block after the other.
type blockStream struct {
	next  func() ([]byte, error) // the next block, good until the next call; io.EOF after the last
	block []byte
}

// Read implements io.Reader.
func (s *blockStream) Read(p []byte) (int, error) {
	for len(s.block) == 0 {
		var err error
		if s.block, err = s.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.block)
	s.block = s.block[n:]
	return n, nil
}

// snappyBlocks are the chunks of a xerial stream.
type snappyBlocks struct{ src, out []byte }

func (b *snappyBlocks) next() ([]byte, error) {
	if len(b.src) == 0 {
		return nil, io.EOF
	}
	if len(b.src) < 4 {
		return nil, errSnappy
	}
	size := binary.BigEndian.Uint32(b.src)
	b.src = b.src[4:]
	if uint64(size) > uint64(len(b.src)) {
		return nil, errSnappy
	}
	var err error
	b.out, err = appendSnappyBlock(b.out[:0], b.src[:size], UnstreamedBytes)
	b.src = b.src[size:]
	if err != nil {
		return nil, err
	}
	return b.out, nil
}

// lz4Blocks are the blocks of an LZ4 frame.
type lz4Blocks struct {
	frame lz4Frame
	src   []byte
	out   []byte // the block before, which a linked one refers to, and the one at hand
	ended bool
}

func (b *lz4Blocks) next() ([]byte, error) {
	if b.ended {
		return nil, io.EOF
	}
	block, stored, rest, err := b.frame.cutBlock(b.src)
	if err != nil {
		return nil, err
	}
	b.src = rest
	if block == nil {
		b.ended = true
		if rest, err = skipChecksum(rest, b.frame.contentChecksum); err != nil || len(rest) != 0 {
			return nil, errLZ4Frame
		}
		return nil, io.EOF
	}
	kept := 0
	if b.frame.linked {
		kept = copy(b.out, b.out[max(0, len(b.out)-lz4Window):])
	}
	limit := kept + b.frame.blockMax
	if stored {
		b.out, err = appendLimited(b.out[:kept], block, limit)
	} else {
		b.out, err = b.frame.appendBlock(b.out[:kept], block, limit)
	}
	if errors.Is(err, errOverLimit) { // of what the frame says a block is at most
		err = errLZ4Frame
	}
	return b.out[kept:], err
}
