package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Change is one difference between two versions of a schema, in words.
type Change struct {
	// In is the full name of the record, enum or fixed that differs; "" when the schema is none of them.
	In string
	// What is what differs: "field note", "record", "enum", "type".
	What string
	// Words say how: "added, optional, default null".
	Words string
	// Old and New are the types in short, "" where there is none.
	Old, New string
	// Pointer is the JSON pointer of the place in New's text, or, for what was removed, in Old's.
	Pointer string
}

// String returns "field note: added, optional, default null".
func (c Change) String() string { return c.What + ": " + c.Words }

// Diff lists what differs between two versions of a schema, references included, in the order of the new text and then of the old one.
// Fields and named types are matched by name, then by the aliases of the new ones.
func Diff(old, next *Schema) []Change {
	d := differ{old: definitions(old), next: definitions(next), named: map[string]*Type{}}
	for _, t := range d.old {
		d.named[t.Name] = t
	}
	if !old.root.kind.named() || !next.root.kind.named() {
		if a, b := old.root.notation(), next.root.notation(); a != b {
			d.add(Change{What: "type", Words: fmt.Sprintf("changed from %s to %s", a, b), Old: a, New: b})
		}
	}
	matched := map[string]bool{}
	for _, t := range d.next {
		before := d.before(t, old, next)
		if before == nil {
			d.add(Change{In: t.Name, What: t.Is, Words: "added", New: t.String(), Pointer: t.Pointer})
			continue
		}
		matched[before.Name] = true
		d.compare(before, t)
	}
	for _, t := range d.old {
		if !matched[t.Name] {
			d.add(Change{In: t.Name, What: t.Is, Words: "removed", Old: t.String(), Pointer: t.Pointer})
		}
	}
	return d.changes
}

// definitions are the named types of a schema and its references, the schema's own first.
func definitions(s *Schema) []*Type {
	var list []*Type
	seen := map[string]bool{}
	var add func(s *Schema)
	var walk func(t *Type)
	walk = func(t *Type) {
		if t.Name != "" && !t.Use && !seen[t.Name] {
			seen[t.Name] = true
			list = append(list, t)
		}
		for i := range t.Fields {
			walk(t.Fields[i].Type)
		}
		for _, b := range t.Branches {
			walk(b)
		}
		if t.Items != nil {
			walk(t.Items)
		}
	}
	walked := map[*Schema]bool{}
	add = func(s *Schema) {
		if walked[s] {
			return
		}
		walked[s] = true
		walk(s.Outline())
		for _, ref := range s.refs {
			add(ref)
		}
	}
	add(s)
	return list
}

type differ struct {
	old, next []*Type
	named     map[string]*Type // of old
	changes   []Change
}

func (d *differ) add(c Change) { d.changes = append(d.changes, c) }

// before is the old version of a type, nil when it has none. The schemas' own types belong together, whatever their names.
func (d *differ) before(t *Type, old, next *Schema) *Type {
	if found := d.named[t.Name]; found != nil {
		return found
	}
	for _, alias := range t.Aliases {
		if found := d.named[alias]; found != nil {
			return found
		}
	}
	if t.Name == next.root.name {
		return d.named[old.root.name]
	}
	return nil
}

func (d *differ) compare(old, next *Type) {
	var words []string
	say := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	if old.Name != next.Name {
		alias := "without an alias"
		if slices.Contains(next.Aliases, old.Name) {
			alias = "by an alias"
		}
		say("renamed from %s %s", old.Name, alias)
	}
	if old.Is != next.Is {
		say("changed from %s to %s", old.Is, next.Is)
	}
	if old.Size != next.Size && old.Is == next.Is {
		say("size changed from %d to %d", old.Size, next.Size)
	}
	if old.Logical != next.Logical || old.Precision != next.Precision || old.Scale != next.Scale {
		say("logical type changed from %s to %s", logicalWords(old), logicalWords(next))
	}
	d.symbols(old, next, say)
	if old.Doc != next.Doc {
		say("doc changed")
	}
	if len(words) > 0 {
		d.add(Change{In: next.Name, What: next.Is, Words: strings.Join(words, ", "), Old: old.String(), New: next.String(), Pointer: next.Pointer})
	}
	if old.Is == "record" && next.Is == "record" {
		d.fields(old, next)
	}
}

func logicalWords(t *Type) string {
	switch t.Logical {
	case "":
		return "none"
	case "decimal":
		return fmt.Sprintf("decimal(%d,%d)", t.Precision, t.Scale)
	}
	return t.Logical
}

func (d *differ) symbols(old, next *Type, say func(string, ...any)) {
	added, removed := without(next.Symbols, old.Symbols), without(old.Symbols, next.Symbols)
	if len(added) > 0 {
		say("symbols added: %s", strings.Join(added, " "))
	}
	if len(removed) > 0 {
		say("symbols removed: %s", strings.Join(removed, " "))
	}
	if !slices.Equal(without(old.Symbols, removed), without(next.Symbols, added)) {
		say("symbols in another order")
	}
	if old.Default != next.Default {
		say("%s", defaultWords([]byte(old.Default), []byte(next.Default)))
	}
}

// defaultWords say how a default changed; an empty one is none.
func defaultWords(old, next []byte) string {
	switch {
	case len(old) == 0:
		return fmt.Sprintf("default %s added", next)
	case len(next) == 0:
		return fmt.Sprintf("default %s removed", old)
	}
	return fmt.Sprintf("default changed from %s to %s", old, next)
}

func compact(raw json.RawMessage) []byte {
	var out bytes.Buffer
	// The text was read as JSON before.
	_ = json.Compact(&out, raw)
	if text := []rune(out.String()); len(text) > 60 {
		return []byte(string(text[:60]) + "…")
	}
	return out.Bytes()
}
