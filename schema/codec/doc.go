// Package codec holds the primitives that generated event codecs are made of:
// functions that append Avro binary to a byte slice, and a Reader that decodes
// it strictly and within bounds.
//
// Code written by `headrace schema gen` is its only intended caller, and it
// imports nothing but the standard library, so that an events package stays
// light. The encoding is that of the Avro 1.12 specification, "Binary
// Encoding"; arrays and maps are written as one block with a positive count,
// which is what the Java encoder writes.
package codec

// Event is what a generated record type's pointer offers beside its fields.
// The schema package uses it in place of reflection.
//
// AppendAvro appends the record's Avro binary to dst; on an error dst is
// returned as it was. DecodeAvro reads one record from r into the receiver;
// errors stay in r (Reader.Err), and after one the receiver's contents are
// undefined.
type Event interface {
	AvroSchema() string
	AppendAvro(dst []byte) ([]byte, error)
	DecodeAvro(r *Reader)
}
