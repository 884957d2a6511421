package schemas

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
)

// generator draws records and edits them as people do, well and badly.
type generator struct {
	*rand.Rand
	names int
}

// object is a part of a schema, with the order of its members left to encoding/json.
type object map[string]any

func (o object) text() string {
	text, err := json.Marshal(o)
	if err != nil {
		return err.Error() // no schema, which the test says
	}
	return string(text)
}

func (g *generator) name(prefix string) string {
	g.names++
	return fmt.Sprintf("%s%d", prefix, g.names)
}

func (g *generator) record() object {
	fields := []any{}
	for range 3 + g.IntN(4) {
		fields = append(fields, g.field())
	}
	return object{"type": "record", "name": "Event", "namespace": "random", "fields": fields}
}

// field draws a field, half of the time with a default.
func (g *generator) field() object {
	typ, def := g.typ(2)
	f := object{"name": g.name("f"), "type": typ}
	if g.IntN(2) == 0 && def != nil {
		f["default"] = def.value
	}
	return f
}

// fallback is a default, which may be null.
type fallback struct{ value any }

// typ draws a type, and a default for it where there is a simple one.
func (g *generator) typ(depth int) (any, *fallback) {
	kinds := 15
	if depth == 0 {
		kinds = 10
	}
	switch g.IntN(kinds) {
	case 0:
		return "boolean", &fallback{true}
	case 1:
		return "int", &fallback{1}
	case 2:
		return "long", &fallback{2}
	case 3:
		return "float", &fallback{1.5}
	case 4:
		return "double", &fallback{2.5}
	case 5:
		return "string", &fallback{"x"}
	case 6:
		return "bytes", &fallback{"y"}
	case 7:
		return object{"type": "long", "logicalType": []string{"timestamp-millis", "timestamp-micros"}[g.IntN(2)]}, &fallback{0}
	case 8:
		return object{"type": "bytes", "logicalType": "decimal", "precision": 8 + g.IntN(2), "scale": 2}, nil
	case 9:
		return object{"type": "enum", "name": g.name("E"), "symbols": []any{"A", "B", "C"}}, &fallback{"A"}
	case 10:
		return object{"type": "fixed", "name": g.name("F"), "size": 2 + g.IntN(3)}, nil
	case 11:
		items, _ := g.typ(depth - 1)
		return object{"type": "array", "items": items}, &fallback{[]any{}}
	case 12:
		values, _ := g.typ(depth - 1)
		return object{"type": "map", "values": values}, &fallback{object{}}
	case 13:
		inner := []any{}
		for range 1 + g.IntN(2) {
			typ, def := g.typ(depth - 1)
			f := object{"name": g.name("g"), "type": typ}
			if def != nil && g.IntN(2) == 0 {
				f["default"] = def.value
			}
			inner = append(inner, f)
		}
		return object{"type": "record", "name": g.name("R"), "fields": inner}, nil
	default:
		other, _ := g.typ(depth - 1)
		if _, union := other.([]any); union {
			return other, &fallback{nil}
		}
		return []any{"null", other}, &fallback{nil}
	}
}

// edit changes one thing in a record or in one that is nested in it.
func (g *generator) edit(record object) {
	fields := record["fields"].([]any)
	if len(fields) == 0 || g.IntN(5) == 0 {
		record["fields"] = slices.Insert(slices.Clone(fields), g.IntN(len(fields)+1), any(g.field()))
		return
	}
	i := g.IntN(len(fields))
	f := clone(fields[i]).(object)
	fields = slices.Clone(fields)
	record["fields"] = fields
	fields[i] = f
	switch g.IntN(8) {
	case 0:
		record["fields"] = slices.Delete(fields, i, i+1)
	case 1:
		f["aliases"] = []any{f["name"]}
		f["name"] = g.name("f")
	case 2:
		f["name"] = g.name("f")
		delete(f, "aliases")
	case 3:
		j := g.IntN(len(fields))
		fields[i], fields[j] = fields[j], fields[i]
	case 4:
		delete(f, "default")
	default:
		f["type"] = g.change(f["type"])
		// What the default was of may be gone.
		delete(f, "default")
	}
}

// change makes another type of one, often a near one.
func (g *generator) change(typ any) any {
	switch t := typ.(type) {
	case string:
		wider := map[string][]string{
			"int": {"long", "float", "double", "string"}, "long": {"float", "double", "int"}, "float": {"double", "int"},
			"double": {"float"}, "string": {"bytes", "int"}, "bytes": {"string"}, "boolean": {"int"},
		}
		if to := wider[t]; to != nil && g.IntN(4) > 0 {
			return to[g.IntN(len(to))]
		}
		return []any{"null", t}
	case []any:
		switch g.IntN(3) {
		case 0:
			return t[len(t)-1]
		case 1:
			if !slices.Contains(t, any("double")) {
				return append(slices.Clone(t), "double")
			}
		}
		changed := slices.Clone(t)
		if len(t) == 2 {
			if inner, ok := g.change(clone(t[1])).(string); ok && inner != "null" {
				changed[1] = inner
			}
		}
		return changed
	case object:
		return g.changeObject(t)
	}
	return typ
}

func (g *generator) changeObject(t object) any {
	switch t["type"] {
	case "enum":
		symbols := t["symbols"].([]any)
		switch g.IntN(4) {
		case 0:
			t["symbols"] = append(slices.Clone(symbols), g.name("S"))
		case 1:
			if len(symbols) > 1 && t["default"] == nil {
				t["symbols"] = slices.Clone(symbols[:len(symbols)-1])
			}
		case 2:
			t["default"] = symbols[0]
		default:
			delete(t, "default")
		}
	case "fixed":
		switch g.IntN(3) {
		case 0:
			t["size"] = t["size"].(int) + 1
		case 1:
			t["aliases"], t["name"] = []any{t["name"]}, g.name("F")
		default:
			t["name"] = g.name("F")
			delete(t, "aliases")
		}
	case "array":
		t["items"] = g.change(t["items"])
	case "map":
		t["values"] = g.change(t["values"])
	case "record":
		switch g.IntN(4) {
		case 0:
			t["aliases"], t["name"] = []any{t["name"]}, g.name("R")
		case 1:
			t["name"] = g.name("R")
			delete(t, "aliases")
		default:
			g.edit(t)
		}
	case "long":
		t["logicalType"] = []string{"timestamp-millis", "timestamp-micros"}[g.IntN(2)]
	case "bytes":
		t["precision"] = 8 + g.IntN(2)
	}
	return t
}

// clone copies a part of a schema, so that the older version keeps its own.
func clone(v any) any {
	switch v := v.(type) {
	case object:
		copied := object{}
		for name, member := range v {
			copied[name] = clone(member)
		}
		return copied
	case []any:
		copied := make([]any, len(v))
		for i, item := range v {
			copied[i] = clone(item)
		}
		return copied
	}
	return v
}
