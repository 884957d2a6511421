package codegen

import (
	"slices"
	"strings"
)

// definitions maps the full name of every record, enum and fixed to its JSON,
// in which names and references are full names already.
type definitions map[string]*node

var primitives = []string{"null", "boolean", "int", "long", "float", "double", "bytes", "string"}

// collect returns n with every name and reference made a full name, and puts
// the definition of each named type into d. The enclosing namespace applies to
// names without a dot (Avro 1.12, "Names").
func (d definitions) collect(n *node, namespace string) *node {
	switch {
	case n.array:
		union := &node{array: true}
		for _, branch := range n.items {
			union.items = append(union.items, d.collect(branch, namespace))
		}
		return union
	case !n.object:
		if s := n.text(); s != "" && !slices.Contains(primitives, s) {
			return stringNode(fullName(s, namespace))
		}
		return n
	}
	kind := n.get("type").text()
	named := kind == "record" || kind == "error" || kind == "enum" || kind == "fixed"
	name := ""
	if named {
		if ns := n.get("namespace"); ns != nil {
			namespace = ns.text()
		}
		name = fullName(n.get("name").text(), namespace)
		namespace = name[:max(strings.LastIndexByte(name, '.'), 0)]
	}
	out := &node{object: true}
	for _, m := range n.members {
		switch {
		case m.key == "namespace" && named:
			continue
		case m.key == "name" && named:
			m.value = stringNode(name)
		case m.key == "type" && !named && kind != "array" && kind != "map", m.key == "items" && kind == "array", m.key == "values" && kind == "map":
			m.value = d.collect(m.value, namespace)
		case m.key == "aliases" && named:
			m.value = qualified(m.value, namespace)
		case m.key == "fields" && (kind == "record" || kind == "error"):
			m.value = d.collectFields(m.value, namespace)
		}
		out.members = append(out.members, m)
	}
	if named {
		d[name] = out
		return stringNode(name)
	}
	return out
}

func (d definitions) collectFields(fields *node, namespace string) *node {
	out := &node{array: true}
	for _, field := range fields.items {
		f := &node{object: true}
		for _, m := range field.members {
			if m.key == "type" {
				m.value = d.collect(m.value, namespace)
			}
			f.members = append(f.members, m)
		}
		out.items = append(out.items, f)
	}
	return out
}

func qualified(aliases *node, namespace string) *node {
	out := &node{array: true}
	for _, alias := range aliases.items {
		out.items = append(out.items, stringNode(fullName(alias.text(), namespace)))
	}
	return out
}

// schemaText returns the whole schema of the type called name: every named type
// it uses is defined where it is first used.
func (d definitions) schemaText(name string) string {
	return string(d.inline(stringNode(name), map[string]bool{}).append(nil))
}

// plainText is schemaText without the defaults of fields.
func (d definitions) plainText(name string) string {
	return string(withoutDefaults(d.inline(stringNode(name), map[string]bool{})).append(nil))
}

// inline works on types only: the members of a definition that are not types,
// defaults among them, stay as they are.
func (d definitions) inline(n *node, defined map[string]bool) *node {
	switch {
	case n.array:
		out := &node{array: true}
		for _, branch := range n.items {
			out.items = append(out.items, d.inline(branch, defined))
		}
		return out
	case !n.object:
		definition := d[n.text()]
		if definition == nil || defined[n.text()] {
			return n
		}
		defined[n.text()] = true
		return d.inlineMembers(definition, defined)
	}
	return d.inlineMembers(n, defined)
}

func (d definitions) inlineMembers(n *node, defined map[string]bool) *node {
	out := &node{object: true}
	named := n.get("name") != nil
	for _, m := range n.members {
		switch {
		case m.key == "type" && !named, m.key == "items", m.key == "values":
			m.value = d.inline(m.value, defined)
		case m.key == "fields":
			fields := &node{array: true}
			for _, f := range m.value.items {
				field := &node{object: true}
				for _, fm := range f.members {
					if fm.key == "type" {
						fm.value = d.inline(fm.value, defined)
					}
					field.members = append(field.members, fm)
				}
				fields.items = append(fields.items, field)
			}
			m.value = fields
		}
		out.members = append(out.members, m)
	}
	return out
}

// withoutDefaults returns a type without the defaults of its fields. The default of an enum stays.
func withoutDefaults(n *node) *node {
	out := &node{object: n.object, array: n.array, scalar: n.scalar}
	for _, branch := range n.items {
		out.items = append(out.items, withoutDefaults(branch))
	}
	for _, m := range n.members {
		switch m.key {
		case "type", "items", "values":
			m.value = withoutDefaults(m.value)
		case "fields":
			fields := &node{array: true}
			for _, f := range m.value.items {
				field := withoutDefaults(f)
				field.members = slices.DeleteFunc(field.members, func(fm member) bool { return fm.key == "default" })
				fields.items = append(fields.items, field)
			}
			m.value = fields
		}
		out.members = append(out.members, m)
	}
	return out
}

func fullName(name, namespace string) string {
	if strings.ContainsRune(name, '.') || namespace == "" {
		return name
	}
	return namespace + "." + name
}
