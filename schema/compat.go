package schema

// Incompatibility is one reason why a reader's schema cannot read what a writer's schema wrote.
type Incompatibility struct {
	Path    string // JSON pointer into the reader's schema
	Kind    string // the rule of Avro's Schema Resolution that is broken
	Message string
}

// Compatible lists every reason why reader cannot read data written with writer. It is empty when it can.
func Compatible(reader, writer *Schema) []Incompatibility { return nil }
