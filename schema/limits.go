package schema

import (
	"github.com/hamba/avro/v2"

	"github.com/headrace/headrace/schema/codec"
)

// The limits are those of schema/codec: what the guard takes, a generated decoder takes, and the other way round.
const (
	// MaxValueBytes is the largest Avro value that is read, 16 MiB. Kafka's own limit on a record is 1 MiB unless raised.
	MaxValueBytes = codec.MaxValueBytes

	// MaxSchemaBytes is the longest text of a schema, 1 MiB. Registries hand out schemas that somebody else wrote.
	MaxSchemaBytes = 1 << 20

	// MaxDepth is how deep records, arrays and maps of one value may nest, when read and when written. Recursive data beyond
	// any program's stack fits a few megabytes otherwise.
	MaxDepth = codec.MaxDepth

	// maxEmptyItems bounds, over one value, array items that take no bytes (null, empty records): five bytes could ask for
	// 2^62 of them.
	maxEmptyItems = codec.MaxEmptyItems
)

// api carries the limits that hamba's reader keeps by itself. They are set although the guard has run before it, because its
// defaults bound slices by the address space.
var api = avro.Config{MaxByteSliceSize: MaxValueBytes, MaxSliceAllocSize: MaxValueBytes}.Freeze()

func newReader() *avro.Reader { return avro.NewReader(nil, 0, avro.WithReaderConfig(api)) }
