package codegen

import (
	"github.com/hamba/avro/v2"

	"github.com/headrace/headrace/schema/codec"
)

// shapes answers what the data of a schema can look like. Each record is looked
// at once: records that hold such records twice each would take 2^n looks.
type shapes struct {
	sizes   map[string]int
	depths  map[string]int
	empties map[string]bool
	deeps   map[string]bool
}

func newShapes() *shapes {
	return &shapes{sizes: map[string]int{}, depths: map[string]int{}, empties: map[string]bool{}}
}

// maxLeast keeps sums of least sizes far from overflow.
const maxLeast = codec.MaxValueBytes

// minSize returns the least number of bytes a value of s takes. A record counts as
// 0 within itself: a lower bound is enough.
func (h *shapes) minSize(s avro.Schema) int {
	switch s := deref(s).(type) {
	case *avro.NullSchema:
		return 0
	case *avro.FixedSchema:
		return min(s.Size(), maxLeast)
	case *avro.PrimitiveSchema:
		switch s.Type() {
		case avro.Float:
			return 4
		case avro.Double:
			return 8
		}
	case *avro.UnionSchema:
		least := maxLeast
		for _, branch := range s.Types() {
			least = min(least, 1+h.minSize(branch))
		}
		return least
	case *avro.RecordSchema:
		name := s.FullName()
		if size, ok := h.sizes[name]; ok {
			return size
		}
		h.sizes[name] = 0
		total := 0
		for _, f := range s.Fields() {
			total = min(total+h.minSize(f.Type()), maxLeast)
		}
		h.sizes[name] = total
		return total
	}
	return 1
}

// empty says whether values of s take no bytes at all.
func (h *shapes) empty(s avro.Schema) bool {
	switch s := deref(s).(type) {
	case *avro.NullSchema:
		return true
	case *avro.FixedSchema:
		return s.Size() == 0
	case *avro.RecordSchema:
		name := s.FullName()
		if empty, ok := h.empties[name]; ok {
			return empty
		}
		h.empties[name] = false // a record within itself stands in something that takes bytes
		empty := true
		for _, f := range s.Fields() {
			empty = empty && h.empty(f.Type())
		}
		h.empties[name] = empty
		return empty
	}
	return false
}

// depth returns how deep records, arrays and maps nest in s, at most one more than
// codec.MaxDepth.
func (h *shapes) depth(s avro.Schema) int {
	const endless = codec.MaxDepth + 1
	switch s := deref(s).(type) {
	case *avro.ArraySchema:
		return min(endless, 1+h.depth(s.Items()))
	case *avro.MapSchema:
		return min(endless, 1+h.depth(s.Values()))
	case *avro.UnionSchema:
		deepest := 0
		for _, branch := range s.Types() {
			deepest = max(deepest, h.depth(branch))
		}
		return deepest
	case *avro.RecordSchema:
		name := s.FullName()
		if depth, ok := h.depths[name]; ok {
			return depth
		}
		h.depths[name] = endless
		deepest := 0
		for _, f := range s.Fields() {
			deepest = max(deepest, h.depth(f.Type()))
		}
		h.depths[name] = min(endless, 1+deepest)
		return h.depths[name]
	}
	return 0
}

// findDeep finds the records whose code counts levels: those that can nest beyond
// codec.MaxDepth, and all that occur within them. No other record can be part of a
// value that is too deep.
func (h *shapes) findDeep(c *catalog) {
	h.deeps = map[string]bool{}
	for _, name := range c.names {
		if record, ok := c.schemas[name].(*avro.RecordSchema); ok && h.depth(record) > codec.MaxDepth {
			h.markDeep(record)
		}
	}
}

func (h *shapes) markDeep(s avro.Schema) {
	switch s := deref(s).(type) {
	case *avro.ArraySchema:
		h.markDeep(s.Items())
	case *avro.MapSchema:
		h.markDeep(s.Values())
	case *avro.UnionSchema:
		for _, branch := range s.Types() {
			h.markDeep(branch)
		}
	case *avro.RecordSchema:
		if h.deeps[s.FullName()] {
			return
		}
		h.deeps[s.FullName()] = true
		for _, f := range s.Fields() {
			h.markDeep(f.Type())
		}
	}
}

func (h *shapes) deep(record *avro.RecordSchema) bool { return h.deeps[record.FullName()] }

// endless says whether every value of s would have to contain another value of
// itself: no Go type and no finite value exist for it.
func endless(s avro.Schema) bool { return (&finiteness{map[string]bool{}}).endless(s) }

// finiteness holds the records that were looked at: true while one is open.
type finiteness struct{ open map[string]bool }

func (f *finiteness) endless(s avro.Schema) bool {
	switch s := deref(s).(type) {
	case *avro.UnionSchema:
		for _, branch := range s.Types() {
			if !f.endless(branch) {
				return false
			}
		}
		return true
	case *avro.RecordSchema:
		if open, ok := f.open[s.FullName()]; ok {
			return open
		}
		f.open[s.FullName()] = true
		for _, field := range s.Fields() {
			if f.endless(field.Type()) {
				return true
			}
		}
		f.open[s.FullName()] = false
	}
	return false
}
