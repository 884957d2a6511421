package batch

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
)

var errOverLimit = errors.New("over the limit")

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

var gzipDecoders sync.Pool

func decompressGzip(dst, src []byte, limit int) ([]byte, error) {
	d, ok := gzipDecoders.Get().(*gzipDecoder)
	if !ok {
		d = new(gzipDecoder)
	}
	defer gzipDecoders.Put(d)
	d.src.Reset(src)
	defer d.src.Reset(nil)
	if err := d.zip.Reset(&d.src); err != nil {
		return dst, err
	}
	// One byte beyond the limit tells data that ends there from data that goes on.
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
