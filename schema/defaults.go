package schema

import "cmp"

const (
	// maxDefaultFields bounds how many fields the defaults of one schema take from other defaults: records whose fields default to
	// such records, twice each, double with every type.
	maxDefaultFields = 1 << 16
	maxDefaultBytes  = MaxSchemaBytes
	// maxDefaultsBytes bounds all defaults of a schema, which may each take the same long one from others. Without that no text of
	// MaxSchemaBytes comes to so much.
	maxDefaultsBytes = 8 * MaxSchemaBytes
	tooLarge         = "it expands to more than %d fields or %d bytes"
)

// defaultEncoder turns defaults into Avro once all types are known, so that a default of the wrong type is found when the schema is
// parsed, and a missing field costs a copy of bytes later.
type defaultEncoder struct {
	busy  map[*field]bool
	cost  int
	bytes int
	// tries is what is left of maxTries.
	tries int
}

// encodeDefaults returns the defaults that are not valid, and marks their fields. It reports whether there is a default.
func encodeDefaults(records []*node) (some bool, mistakes []*InvalidSchemaError) {
	d := defaultEncoder{busy: map[*field]bool{}, tries: maxTries}
	for _, record := range records {
		for i := range record.fields {
			f := &record.fields[i]
			if !f.hasDefault {
				continue
			}
			some = true
			if err := d.encode(f); err != nil {
				f.hasDefault = false
				f.mistake = &InvalidSchemaError{Path: f.pointer + "/default", Reason: err.Error(), Hint: defaultHint(f.typ)}
				mistakes = append(mistakes, f.mistake)
			}
		}
	}
	return some, mistakes
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
	e := jsonEncoder{defaults: d, tries: &d.tries}
	err := e.encode(f.typ, &f.defaultRaw, 0)
	d.cost, d.bytes = d.cost+e.cost, d.bytes+len(e.w.dst) // also of one that is not valid: there may be many
	if err != nil {
		return cmp.Or(e.tried(0), err)
	}
	f.defaultCost = e.cost
	if d.cost > maxDefaultFields || d.bytes > maxDefaultsBytes || len(e.w.dst) > maxDefaultBytes {
		return misfit(tooLarge, maxDefaultFields, maxDefaultBytes)
	}
	f.defaultAvro = append([]byte{}, e.w.dst...)
	return nil
}

// union writes a default as the first branch that takes it. Up to 1.11 the specification wants it to be of the first branch, since 1.12
// (AVRO-3649) any will do.
func (d *defaultEncoder) union(e *jsonEncoder, n *node, v *jsonValue, depth int) *JSONError {
	var first *JSONError
	mark := len(e.w.dst)
	for i, branch := range n.branches {
		if branch.forms()&formOfKind[v.kind] == 0 {
			continue
		}
		steps := e.steps
		e.w.long(int64(i))
		err := e.encode(branch, v, depth)
		if err == nil {
			return nil
		}
		e.w.dropAfter(mark)
		if err := e.tried(steps); err != nil {
			return err
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		first = e.encode(n.branches[0], v, depth) // says what is missing
	}
	return first
}
