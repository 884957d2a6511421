package schema

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// fields compares the fields of two versions of a record.
func (d *differ) fields(old, next *Type) {
	from := pairFields(next.node, old.node)
	var order []int // of the old fields that are still there
	for i := range next.Fields {
		f := &next.Fields[i]
		c := Change{In: next.Name, What: "field " + f.Name, New: f.Type.String(), Pointer: f.Pointer}
		if from[i] < 0 {
			c.Words = "added, " + f.words()
			d.add(c)
			continue
		}
		order = append(order, from[i])
		before := &old.Fields[from[i]]
		c.Old = before.Type.String()
		if words := d.field(before, f); len(words) > 0 {
			c.Words = strings.Join(words, ", ")
			d.add(c)
		}
	}
	kept := make([]bool, len(old.Fields))
	for _, i := range order {
		kept[i] = true
	}
	for i := range old.Fields {
		if f := &old.Fields[i]; !kept[i] {
			d.add(Change{In: next.Name, What: "field " + f.Name, Words: "removed, was " + f.words(), Old: f.Type.String(), Pointer: f.Pointer})
		}
	}
	if !slices.IsSorted(order) {
		d.add(Change{In: next.Name, What: "record", Words: "fields in another order", Old: old.String(), New: next.String(), Pointer: next.Pointer})
	}
}

// words say whether a field may be absent, and its default.
func (f *Field) words() string {
	need := "required"
	if null := slices.IndexFunc(f.Type.Branches, func(b *Type) bool { return b.Is == "null" }); null >= 0 {
		need = "optional"
	}
	if f.Default == nil {
		return need + ", no default"
	}
	return fmt.Sprintf("%s, default %s", need, compact(f.Default))
}

// field says how two versions of a field differ.
func (d *differ) field(old, next *Field) []string {
	var words []string
	if old.Name != next.Name {
		words = append(words, fmt.Sprintf("renamed from %s by an alias", old.Name))
	}
	if a, b := old.Type.String(), next.Type.String(); a != b && !d.renamedType(old.Type, next.Type) {
		words = append(words, fmt.Sprintf("type changed from %s to %s", a, b))
	}
	if a, b := compact(old.Default), compact(next.Default); !bytes.Equal(a, b) {
		words = append(words, defaultWords(a, b))
	}
	added := without(next.Aliases, append(slices.Clone(old.Aliases), old.Name))
	if len(added) > 0 {
		words = append(words, "aliases added: "+strings.Join(added, " "))
	}
	removed := without(old.Aliases, next.Aliases)
	if len(removed) > 0 {
		words = append(words, "aliases removed: "+strings.Join(removed, " "))
	}
	if old.Doc != next.Doc {
		words = append(words, "doc changed")
	}
	return words
}

// renamedType reports whether the field's type is a named one whose new name has the old one as an alias, which its own line tells.
func (d *differ) renamedType(old, next *Type) bool {
	return old.Name != "" && next.Name != "" && slices.Contains(next.node.aliases, old.Name)
}
