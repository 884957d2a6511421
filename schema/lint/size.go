package lint

import (
	"fmt"
	"strings"

	"github.com/headrace/headrace/schema"
)

// The bounds of the rules of category SIZE.
const (
	maxFields  = 100
	maxSymbols = 200
	maxNesting = 8
	maxText    = 64 << 10
)

func size() []Rule {
	return []Rule{
		{
			ID: "RECORD_FIELDS", Category: Size,
			Wants:   fmt.Sprintf("A record has at most %d fields.", maxFields),
			Because: "Nobody keeps more in mind; what belongs together deserves a record of its own, which can then be shared and be absent.",
			Bad:     example(manyFields(maxFields + 1)),
			Good:    example(manyFields(2)),
			look: func(r *report) {
				r.defined(func(t *schema.Type) {
					if len(t.Fields) > maxFields {
						r.add(t.Pointer, fmt.Sprintf("record %s has %d fields, more than %d", t.Name, len(t.Fields), maxFields), "group fields that belong together into records")
					}
				})
			},
		},
		{
			ID: "ENUM_SYMBOLS", Category: Size,
			Wants:   fmt.Sprintf("An enum has at most %d symbols.", maxSymbols),
			Because: "A list that long is data: it changes more often than the schema should.",
			Bad:     example(manySymbols(maxSymbols + 1)),
			Good:    example(manySymbols(2)),
			look: func(r *report) {
				r.defined(func(t *schema.Type) {
					if len(t.Symbols) > maxSymbols {
						r.add(t.Pointer, fmt.Sprintf("enum %s has %d symbols, more than %d", t.Name, len(t.Symbols), maxSymbols), "use a string, and say in its doc where the codes are listed")
					}
				})
			},
		},
		{
			ID: "NESTING_DEPTH", Category: Size,
			Wants:   fmt.Sprintf("Records, arrays and maps nest at most %d levels.", maxNesting),
			Because: "Each level is a join in every table the events end up in.",
			Bad:     example(nested(maxNesting + 1)),
			Good:    example(nested(2)),
			look: func(r *report) {
				if t := deep(r.root, 0); t != nil {
					r.add(t.Pointer, fmt.Sprintf("the types nest more than %d levels", maxNesting), "put what is deep inside into an event of its own")
				}
			},
		},
		{
			ID: "SCHEMA_TEXT", Category: Size,
			Wants:   fmt.Sprintf("A schema's text is at most %d KiB.", maxText>>10),
			Because: "Every client fetches and parses it; registries refuse what is much larger.",
			Bad:     example(recordOf(`{"name": "note", "type": "string", "doc": "Words.` + strings.Repeat(" More.", maxText/6) + `"}`)),
			Good:    example(recordOf(`{"name": "note", "type": "string", "doc": "Words."}`)),
			look: func(r *report) {
				if n := len(r.file.Schema.String()); n > maxText {
					r.add("", fmt.Sprintf("the schema has %d bytes, more than %d", n, maxText), "move types into files of their own")
				}
			},
		},
	}
}

// deep returns the first type that is nested too deep.
func deep(t *schema.Type, level int) *schema.Type {
	if t.Is == "record" && !t.Use || t.Is == "array" || t.Is == "map" {
		if level++; level > maxNesting {
			return t
		}
	}
	inner := append([]*schema.Type{}, t.Branches...)
	for i := range t.Fields {
		inner = append(inner, t.Fields[i].Type)
	}
	if t.Items != nil {
		inner = append(inner, t.Items)
	}
	for _, i := range inner {
		if found := deep(i, level); found != nil {
			return found
		}
	}
	return nil
}

func manyFields(n int) string {
	fields := make([]string, n)
	for i := range fields {
		fields[i] = fmt.Sprintf(`{"name": "reading%d", "type": "int", "doc": "What gauge %d showed."}`, i+1, i+1)
	}
	return recordOf(strings.Join(fields, ",\n  "))
}

func manySymbols(n int) string {
	symbols := make([]string, n)
	for i := range symbols {
		symbols[i] = fmt.Sprintf(`"PART_%d"`, i+1)
	}
	return `{"type": "enum", "name": "Part", "namespace": "shop", "doc": "A part.", "default": "PART_1", "symbols": [` + "\n  " + strings.Join(symbols, ",\n  ") + "\n]}"
}

func nested(levels int) string {
	text := `"string"`
	for i := levels; i > 1; i-- {
		text = `{"type": "map", "values": ` + text + `}`
	}
	return recordOf(`{"name": "parts", "type": ` + text + `, "default": {}, "doc": "Parts by name."}`)
}
