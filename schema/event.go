package schema

// Event is a Go type that travels as Avro: a record type that knows its schema.
//
// AvroSchema returns the whole schema as JSON text. It must return the same text for every value, the zero value included,
// because it is read once, from a zero value, when an encoder or decoder is built.
//
// A type that also has
//
//	AppendAvro(dst []byte) ([]byte, error)
//
// on the value or its pointer is encoded by that method, and one whose pointer has
//
//	DecodeAvro(r *codec.Reader)
//
// is decoded by that one; generated types have both. Every other type is encoded and decoded field by field, each exported field
// under the name in its `avro` tag, or its own name without one.
type Event interface {
	AvroSchema() string
}
