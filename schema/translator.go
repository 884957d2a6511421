package schema

// Translator writes values of one schema as values of another, by Avro's schema resolution: fields that are gone are left out, new ones
// get their defaults, numbers are widened. It is safe for concurrent use.
type Translator struct {
	writer string
	t      *translation
}

// NewTranslator returns the translator of writer's values into reader's. When reader can read no value of writer it returns a
// *[ResolveError].
func NewTranslator(reader, writer *Schema) (*Translator, error) {
	t, problem := newTranslation(reader.root, writer.root)
	if problem == "" {
		return &Translator{writer: writer.FullName(), t: t}, nil
	}
	problems := Compatible(reader, writer)
	if len(problems) == 0 {
		problems = []Incompatibility{{Kind: TypeMismatch, Message: problem}}
	}
	return nil, &ResolveError{Event: reader.FullName(), Problems: problems}
}

// Append appends the translation of an Avro body, without a wire header, to dst. A body that is no value of the writer's schema, and one
// with a value that the reader's has no place for, is a *[DataError]; dst is as it was then.
func (t *Translator) Append(dst, avro []byte) ([]byte, error) {
	var run translating
	out, err := t.t.append(dst, avro, &run)
	if err == nil {
		return out, nil
	}
	if err.Schema == "" {
		err.Schema = t.writer
	}
	return dst, err
}
