package schema

import (
	"math"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/printable"
)

const (
	// maxTries bounds the work on branches of unions that do not take a value in the end, and triesPerByte is what the length of the
	// text adds. Records that differ in one field deep inside would double it with every level.
	maxTries     = 1 << 20
	triesPerByte = 16
	// manyMembers is from how many members of an object on they are found by an index.
	manyMembers = 16
)

// jsonEncoder writes JSON as Avro.
type jsonEncoder struct {
	w avroBuffer
	// defaults is set while a schema's defaults are encoded. They are in a notation of their own: logical types as what is beneath
	// them, a union's value without the branch's name.
	defaults *defaultEncoder
	cost     int
	// steps counts values and members that were looked at; tries is how many more may have been so in vain.
	steps int
	tries *int
}

func (e *jsonEncoder) encode(n *node, v *jsonValue, depth int) *JSONError {
	e.steps += 1 + len(v.keys) + len(v.text)/64
	if len(e.w.dst) > MaxValueBytes {
		return misfit("it is more than %d bytes of Avro", MaxValueBytes)
	}
	if n.logical != logicalNone && e.defaults == nil {
		return e.logical(n, v)
	}
	switch n.kind {
	case kindUnion:
		return e.union(n, v, depth)
	case kindRecord, kindArray, kindMap:
		if depth >= MaxDepth {
			return misfit("it nests deeper than %d levels", MaxDepth)
		}
		return e.container(n, v, depth+1)
	default:
		return e.scalar(n, v)
	}
}

func (e *jsonEncoder) container(n *node, v *jsonValue, depth int) *JSONError {
	want := jsonObject
	if n.kind == kindArray {
		want = jsonArray
	}
	if v.kind != want {
		return misfit("%s needs %s, not %s", n.describe(), want, v.kind)
	}
	if n.kind == kindRecord {
		return e.record(n, v, depth)
	}
	if len(v.items) > 0 {
		e.w.long(int64(len(v.items)))
	}
	for i := range v.items {
		name := strconv.Itoa(i)
		if n.kind == kindMap {
			name = v.keys[i]
			e.w.text(name)
		}
		if err := e.encode(n.items, &v.items[i], depth); err != nil {
			return err.within(printable.Clip(name))
		}
	}
	e.w.long(0)
	return nil
}

func (e *jsonEncoder) record(n *node, v *jsonValue, depth int) *JSONError {
	known := 0
	member := v.members()
	e.steps += len(n.fields)
	for i := range n.fields {
		f := &n.fields[i]
		item, ok := member(f.name)
		if !ok {
			if err := e.missing(n, f); err != nil {
				return err.within(f.name)
			}
			continue
		}
		known++
		if err := e.encode(f.typ, item, depth); err != nil {
			return err.within(f.name)
		}
	}
	if known == len(v.keys) {
		return nil
	}
	fields := make(map[string]bool, len(n.fields))
	for i := range n.fields {
		fields[n.fields[i].name] = true
	}
	for _, key := range v.keys {
		if !fields[key] {
			return misfit("record %s has no such field", n.name).within(printable.Clip(key))
		}
	}
	return nil
}

func (e *jsonEncoder) missing(n *node, f *field) *JSONError {
	if f.mistake != nil {
		return misfit("it is missing, and its default in the schema at %s is not valid: %s", f.mistake.Path, f.mistake.Reason)
	}
	if !f.hasDefault {
		return misfit("it is missing, and record %s has no default for it", n.name)
	}
	if f.defaultAvro == nil {
		if err := e.defaults.encode(f); err != nil {
			return err
		}
	}
	e.cost += 1 + f.defaultCost
	e.w.raw(f.defaultAvro)
	return nil
}

func (e *jsonEncoder) union(n *node, v *jsonValue, depth int) *JSONError {
	if e.defaults != nil {
		return e.defaults.union(e, n, v, depth)
	}
	if v.kind == jsonObject && len(v.keys) == 1 {
		if i := n.branchNamed(v.keys[0]); i >= 0 {
			e.w.long(int64(i))
			if err := e.encode(n.branches[i], &v.items[0], depth); err != nil {
				return err.within(v.keys[0])
			}
			return nil
		}
	}
	// The first branch that takes the value has it, as in the specification's rule for schema resolution.
	var last *JSONError
	tried := 0
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
		last = err
		tried++
	}
	if tried == 1 {
		return last
	}
	var names []string
	for _, branch := range n.branches[:min(len(n.branches), maxNamedBranches)] {
		names = append(names, branch.typeName())
	}
	return misfit("%s fits no branch of the union of %s", v.kind, printable.Clip(strings.Join(names, ", ")))
}

// maxNamedBranches bounds how many branches of a union an error names.
const maxNamedBranches = 300

// tried counts the work on a branch that did not take the value; steps is what there had been before.
func (e *jsonEncoder) tried(steps int) *JSONError {
	*e.tries -= e.steps - steps
	e.steps = steps
	if *e.tries < 0 {
		return misfit("it fits the branches of its unions in too many ways")
	}
	return nil
}

func (e *jsonEncoder) scalar(n *node, v *jsonValue) *JSONError {
	switch n.kind {
	case kindNull:
		if v.kind != jsonNull {
			return misfit("null is needed, not %s", v.kind)
		}
		return nil
	case kindBoolean:
		if v.kind != jsonBool {
			return misfit("boolean needs true or false, not %s", v.kind)
		}
		e.w.boolean(v.truth)
		return nil
	case kindInt, kindLong:
		return e.integer(n, v)
	case kindFloat, kindDouble:
		return e.float(n, v)
	}
	if v.kind != jsonString {
		return misfit("%s needs a string, not %s", n.describe(), v.kind)
	}
	switch n.kind {
	case kindString:
		e.w.text(v.text)
		return nil
	case kindEnum:
		if i, ok := n.ordinals[v.text]; ok {
			e.w.long(int64(i))
			return nil
		}
		return misfit("%q is no symbol of enum %s", printable.Clip(v.text), n.name)
	default:
		return e.binary(n, v)
	}
}

func (e *jsonEncoder) binary(n *node, v *jsonValue) *JSONError {
	b := make([]byte, 0, len(v.text))
	for _, r := range v.text {
		if r > 0xff {
			return misfit("%s is a string of the code points 0 to 255, one per byte; it has %q", n.describe(), r)
		}
		b = append(b, byte(r))
	}
	if n.kind == kindBytes {
		e.w.bytes(b)
		return nil
	}
	if len(b) != n.size {
		return misfit("fixed %s has %d bytes, not %d", n.name, n.size, len(b))
	}
	e.w.raw(b)
	return nil
}

func (e *jsonEncoder) integer(n *node, v *jsonValue) *JSONError {
	if v.kind != jsonNumber {
		return misfit("%s needs a number, not %s", n.describe(), v.kind)
	}
	i, err := strconv.ParseInt(v.text, 10, 64)
	if err != nil {
		var whole bool
		if i, whole = exactInteger(v.text); !whole {
			return misfit("%s is not a number that %s can hold", printable.Clip(v.text), n.kind)
		}
	}
	if n.kind == kindInt {
		if i < math.MinInt32 || i > math.MaxInt32 {
			return misfit("%d does not fit an int", i)
		}
		e.w.long(i)
		return nil
	}
	e.w.long(i)
	return nil
}

func (e *jsonEncoder) float(n *node, v *jsonValue) *JSONError {
	bits := 64
	if n.kind == kindFloat {
		bits = 32
	}
	var f float64
	switch {
	case v.kind == jsonNumber:
		var err error
		if f, err = strconv.ParseFloat(v.text, bits); err != nil {
			return misfit("%s is beyond a %s", printable.Clip(v.text), n.kind)
		}
	case v.kind == jsonString && e.defaults != nil: // Java and hamba take none, and registries refuse the schema
		return misfit("a default of %s is a number in JSON, which has no %s", n.kind, printable.Clip(v.text))
	case v.kind == jsonString && v.text == "NaN":
		f = math.NaN()
	case v.kind == jsonString && v.text == "Infinity":
		f = math.Inf(1)
	case v.kind == jsonString && v.text == "-Infinity":
		f = math.Inf(-1)
	default:
		return misfit("%s needs a number, not %s", n.describe(), v.kind)
	}
	if bits == 32 {
		e.w.float(float32(f))
	} else {
		e.w.double(f)
	}
	return nil
}
