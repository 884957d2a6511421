package producer

import "fmt"

// Compression is the codec of record batches. The zero value is [NoCompression].
type Compression int8

// The codecs Kafka knows. LZ4 and Zstd give the most for their CPU time; Gzip is for old readers.
const (
	NoCompression Compression = iota
	Gzip
	Snappy
	LZ4
	Zstd
)

// String returns the codec's name as Kafka's compression.type spells it.
func (c Compression) String() string {
	switch c {
	case NoCompression:
		return "none"
	case Gzip:
		return "gzip"
	case Snappy:
		return "snappy"
	case LZ4:
		return "lz4"
	case Zstd:
		return "zstd"
	default:
		return fmt.Sprintf("Compression(%d)", int8(c))
	}
}

func (c Compression) valid() bool { return c >= NoCompression && c <= Zstd }
