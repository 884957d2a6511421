package schema

import "context"

// Decoder turns Avro into events of one type. It is safe for concurrent use.
type Decoder[E Event] struct {
	schema *Schema
	reg    *Registry
}

// NewDecoder checks E against its schema and returns its decoder, which asks reg for the schemas of writers.
func NewDecoder[E Event](reg *Registry) (*Decoder[E], error) { return nil, errUnbuilt }

// Schema returns the schema of E, the reader's schema.
func (d *Decoder[E]) Schema() *Schema { return d.schema }

// Decode decodes body, written with the schema that writer names, into e.
func (d *Decoder[E]) Decode(ctx context.Context, writer Ref, body []byte, e *E) error {
	return errUnbuilt
}
