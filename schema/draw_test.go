package schema

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/big"

	"pgregory.net/rapid"
)

// schemaGen draws random schemas.
type schemaGen struct {
	t     *rapid.T
	names int
	// open are the records under construction, which may be used within themselves.
	open      []string
	recursive bool
}

func drawSchema(t *rapid.T, recursive bool) *Schema {
	g := &schemaGen{t: t, recursive: recursive}
	text, err := json.Marshal(g.record(3))
	if err != nil {
		t.Fatal(err)
	}
	s, err := Parse(string(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s
}

func (g *schemaGen) name(prefix string) string {
	g.names++
	return fmt.Sprintf("%s%d", prefix, g.names)
}

func (g *schemaGen) record(depth int) map[string]any {
	name := g.name("R")
	g.open = append(g.open, name)
	fields := []any{}
	for i := range rapid.IntRange(0, 4).Draw(g.t, "fields") {
		fields = append(fields, map[string]any{"name": fmt.Sprintf("f%d", i), "type": g.any(depth - 1)})
	}
	g.open = g.open[:len(g.open)-1]
	return map[string]any{"type": "record", "name": name, "fields": fields}
}

var logicalSchemas = []map[string]any{
	{"type": "int", "logicalType": "date"},
	{"type": "int", "logicalType": "time-millis"},
	{"type": "long", "logicalType": "time-micros"},
	{"type": "long", "logicalType": "timestamp-millis"},
	{"type": "long", "logicalType": "timestamp-micros"},
	{"type": "long", "logicalType": "timestamp-nanos"},
	{"type": "long", "logicalType": "local-timestamp-millis"},
	{"type": "long", "logicalType": "local-timestamp-micros"},
	{"type": "long", "logicalType": "local-timestamp-nanos"},
	{"type": "string", "logicalType": "uuid"},
	{"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 3},
}

var primitiveNames = []string{"null", "boolean", "int", "long", "float", "double", "bytes", "string"}

func (g *schemaGen) any(depth int) any {
	limit := 9
	if depth <= 0 {
		limit = 4
	}
	switch rapid.IntRange(0, limit).Draw(g.t, "shape") {
	case 0, 1:
		return rapid.SampledFrom(primitiveNames).Draw(g.t, "primitive")
	case 2:
		return rapid.SampledFrom(logicalSchemas).Draw(g.t, "logical")
	case 3:
		return map[string]any{"type": "enum", "name": g.name("E"), "symbols": []string{"A", "B", "C"}}
	case 4:
		return rapid.SampledFrom([]map[string]any{
			{"type": "fixed", "name": g.name("F"), "size": 3},
			{"type": "fixed", "name": g.name("F"), "size": 12, "logicalType": "duration"},
			{"type": "fixed", "name": g.name("F"), "size": 16, "logicalType": "uuid"},
			{"type": "fixed", "name": g.name("F"), "size": 9, "logicalType": "decimal", "precision": 20, "scale": 2},
		}).Draw(g.t, "fixed")
	case 5:
		return g.record(depth)
	case 6:
		return map[string]any{"type": "array", "items": g.any(depth - 1)}
	case 7:
		return map[string]any{"type": "map", "values": g.any(depth - 1)}
	case 8:
		if g.recursive && len(g.open) > 0 {
			return []any{"null", rapid.SampledFrom(g.open).Draw(g.t, "itself")}
		}
		return []any{"null", g.branch(depth)}
	default:
		return g.union(depth)
	}
}

func (g *schemaGen) branch(depth int) any {
	for {
		switch b := g.any(depth - 1).(type) {
		case []any:
		case string:
			if b != "null" {
				return b
			}
		default:
			return b
		}
	}
}

func (g *schemaGen) union(depth int) any {
	var branches []any
	seen := map[string]bool{}
	for range rapid.IntRange(1, 4).Draw(g.t, "branches") {
		branch := g.any(depth - 1)
		name := ""
		switch b := branch.(type) {
		case []any:
			continue
		case string:
			name = b
		case map[string]any:
			name = b["type"].(string)
			if full, ok := b["name"]; ok {
				name = full.(string)
			}
		}
		if !seen[name] {
			seen[name] = true
			branches = append(branches, branch)
		}
	}
	if len(branches) == 0 {
		return "long"
	}
	return branches
}

func appendLong(dst []byte, v int64) []byte { return binary.AppendVarint(dst, v) }

// drawAvro draws a value of n in the one encoding that this package writes. Containers of types without bytes stay small.
func drawAvro(t *rapid.T, n *node, dst []byte, depth int) []byte {
	long := func(v int64) []byte { return appendLong(dst, v) }
	switch n.logical {
	case logicalDecimal:
		v := big.NewInt(rapid.Int64().Draw(t, "unscaled"))
		b := twosComplement(v, twosComplementLen(v))
		if n.kind == kindFixed {
			return append(dst, twosComplement(v, n.size)...)
		}
		return append(long(int64(len(b))), b...)
	case logicalUUID:
		id := [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uuid"))
		if n.kind == kindFixed {
			return append(dst, id[:]...)
		}
		return append(long(36), uuidText(id)...)
	case logicalTimeMillis:
		return long(rapid.Int64Range(0, 86399999).Draw(t, "time"))
	case logicalTimeMicros:
		return long(rapid.Int64Range(0, 86399999999).Draw(t, "time"))
	case logicalTimestampMillis, logicalLocalMillis:
		return long(rapid.Int64Range(-1<<55, 1<<55).Draw(t, "time"))
	}
	switch n.kind {
	case kindNull:
		return dst
	case kindBoolean:
		return append(dst, rapid.SampledFrom([]byte{0, 1}).Draw(t, "boolean"))
	case kindInt:
		return long(int64(rapid.Int32().Draw(t, "int")))
	case kindLong:
		return long(rapid.Int64().Draw(t, "long"))
	case kindFloat:
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(rapid.Float32().Draw(t, "float")))
	case kindDouble:
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(rapid.Float64().Draw(t, "double")))
	case kindBytes:
		b := rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "bytes")
		return append(long(int64(len(b))), b...)
	case kindString:
		s := rapid.String().Draw(t, "string")
		return append(long(int64(len(s))), s...)
	case kindEnum:
		return long(int64(rapid.IntRange(0, len(n.symbols)-1).Draw(t, "symbol")))
	case kindFixed:
		return append(dst, rapid.SliceOfN(rapid.Byte(), n.size, n.size).Draw(t, "fixed")...)
	case kindRecord:
		for i := range n.fields {
			dst = drawAvro(t, n.fields[i].typ, dst, depth+1)
		}
		return dst
	case kindUnion:
		i := rapid.IntRange(0, len(n.branches)-1).Draw(t, "branch")
		if depth > 10 && n.branches[0].kind == kindNull {
			i = 0
		}
		return drawAvro(t, n.branches[i], long(int64(i)), depth+1)
	}
	size := rapid.IntRange(0, 3).Draw(t, "items")
	if depth > 6 {
		size = 0
	}
	if n.kind == kindMap {
		size = min(size, 1) // Go's order of several is not the bytes'
	}
	if size > 0 {
		dst = long(int64(size))
	}
	for i := range size {
		if n.kind == kindMap {
			key := fmt.Sprintf("k%d", i)
			dst = append(appendLong(dst, int64(len(key))), key...)
		}
		dst = drawAvro(t, n.items, dst, depth+1)
	}
	return append(dst, 0)
}
