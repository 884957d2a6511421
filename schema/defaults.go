package schema

const (
	// maxDefaultFields bounds how many fields the defaults of one schema take from other defaults: records whose fields default to
	// such records, twice each, double with every type.
	maxDefaultFields = 1 << 16
	maxDefaultBytes  = maxSchemaText
	// maxDefaultsBytes bounds all defaults of a schema, which may each take the same long one from others. Without that no text of
	// maxSchemaText comes to so much.
	maxDefaultsBytes = 8 * maxSchemaText
	tooLarge         = "it expands to more than %d fields or %d bytes"
)

// defaultEncoder turns defaults into Avro once all types are known, so that a default of the wrong type is found when the schema is
// parsed, and a missing field costs a copy of bytes later.
type defaultEncoder struct {
	busy  map[*field]bool
	cost  int
	bytes int
	// tries counts the branches of unions that were tried, and later whether one was taken that is not the first.
	tries int
	later bool
}

// encodeDefaults returns the defaults that are not valid, and marks their fields. It reports whether a default is of a union's later
// branch.
func encodeDefaults(records []*node) (later bool, mistakes []*InvalidSchemaError) {
	d := defaultEncoder{busy: map[*field]bool{}}
	for _, record := range records {
		for i := range record.fields {
			f := &record.fields[i]
			if !f.hasDefault {
				continue
			}
			if err := d.encode(f); err != nil {
				f.hasDefault = false
				f.mistake = &InvalidSchemaError{Path: f.pointer + "/default", Reason: err.Error(), Hint: defaultHint(f.typ)}
				mistakes = append(mistakes, f.mistake)
			}
		}
	}
	return d.later, mistakes
}

func defaultHint(n *node) string {
	if n.kind == kindUnion {
		return "a default belongs to a branch of the union, best to the first, here " + n.branches[0].notation()
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
	if d.cost > maxDefaultFields || d.bytes > maxDefaultsBytes { // by those before it
		return misfit(tooLarge, maxDefaultFields, maxDefaultBytes)
	}
	d.busy[f] = true
	defer delete(d.busy, f)
	e := jsonEncoder{w: newWriter(), defaults: d}
	err := e.encode(f.typ, &f.defaultRaw, 0)
	d.cost, d.bytes = d.cost+e.cost, d.bytes+e.w.Buffered() // also of one that is not valid: there may be many
	if err != nil {
		return err
	}
	f.defaultCost = e.cost
	if d.cost > maxDefaultFields || d.bytes > maxDefaultsBytes || e.w.Buffered() > maxDefaultBytes {
		return misfit(tooLarge, maxDefaultFields, maxDefaultBytes)
	}
	f.defaultAvro = append([]byte{}, e.w.Buffer()...)
	return nil
}

// union writes a default as the first branch that takes it. Up to 1.11 the specification wants it to be of the first branch, since 1.12
// (AVRO-3649) any will do.
func (d *defaultEncoder) union(e *jsonEncoder, n *node, v *jsonValue, depth int) *JSONError {
	var first *JSONError
	mark := len(e.w.Buffer())
	for i, branch := range n.branches {
		if branch.forms()&formOfKind[v.kind] == 0 {
			continue
		}
		if d.tries++; d.tries > maxDefaultFields {
			return misfit("it fits the branches of its unions in too many ways")
		}
		e.w.WriteLong(int64(i))
		err := e.encode(branch, v, depth)
		if err == nil {
			d.later = d.later || i > 0
			return nil
		}
		e.rewind(mark)
		if first == nil {
			first = err
		}
	}
	if first == nil {
		first = e.encode(n.branches[0], v, depth) // says what is missing
	}
	return first
}
