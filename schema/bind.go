package schema

import (
	"encoding"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"time"

	"github.com/headrace/headrace/internal/avroname"
)

// Binding joins a type of a schema to a Go type once, when an encoder or decoder is built: what does not fit is found there, and
// what is left to do for each event is a walk over functions that know their types and offsets.
//
// The functions take unsafe.Pointer, since reflection costs more per field than the encoding itself. Each is built from the
// reflect.Type of what it will be given, and nothing else calls it.

// TypeError says that a Go type does not fit its schema.
type TypeError struct {
	Event  string // the Go type of the event
	Path   string // the field in the schema, as /items/price; "" is the whole
	Go     string // the Go type found there, "" when there is none
	Avro   string // the Avro type there
	Reason string
}

func (e *TypeError) Error() string {
	text := e.Event + ": "
	if e.Path != "" {
		text += "field " + e.Path + ": "
	}
	return text + e.Reason
}

func (e *TypeError) within(name string) *TypeError {
	e.Path = "/" + name + e.Path
	return e
}

// unfit is the error of a Go type that cannot hold an Avro type; use names what can.
func unfit(n *node, t reflect.Type, use string) *TypeError {
	return &TypeError{Go: t.String(), Avro: n.describe(), Reason: fmt.Sprintf("Go type %s does not fit Avro %s: use %s", t, n.describe(), use)}
}

var (
	timeType      = reflect.TypeFor[time.Time]()
	clockType     = reflect.TypeFor[time.Duration]()
	ratType       = reflect.TypeFor[big.Rat]()
	durationType  = reflect.TypeFor[Duration]()
	marshalerType = reflect.TypeFor[encoding.TextMarshaler]()
	unmarshalType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// textual reports whether a type writes and reads itself as text, which fits a string or an enum.
func textual(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface && p.Implements(marshalerType) && p.Implements(unmarshalType)
}

func isBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
}

func isByteArray(t reflect.Type, size int) bool {
	return t.Kind() == reflect.Array && t.Elem().Kind() == reflect.Uint8 && t.Len() == size
}

// nilable reports whether nil may stand for a union's null.
func nilable(t reflect.Type) bool {
	return t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map
}

// goField is where a struct keeps a field of a record.
type goField struct {
	name   string
	offset uintptr
	typ    reflect.Type
}

// structFields lists the exported fields of a struct under their Avro names. Embedded structs without a tag are part of their
// parent.
func structFields(t reflect.Type) ([]goField, *TypeError) {
	var list []goField
	seen := map[string]string{}
	var walk func(t reflect.Type, base uintptr) *TypeError
	walk = func(t reflect.Type, base uintptr) *TypeError {
		for i := range t.NumField() {
			f := t.Field(i)
			tag, tagged := f.Tag.Lookup("avro")
			name, _, _ := strings.Cut(tag, ",")
			if name == "-" {
				continue
			}
			if f.Anonymous && !tagged && f.Type.Kind() == reflect.Struct {
				if err := walk(f.Type, base+f.Offset); err != nil {
					return err
				}
				continue
			}
			if !f.IsExported() {
				if tagged {
					return &TypeError{Go: f.Type.String(), Reason: fmt.Sprintf("Go field %s.%s has an avro tag and is not exported", t, f.Name)}
				}
				continue
			}
			if name == "" {
				name = f.Name
			}
			if other, twice := seen[name]; twice {
				return &TypeError{Reason: fmt.Sprintf("Go fields %s and %s of %s are both %q in Avro", other, f.Name, t, name)}
			}
			seen[name] = f.Name
			list = append(list, goField{name: name, offset: base + f.Offset, typ: f.Type})
		}
		return nil
	}
	if err := walk(t, 0); err != nil {
		return nil, err
	}
	return list, nil
}

// bindRecord pairs the fields of a record with those of a struct. Both must have the same: a field on one side only is data that
// would be lost without a word.
func bindRecord(n *node, t reflect.Type) ([]goField, *TypeError) {
	all, err := structFields(t)
	if err != nil {
		return nil, err
	}
	byName := map[string]goField{}
	for _, f := range all {
		byName[f.name] = f
	}
	bound := make([]goField, len(n.fields))
	for i := range n.fields {
		f, ok := byName[n.fields[i].name]
		if !ok {
			missing := &TypeError{Avro: n.fields[i].typ.describe(), Reason: fmt.Sprintf(
				"record %s has it as %s, and Go type %s has no field for it: add one with the tag `avro:\"%s\"`",
				n.name, n.fields[i].typ.describe(), t, n.fields[i].name)}
			return nil, missing.within(n.fields[i].name)
		}
		delete(byName, f.name)
		bound[i] = f
	}
	for _, f := range all {
		if _, extra := byName[f.name]; extra {
			err := &TypeError{Go: f.typ.String(), Reason: fmt.Sprintf(
				"Go type %s has it as %s, and record %s has no such field: tag it `avro:\"-\"` to keep it out", t, f.typ, n.name)}
			return nil, err.within(f.name)
		}
	}
	return bound, nil
}

// bindUnion pairs the branches of a union of several types with the fields of a struct, one nilable field per branch, named by
// the branch: the primitive's name, or the full or unqualified name of a named type. At most one field is set in a value; none is
// null. The field of null, which needs none, stays zero.
func bindUnion(n *node, t reflect.Type) ([]goField, *TypeError) {
	all, err := structFields(t)
	if err != nil {
		return nil, err
	}
	bound := make([]goField, len(n.branches))
	used := 0
	for i, branch := range n.branches {
		if branch.kind == kindNull {
			continue
		}
		for _, f := range all {
			if f.name == branch.typeName() || branch.kind.named() && f.name == avroname.Unqualified(branch.name) {
				bound[i] = f
			}
		}
		switch {
		case bound[i].typ == nil:
			return nil, &TypeError{Go: t.String(), Avro: n.describe(), Reason: fmt.Sprintf(
				"Go type %s has no field for the union's branch %s: add a pointer with the tag `avro:\"%s\"`", t, branch.describe(), branch.typeName())}
		case !nilable(bound[i].typ):
			return nil, &TypeError{Go: bound[i].typ.String(), Avro: branch.describe(), Reason: fmt.Sprintf(
				"Go type %s holds the union's branch %s: make it a pointer, so that nil says it is not the one", bound[i].typ, branch.describe())}
		}
		used++
	}
	if used != len(all) {
		return nil, &TypeError{Go: t.String(), Avro: n.describe(), Reason: fmt.Sprintf(
			"Go type %s stands for a union and has fields that are no branch of it: it needs one per branch", t)}
	}
	return bound, nil
}

// unionForm says how a Go type holds a union.
type unionForm uint8

const (
	unionSingle   unionForm = iota // one branch only: the type is the branch's
	unionNullable                  // null and another: nil is null
	unionStruct                    // a struct with a field per branch
	unionPointer                   // a pointer to such a struct: nil is null
)

func formOfUnion(n *node, t reflect.Type) (unionForm, *TypeError) {
	_, _, nullable := n.nullable()
	hasNull := false
	for _, branch := range n.branches {
		hasNull = hasNull || branch.kind == kindNull
	}
	switch {
	case len(n.branches) == 1:
		return unionSingle, nil
	case nullable && nilable(t):
		return unionNullable, nil
	case nullable:
		return 0, unfit(n, t, "a pointer, a slice or a map, which nil makes null")
	case t.Kind() == reflect.Struct:
		return unionStruct, nil
	case hasNull && t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct:
		return unionPointer, nil
	}
	return 0, unfit(n, t, "a struct with one pointer per branch, tagged with the branch's name")
}
