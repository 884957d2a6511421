package shadow

import (
	"cmp"
	"slices"
)

const (
	maxExamples    = 20 // of each kind
	maxFieldCounts = 1000
	otherFields    = "other"
)

// tally counts what a comparison has found.
type tally struct {
	Difference
	fields   map[fieldOf]int64
	examples map[string][]Deviation // by kind, in order
}

type fieldOf struct{ event, field string }

func newTally() *tally {
	return &tally{fields: map[fieldOf]int64{}, examples: map[string][]Deviation{}}
}

func (t *tally) missing(d Deviation) {
	t.Missing++
	t.example(d)
}

func (t *tally) extra(d Deviation) {
	t.Extra++
	t.example(d)
}

func (t *tally) changed(d Deviation, fields []FieldValue) {
	t.Changed++
	for _, f := range fields {
		t.count(fieldOf{d.Event, f.Field}, 1)
	}
	d.Fields = fields
	t.example(d)
}

func (t *tally) count(f fieldOf, n int64) {
	if _, known := t.fields[f]; !known && len(t.fields) >= maxFieldCounts {
		f = fieldOf{field: otherFields}
	}
	t.fields[f] += n
}

// example keeps the first of a kind, in whatever order they are found.
func (t *tally) example(d Deviation) {
	kept := t.examples[d.Kind]
	at, _ := slices.BinarySearchFunc(kept, d, byOffset)
	if at >= maxExamples {
		return
	}
	kept = slices.Insert(kept, at, d)
	t.examples[d.Kind] = kept[:min(len(kept), maxExamples)]
}

func byOffset(a, b Deviation) int {
	return cmp.Or(cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.offset(), b.offset()))
}

// offset is the one by which deviations of a kind are put in order.
func (d Deviation) offset() int64 {
	if d.Expected != nil {
		return *d.Expected
	}
	return *d.Shadow
}

func (t *tally) merge(other *tally) {
	t.Expected += other.Expected
	t.Shadow += other.Shadow
	t.Same += other.Same
	t.Missing += other.Missing
	t.Extra += other.Extra
	t.Changed += other.Changed
	t.Outside += other.Outside
	for f, n := range other.fields {
		t.count(f, n)
	}
	for _, kept := range other.examples {
		for _, d := range kept {
			t.example(d)
		}
	}
}

func (t *tally) difference() Difference {
	d := t.Difference
	for f, n := range t.fields {
		d.Fields = append(d.Fields, FieldCount{Event: f.event, Field: f.field, Events: n})
	}
	slices.SortFunc(d.Fields, func(a, b FieldCount) int {
		return cmp.Or(cmp.Compare(b.Events, a.Events), cmp.Compare(a.Event, b.Event), cmp.Compare(a.Field, b.Field))
	})
	for _, kind := range []string{Missing, Extra, Changed} {
		d.Examples = append(d.Examples, t.examples[kind]...)
	}
	return d
}
