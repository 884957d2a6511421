package project

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// kind is what a part of a file is in YAML.
type kind int

const (
	textPart   kind = iota // a string
	scalarPart             // a string, a number, true or false
	numberPart             // a whole number
	boolPart
	objectPart // named fields
	dictPart   // names of the user's own
	listPart
	eitherPart // one of several shapes, told apart by whether they are scalars, lists or mappings
)

// shape says what a part of the file may look like. The strict reader checks it and the JSON Schema tells it.
type shape struct {
	kind     kind
	def      string // its name in the JSON Schema, where it stands in several places
	doc      string
	fields   []field  // of an object
	items    *shape   // of a list or a dict
	either   []*shape // of an eitherPart
	choices  []string // of a text or scalar
	examples []string
	minimum  int // of a number
	secret   bool
	open     func(name string) bool // names beyond fields that an object takes, for scalars; nil takes none
	openWord string                 // the open names as a pattern, for the JSON Schema
}

// field is one named part of an object.
type field struct {
	name     string
	required bool
	*shape
}

func (s *shape) field(name string) (field, bool) {
	for _, f := range s.fields {
		if f.name == name {
			return f, true
		}
	}
	return field{}, false
}

func (s *shape) names() []string {
	names := make([]string, 0, len(s.fields))
	for _, f := range s.fields {
		if !f.secret {
			names = append(names, f.name)
		}
	}
	return names
}

// check reports every place of n that does not have the shape, what says which part of the file n is.
func (m *mistakes) check(n *yaml.Node, s *shape, what string) {
	n = resolve(n)
	if m.nodes++; m.nodes > maxNodes {
		if m.nodes == maxNodes+1 {
			m.add(m.at(n), "split it, or use fewer aliases", "the file has more than %d values", maxNodes)
		}
		return
	}
	if s.kind == eitherPart {
		for _, one := range s.either {
			if one.kindOf(n) {
				m.check(n, one, what)
				return
			}
		}
		m.add(m.at(n), "", "%s is %s, want %s", what, describeNode(n), describeShape(s))
		return
	}
	if !s.kindOf(n) {
		hint := ""
		if s.kind == textPart && n.Kind == yaml.ScalarNode && n.ShortTag() != "!!null" {
			hint = fmt.Sprintf("put it in quotes: %q", n.Value)
		}
		m.add(m.at(n), hint, "%s is %s, want %s", what, describeNode(n), describeShape(s))
		return
	}
	switch s.kind {
	case objectPart:
		m.checkObject(n, s, what)
	case dictPart:
		for i := 0; i+1 < len(n.Content); i += 2 {
			m.check(n.Content[i+1], s.items, what+"."+n.Content[i].Value)
		}
		m.checkTwice(n, what)
	case listPart:
		for _, item := range n.Content {
			m.check(item, s.items, "an item of "+what)
		}
	case textPart, scalarPart:
		if s.choices != nil && !slices.Contains(s.choices, n.Value) {
			m.add(m.at(n), didYouMean(n.Value, s.choices), "%s is %q", what, n.Value)
		}
	case numberPart:
		if _, err := parseInt(n.Value, int64(s.minimum)); err != nil {
			m.add(m.at(n), "", "%s: %v", what, err)
		}
	}
}

func (m *mistakes) checkObject(n *yaml.Node, s *shape, what string) {
	m.checkTwice(n, what)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		f, known := s.field(key.Value)
		switch {
		case known && f.secret:
			m.add(m.at(key), f.doc, "a %s does not belong in this file", key.Value)
		case known:
			m.check(value, f.shape, key.Value)
		case s.open != nil && s.open(key.Value):
			m.check(value, &shape{kind: scalarPart}, key.Value)
		default:
			hint := didYouMean(key.Value, s.names())
			if key.Value == "<<" {
				hint = "name the fields one by one, or set them under defaults"
			}
			m.add(m.at(key), hint, "%s has no field %q", what, key.Value)
		}
	}
	for _, f := range s.fields {
		if f.required && child(n, f.name) == nil {
			m.add(m.at(n), "", "%s lacks the field %q", what, f.name)
		}
	}
}

func (m *mistakes) checkTwice(n *yaml.Node, what string) {
	first := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if before := first[key.Value]; before != nil {
			m.add(m.at(key), "it stands in line "+itoa(before.Line)+" already", "%s has %q twice", what, key.Value)
			continue
		}
		first[key.Value] = key
	}
}

func (m *mistakes) at(n *yaml.Node) Position { return Position{m.file, n.Line, n.Column} }

// kindOf reports whether a node is, in YAML, what the shape asks for.
func (s *shape) kindOf(n *yaml.Node) bool {
	switch s.kind {
	case objectPart, dictPart:
		return n.Kind == yaml.MappingNode
	case listPart:
		return n.Kind == yaml.SequenceNode
	case boolPart:
		return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!bool"
	case numberPart:
		return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!int"
	case eitherPart:
		return slices.ContainsFunc(s.either, func(one *shape) bool { return one.kindOf(n) })
	case scalarPart:
		return n.Kind == yaml.ScalarNode && n.ShortTag() != "!!null"
	default:
		return n.Kind == yaml.ScalarNode && (n.ShortTag() == "!!str" || n.ShortTag() == "!!timestamp")
	}
}

func describeShape(s *shape) string {
	var word string
	switch s.kind {
	case objectPart:
		word = "fields (" + strings.Join(s.names(), ", ") + ")"
	case dictPart:
		word = "names with values"
	case listPart:
		word = "a list"
	case boolPart:
		word = "true or false"
	case numberPart:
		word = "a whole number"
	case scalarPart:
		word = "a value"
	case eitherPart:
		words := make([]string, len(s.either))
		for i, one := range s.either {
			words[i] = describeShape(one)
		}
		return strings.Join(words, " or ")
	default:
		word = "a text"
	}
	if len(s.examples) > 0 {
		word += " such as " + strings.Join(s.examples, " or ")
	}
	return word
}

func describeNode(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
		switch n.ShortTag() {
		case "!!null":
			return "empty"
		case "!!bool":
			return "true or false"
		case "!!int", "!!float":
			return "a number"
		}
		return "a text"
	default:
		return "something else"
	}
}

// resolve follows an alias to its anchor.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

// child returns the value of a mapping's field, or nil.
func child(n *yaml.Node, name string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return resolve(n.Content[i+1])
		}
	}
	return nil
}
