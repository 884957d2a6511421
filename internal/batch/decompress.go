package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

var (
	errOverLimit = errors.New("over the limit")
	errSnappy    = errors.New("broken snappy framing")
)

// decompress appends the decompressed form of src to dst, no more than limit bytes. It returns errOverLimit when there
// would be more, and has then allocated no more than a small multiple of the limit.
func decompress(codec Codec, dst, src []byte, limit int) ([]byte, error) {
	switch codec {
	case Gzip:
		return decompressGzip(dst, src, limit)
	case Snappy:
		return decompressSnappy(dst, src, limit)
	case LZ4:
		return decompressLZ4(dst, src, limit)
	case Zstd:
		return decompressZstd(dst, src, limit)
	default:
		return appendLimited(dst, src, limit)
	}
}

func appendLimited(dst, src []byte, limit int) ([]byte, error) {
	if len(src) > limit-len(dst) {
		return dst, errOverLimit
	}
	return append(grow(dst, len(src), limit), src...), nil
}

// grow returns dst with its length unchanged and room for n bytes more. It at least doubles, up to limit.
func grow(dst []byte, n, limit int) []byte {
	need := len(dst) + n
	if need <= cap(dst) {
		return dst
	}
	grown := make([]byte, len(dst), max(need, min(2*cap(dst), limit)))
	copy(grown, dst)
	return grown
}

type gzipDecoder struct {
	src bytes.Reader
	zip gzip.Reader
}

var gzipDecoders = sync.Pool{New: func() any { return new(gzipDecoder) }}

func decompressGzip(dst, src []byte, limit int) ([]byte, error) {
	d := gzipDecoders.Get().(*gzipDecoder) //nolint:errcheck,forcetypeassert // the pool holds nothing else
	defer gzipDecoders.Put(d)
	d.src.Reset(src)
	defer d.src.Reset(nil)
	if err := d.zip.Reset(&d.src); err != nil {
		return dst, err
	}
	dst = grow(dst, min(4*len(src), limit+1), limit+1)
	for {
		if len(dst) == cap(dst) {
			dst = grow(dst, 1, limit+1)
		}
		n, err := d.zip.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		switch {
		case len(dst) > limit:
			return dst, errOverLimit
		case errors.Is(err, io.EOF):
			return dst, nil
		case err != nil:
			return dst, err
		}
	}
}

var zstdDecoders sync.Pool

// zstdWindowMax is the window of the highest level of zstd, and the most that Java reads by default.
const zstdWindowMax = 128 << 20

func decompressZstd(dst, src []byte, limit int) (_ []byte, err error) {
	d, ok := zstdDecoders.Get().(*zstd.Decoder)
	if !ok {
		d, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(zstdWindowMax), zstd.WithDecodeAllCapLimit(true))
		if err != nil {
			return dst, err
		}
	}
	defer zstdDecoders.Put(d)

	guess := 4 * len(src)
	var header zstd.Header
	if header.Decode(src) == nil && header.HasFCS {
		if header.FrameContentSize > uint64(limit-len(dst)) {
			return dst, errOverLimit
		}
		guess = int(header.FrameContentSize)
	}
	dst = grow(dst, min(guess, limit), limit)
	for {
		// The decoder writes no further than dst's capacity, which only decoded bytes make grow.
		out, err := d.DecodeAll(src, dst)
		switch {
		case err == nil && len(out) > limit:
			return dst, errOverLimit
		case err == nil:
			return out, nil
		case !errors.Is(err, zstd.ErrDecoderSizeExceeded):
			return dst, err
		case cap(dst) >= limit:
			return dst, errOverLimit
		}
		dst = grow(dst, min(4*max(cap(dst), 1<<10), limit)-len(dst), limit)
	}
}

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
