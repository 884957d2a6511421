package schema

import (
	"slices"

	"github.com/headrace/headrace/internal/avroname"
)

// The rules in this file are those of the Avro specification, "Schema Resolution". The checker (compat.go) and the decoder's plans
// (resolve.go) both stand on them, so that what the one calls compatible the other can read.

// promotable is the specification's list of types that a reader may widen.
func promotable(reader, writer kind) bool {
	switch writer {
	case kindInt:
		return reader == kindLong || reader == kindFloat || reader == kindDouble
	case kindLong:
		return reader == kindFloat || reader == kindDouble
	case kindFloat:
		return reader == kindDouble
	case kindString:
		return reader == kindBytes
	case kindBytes:
		return reader == kindString
	default:
		return false
	}
}

// sameName: records, enums and fixed types match when their unqualified names do, or when the reader has the writer's name as an
// alias.
func sameName(reader, writer *node) bool {
	return avroname.Unqualified(reader.name) == avroname.Unqualified(writer.name) || slices.Contains(reader.aliases, writer.name)
}

// matches is the specification's shallow match of two types that are no unions: the kind, and the name where there is one.
func matches(reader, writer *node) bool {
	if reader.kind == writer.kind {
		return !reader.kind.named() || sameName(reader, writer)
	}
	return promotable(reader.kind, writer.kind)
}

// pairFields finds for each field of the reader the writer's field that fills it, -1 when its default does. A name wins over an
// alias, and a field is used once.
func pairFields(reader, writer *node) []int {
	from := make([]int, len(reader.fields))
	byName := make(map[string]int, len(writer.fields))
	for i := range writer.fields {
		byName[writer.fields[i].name] = i
	}
	for i := range reader.fields {
		from[i] = -1
		if w, ok := byName[reader.fields[i].name]; ok {
			from[i] = w
		}
	}
	for _, w := range from {
		if w >= 0 {
			delete(byName, writer.fields[w].name)
		}
	}
	for i := range reader.fields {
		for _, alias := range reader.fields[i].aliases {
			if w, ok := byName[alias]; ok && from[i] < 0 {
				from[i] = w
				delete(byName, alias)
			}
		}
	}
	return from
}

// misread reports whether both sides give the same number a different meaning: milliseconds read as microseconds. The
// specification has resolution ignore logical types except decimal's; a timestamp that is wrong by a factor of a thousand is an
// incompatibility all the same.
func misread(reader, writer *node) bool {
	return reader.logical.temporal() && writer.logical.temporal() && reader.logical != writer.logical
}

// decimalsDiffer: "two schemas that are decimal logical types match if their scales and precisions match".
func decimalsDiffer(reader, writer *node) bool {
	return reader.logical == logicalDecimal && writer.logical == logicalDecimal &&
		(reader.precision != writer.precision || reader.scale != writer.scale)
}
