package batch

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// compressor holds what one compression at a time needs: the encoders, which are large and made on first use, and the
// room for their output.
type compressor struct {
	out  []byte
	gzip *gzip.Writer
	zstd *zstd.Encoder
	lz4  *lz4.Compressor
}

// compressors keeps compressors between batches, as many as seal at the same time; the garbage collector empties it.
var compressors sync.Pool

// compressInPlace compresses p to its own start and returns the compressed size, or 0, with p left alone, when it would
// not be smaller.
func compressInPlace(codec Codec, p []byte) (size int, err error) {
	c, ok := compressors.Get().(*compressor)
	if !ok {
		c = new(compressor)
	}
	defer func() {
		if cap(c.out) > bufferKept {
			c.out = nil
		}
		compressors.Put(c)
	}()
	switch codec {
	case Gzip:
		err = c.compressGzip(p)
	case Snappy:
		c.compressSnappy(p)
	case LZ4:
		err = c.compressLZ4(p)
	case Zstd:
		err = c.compressZstd(p)
	default:
		return 0, fmt.Errorf("compress record batch: unknown %v", codec)
	}
	if err != nil {
		return 0, fmt.Errorf("compress record batch with %v: %w", codec, err)
	}
	if len(c.out) >= len(p) {
		return 0, nil
	}
	return copy(p, c.out), nil
}

// Write appends to the output, for encoders that write to a stream.
func (c *compressor) Write(p []byte) (int, error) {
	c.out = append(c.out, p...)
	return len(p), nil
}

func (c *compressor) compressGzip(p []byte) error {
	c.out = c.out[:0]
	if c.gzip == nil {
		c.gzip = gzip.NewWriter(c)
	} else {
		c.gzip.Reset(c)
	}
	if _, err := c.gzip.Write(p); err != nil {
		return err
	}
	return c.gzip.Close()
}

// reserve returns b with its length unchanged and room for n bytes more.
func reserve(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	grown := make([]byte, len(b), len(b)+n)
	copy(grown, b)
	return grown
}
