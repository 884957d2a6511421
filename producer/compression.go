package producer

import "github.com/headrace/headrace/internal/batch"

// Compression is the codec of record batches. The zero value is [NoCompression].
type Compression int8

// The codecs Kafka knows. LZ4 and Zstd give the most for their CPU time; Gzip is for old readers.
const (
	NoCompression = Compression(batch.None)
	Gzip          = Compression(batch.Gzip)
	Snappy        = Compression(batch.Snappy)
	LZ4           = Compression(batch.LZ4)
	Zstd          = Compression(batch.Zstd)
)

// String returns the codec's name as Kafka's compression.type spells it, "none" among them.
func (c Compression) String() string { return batch.Codec(c).String() }
