package schema

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// Type is a type as a schema's text spells it, for tools that look at schemas and not at data: linters, generators, guides.
type Type struct {
	// Pointer is the JSON pointer of the type in the schema's text, and Position its place there.
	Pointer string
	Position
	// Is is the specification's word: "record", "enum", "fixed", "array", "map", "union", "long", ...
	Is string
	// Name is the full name of a record, enum or fixed.
	Name string
	// Use reports that the text only names the type, which is defined elsewhere: what is below is empty.
	Use bool
	// Logical is the logical type, where it is known and valid; Written is what the text says, valid or not.
	Logical, Written string
	Precision, Scale int // of a decimal
	Doc              string
	Aliases          []string // full names
	Fields           []Field  // of a record
	Symbols          []string // of an enum
	Default          string   // of an enum; "" is none
	Items            *Type    // of an array or a map
	Branches         []*Type  // of a union
	Size             int      // of a fixed
	properties
	node *node
}

// String returns the type in short, as `headrace schema new` takes it: "string?", "[]shop.Line", "map(long)", "decimal(12,2)".
// Named types are their names.
func (t *Type) String() string { return t.node.notation() }

// Field is a field of a record.
type Field struct {
	Pointer string
	Position
	Name    string
	Doc     string
	Aliases []string
	Type    *Type
	Default json.RawMessage // nil without one
	properties
}

// properties are the members of an object that the specification does not know.
type properties struct{ of *jsonValue }

// Strings returns a property of the author's own, such as "headrace.lint.ignore": a list of strings, or one. It is nil when there
// is no such property or it is something else.
func (p properties) Strings(name string) []string {
	if p.of == nil {
		return nil
	}
	v, ok := p.of.member(name)
	if ok && v.kind == jsonString {
		return []string{v.text}
	}
	return stringMembers(p.of, name)
}

// Outline returns the types that the schema's own text spells, from the root on. Types of references are only named in it.
func (s *Schema) Outline() *Type {
	source, bad := locate(s.text)
	if bad != nil {
		return &Type{Is: s.root.kind.String(), node: s.root} // cannot be: the text was parsed before
	}
	return source.outline(s)
}

// Outline returns the types that the file spells.
func (f *File) Outline() *Type { return f.source.outline(f.Schema) }

func (l *located) outline(s *Schema) *Type {
	o := outliner{located: l}
	return o.typ(&l.root, s.root, "")
}

// outliner walks the text and the graph that was made of it side by side.
type outliner struct{ *located }

func (o *outliner) typ(v *jsonValue, n *node, at string) *Type {
	if v.kind == jsonObject {
		// {"type": [...]} is the union within, as the parser has it.
		if inner, ok := v.member("type"); ok && inner.kind == jsonArray {
			return o.typ(inner, n, at+"/type")
		}
	}
	t := &Type{Pointer: at, Position: o.position(begin(o.text, v.after)), Is: n.kind.String(), Logical: n.logical.String(), node: n}
	if n.kind.named() {
		t.Name = n.name
		if t.Use = !slices.Contains([]string{"record", "error", "enum", "fixed"}, stringMember(v, "type")); t.Use {
			return t
		}
	}
	t.Precision, t.Scale, t.Size = n.precision, n.scale, n.size
	t.Aliases, t.Symbols, t.Default = slices.Clone(n.aliases), slices.Clone(n.symbols), n.enumDefault
	if v.kind == jsonObject {
		t.Doc, t.Written, t.of = stringMember(v, "doc"), stringMember(v, "logicalType"), v
	}
	switch n.kind {
	case kindRecord:
		t.Fields = o.fields(v, n)
	case kindUnion:
		for i, branch := range n.branches {
			t.Branches = append(t.Branches, o.typ(&v.items[i], branch, at+"/"+strconv.Itoa(i)))
		}
	case kindArray, kindMap:
		member := "items"
		if n.kind == kindMap {
			member = "values"
		}
		if items, ok := v.member(member); ok {
			t.Items = o.typ(items, n.items, at+"/"+member)
		}
	}
	return t
}

func (o *outliner) fields(v *jsonValue, n *node) []Field {
	list, _ := v.member("fields")
	fields := make([]Field, len(n.fields))
	for i := range n.fields {
		f, item := &n.fields[i], &list.items[i]
		fields[i] = Field{
			Pointer: f.pointer, Position: o.position(begin(o.text, item.after)), Name: f.name, Doc: stringMember(item, "doc"),
			Aliases: slices.Clone(f.aliases), properties: properties{item},
		}
		if typ, ok := item.member("type"); ok {
			fields[i].Type = o.typ(typ, f.typ, f.pointer+"/type")
		}
		if def, ok := item.member("default"); ok {
			fields[i].Default = o.raw(def)
		}
	}
	return fields
}

// raw is a value's own text.
func (o *outliner) raw(v *jsonValue) (raw json.RawMessage) {
	// It cannot fail: the text was read as JSON before.
	_ = json.NewDecoder(strings.NewReader(o.text[begin(o.text, v.after):])).Decode(&raw)
	return raw
}
