package codegen

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// randomSchema is a record schema with what Avro has, and the Go names of its types.
type randomSchema struct {
	text  string
	root  string // full name
	types map[string]bool
}

// randomSchemas draws schemas of every type and logical type, with unions, recursion, nested namespaces and names that mean
// something in Go.
var randomSchemas = rapid.Custom(func(t *rapid.T) randomSchema {
	d := schemaDrawer{t: t, types: map[string]bool{}}
	root := d.record(rapid.IntRange(1, 4).Draw(t, "depth"), "")
	text, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return randomSchema{text: string(text), root: d.root, types: d.types}
})

// awkward names are keywords, predeclared names, packages and variables of the generated code, methods, and names that Go spells
// alike.
var awkward = strings.Fields(`type func string error nil int64 codec time big slices new len append min e r dst err start depth range
	AvroSchema AppendAvro decode_avro append_avro Parse index is_x symbols _x x1 IDs HTTP_server a_b aB Item Value Array Map String Long
	Null X order Order_Item orderItem id url init main iota any true`)

var awkwardSymbols = strings.Fields(`A B C type nil IN_TRANSIT in_transit In_Transit inTransit a_b aB String Item _ _1 X x ID`)

var awkwardDocs = []string{"", "a doc", "ends a comment */ here", "two\nlines\r\nand `quotes`", "//go:build ignore", "time.Now and big.Rat \u2028"}

type schemaDrawer struct {
	t     *rapid.T
	types map[string]bool // Go names
	root  string
	open  []string // full names of records that are being drawn
	named []string // full names of all that was defined
}

func (d *schemaDrawer) chance(percent int) bool {
	return rapid.IntRange(1, 100).Draw(d.t, "chance") <= percent
}

// unlike returns a name from the pool whose Go form is not in used, or one made so.
func (d *schemaDrawer) unlike(used map[string]bool, goForm func(string) string) string {
	name := rapid.SampledFrom(awkward).Draw(d.t, "name")
	for n := 1; used[goForm(name)]; n++ {
		name = fmt.Sprintf("%s_%dz", rapid.SampledFrom(awkward).Draw(d.t, "name"), n)
	}
	used[goForm(name)] = true
	return name
}

// define returns the head of a named type, and its namespace.
func (d *schemaDrawer) define(kind, namespace string) (map[string]any, string) {
	name := d.unlike(d.types, goName)
	if slices.Contains(primitives, name) { // a definition may not take these
		name += "_"
	}
	s := map[string]any{"type": kind, "name": name}
	switch rapid.IntRange(0, 5).Draw(d.t, "namespace") {
	case 0:
		namespace = rapid.SampledFrom([]string{"a", "a.b", "time", "com.type.func"}).Draw(d.t, "space")
		s["namespace"] = namespace
	case 1:
		namespace = "x.y"
		s["name"] = namespace + "." + name
	}
	if doc := rapid.SampledFrom(awkwardDocs).Draw(d.t, "doc"); doc != "" {
		s["doc"] = doc
	}
	full := fullName(name, namespace)
	if d.root == "" {
		d.root = full
	}
	if kind == "record" {
		d.open = append(d.open, full)
	} else {
		d.named = append(d.named, full)
	}
	return s, namespace
}

func (d *schemaDrawer) record(depth int, namespace string) map[string]any {
	s, namespace := d.define("record", namespace)
	used := map[string]bool{}
	fields := []any{}
	for range rapid.IntRange(0, 5).Draw(d.t, "fields") {
		name := d.unlike(used, goName)
		for _, method := range methods { // a field may be renamed to this
			used[method+"Field"] = true
		}
		field := map[string]any{"name": name, "type": d.typ(depth-1, namespace)}
		if doc := rapid.SampledFrom(awkwardDocs).Draw(d.t, "doc"); doc != "" {
			field["doc"] = doc
		}
		fields = append(fields, field)
	}
	s["fields"] = fields
	full := d.open[len(d.open)-1]
	d.open = d.open[:len(d.open)-1]
	d.named = append(d.named, full)
	return s
}

var randomLogical = []map[string]any{
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
	{"type": "bytes", "logicalType": "decimal", "precision": 4},
	{"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 7},
	{"type": "string", "logicalType": "date"}, // ignored where it does not apply
	{"type": "int", "logicalType": "own"},
	{"type": "bytes", "logicalType": "decimal", "precision": 2, "scale": 3},
}

var randomFixed = []map[string]any{
	{"size": 0},
	{"size": 1},
	{"size": 16},
	{"size": 12, "logicalType": "duration"},
	{"size": 16, "logicalType": "uuid"},
	{"size": 4, "logicalType": "decimal", "precision": 9, "scale": 2},
	{"size": 2, "logicalType": "decimal", "precision": 5},
	{"size": 12, "logicalType": "decimal", "precision": 20, "scale": 20},
	{"size": 3, "logicalType": "duration"},
}

func (d *schemaDrawer) typ(depth int, namespace string) any {
	shapes := 11
	if depth <= 0 {
		shapes = 4
	}
	switch rapid.IntRange(0, shapes).Draw(d.t, "shape") {
	case 0, 1:
		return rapid.SampledFrom(primitives).Draw(d.t, "primitive")
	case 2:
		return rapid.SampledFrom(randomLogical).Draw(d.t, "logical")
	case 3:
		if known := visible(d.named, namespace); len(known) > 0 && d.chance(50) {
			return rapid.SampledFrom(known).Draw(d.t, "reference")
		}
		s, _ := d.define("enum", namespace)
		s["symbols"] = rapid.SliceOfNDistinct(rapid.SampledFrom(awkwardSymbols), 1, 6, rapid.ID[string]).Draw(d.t, "symbols")
		return s
	case 4:
		s, _ := d.define("fixed", namespace)
		maps.Copy(s, rapid.SampledFrom(randomFixed).Draw(d.t, "fixed"))
		return s
	case 5, 6:
		return d.record(depth, namespace)
	case 7:
		return map[string]any{"type": "array", "items": d.items(depth, namespace)}
	case 8:
		return map[string]any{"type": "map", "values": d.items(depth, namespace)}
	case 9:
		if around := visible(d.open, namespace); len(around) > 0 {
			return []any{"null", rapid.SampledFrom(around).Draw(d.t, "itself")}
		}
		return d.union(depth, namespace)
	default:
		return d.union(depth, namespace)
	}
}

// items may be a record within itself: an array or map of it can be empty.
func (d *schemaDrawer) items(depth int, namespace string) any {
	if around := visible(d.open, namespace); len(around) > 0 && d.chance(15) {
		return rapid.SampledFrom(around).Draw(d.t, "itself")
	}
	return d.typ(depth-1, namespace)
}

// visible are the names that can be said within a namespace: one without a namespace would be taken for one of it.
func visible(names []string, namespace string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return namespace != "" && !strings.Contains(name, ".")
	})
}

func (d *schemaDrawer) union(depth int, namespace string) any {
	branches, seen := []any{}, []string{}
	if d.chance(60) {
		branches, seen = append(branches, "null"), append(seen, "null")
	}
	for range rapid.IntRange(1, 5).Draw(d.t, "branches") {
		known := len(d.named)
		branch := d.typ(depth-1, namespace)
		name, _ := branch.(string)
		if s, ok := branch.(map[string]any); ok {
			name, _ = s["type"].(string)
			if last, ok := s["name"].(string); ok {
				name = last // unlike all others
			}
			if class := hambaClass(s); class != "" {
				if slices.Contains(seen, class) {
					name = "" // hamba writes the first branch for either
				} else {
					seen = append(seen, class)
				}
			}
		}
		name = lastName(name)
		if name != "" && !slices.Contains(seen, name) {
			branches, seen = append(branches, branch), append(seen, name)
		} else {
			d.named = d.named[:known] // what the branch defined goes with it
		}
	}
	if len(branches) == 0 {
		return "boolean"
	}
	if branches[0] == "null" { // anywhere; the others stay, since a name is defined before it is used
		at := rapid.IntRange(0, len(branches)-1).Draw(d.t, "null at")
		branches = slices.Insert(branches[1:], at, branches[0])
	}
	return branches
}

// hambaClass says which Go type hamba has for a logical type, where several have the same.
func hambaClass(s map[string]any) string {
	switch logical, _ := s["logicalType"].(string); {
	case logical == "date" || strings.Contains(logical, "timestamp"):
		return "time.Time"
	case strings.HasPrefix(logical, "time-"):
		return "time.Duration"
	case logical == "decimal":
		return "big.Rat"
	}
	return ""
}
