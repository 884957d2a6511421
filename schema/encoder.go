package schema

// Encoder turns events of one type into Avro. It is safe for concurrent use.
type Encoder[E Event] struct {
	schema *Schema
}

// NewEncoder checks E against its schema and returns its encoder.
func NewEncoder[E Event]() (*Encoder[E], error) { return nil, errUnbuilt }

// Schema returns the schema events are written with.
func (c *Encoder[E]) Schema() *Schema { return c.schema }

// Append appends e as Avro, without wire header.
func (c *Encoder[E]) Append(dst []byte, e *E) ([]byte, error) { return dst, errUnbuilt }
