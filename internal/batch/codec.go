package batch

import "strconv"

// Codec is how the records of a batch are compressed, numbered as in the batch's attributes. The zero value is None.
type Codec int8

// The codecs of Kafka.
const (
	None   Codec = 0
	Gzip   Codec = 1
	Snappy Codec = 2 // written in xerial framing, as Java does; read in xerial framing and as one raw block
	LZ4    Codec = 3 // LZ4 frame format
	Zstd   Codec = 4 // KIP-110
)

// String returns the codec's name as Kafka's configuration spells it.
func (c Codec) String() string {
	switch c {
	case None:
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
		return "codec " + strconv.Itoa(int(c))
	}
}
