package schema

const (
	// maxDefaultFields bounds how many fields the defaults of one schema take from other defaults: records whose fields default to
	// such records, twice each, double with every type.
	maxDefaultFields = 1 << 16
	maxDefaultBytes  = maxSchemaText
)

// defaultEncoder turns defaults into Avro once all types are known, so that a default of the wrong type is found when the schema is
// parsed, and a missing field costs a copy of bytes later.
type defaultEncoder struct {
	busy map[*field]bool
	cost int
}

func encodeDefaults(records []*node) error {
	d := defaultEncoder{busy: map[*field]bool{}}
	for _, record := range records {
		for i := range record.fields {
			f := &record.fields[i]
			if !f.hasDefault {
				continue
			}
			if err := d.encode(f); err != nil {
				return &InvalidSchemaError{Path: f.pointer + "/default", Reason: err.Error(), Hint: defaultHint(f.typ)}
			}
		}
	}
	return nil
}

func defaultHint(n *node) string {
	if n.kind == kindUnion {
		return "a default belongs to the first branch of a union, here " + n.branches[0].notation()
	}
	return "make it a value of " + n.notation() + ", or change the type"
}

func (d *defaultEncoder) encode(f *field) *JSONError {
	if f.defaultAvro != nil {
		return nil
	}
	if d.busy[f] {
		return misfit("the default needs itself")
	}
	d.busy[f] = true
	defer delete(d.busy, f)
	e := jsonEncoder{w: newWriter(), defaults: d}
	if err := e.encode(f.typ, &f.defaultRaw, 0); err != nil {
		return err
	}
	f.defaultCost = e.cost
	if d.cost += e.cost; d.cost > maxDefaultFields || e.w.Buffered() > maxDefaultBytes {
		return misfit("it expands to more than %d fields or %d bytes", maxDefaultFields, maxDefaultBytes)
	}
	f.defaultAvro = append([]byte{}, e.w.Buffer()...)
	return nil
}
