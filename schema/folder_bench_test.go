package schema

import (
	"fmt"
	"strings"
	"testing"
)

// company is a folder of n schema files: events of 20 fields that share ten records.
func company(n int, more string) []Source {
	var sources []Source
	for i := range 10 {
		var fields []string
		for j := range 8 {
			fields = append(fields, fmt.Sprintf(`{"name": "part_%d", "type": "long", "doc": "One of its parts."}`, j))
		}
		sources = append(sources, Source{
			fmt.Sprintf("Shared%d.avsc", i),
			fmt.Sprintf("{\"type\": \"record\", \"name\": \"Shared%d\", \"namespace\": \"firm\", \"doc\": \"Shared.\", \"fields\": [\n  %s\n]}", i, strings.Join(fields, ",\n  ")),
		})
	}
	for i := range n - 10 {
		fields := []string{
			`{"name": "id", "type": {"type": "string", "logicalType": "uuid"}, "doc": "What it is found by."}`,
			fmt.Sprintf(`{"name": "shared", "type": "Shared%d", "doc": "What others have too."}`, i%10),
			fmt.Sprintf(`{"name": "other", "type": ["null", "Shared%d"], "default": null, "doc": "What others may have."}`, (i+1)%10),
			fmt.Sprintf(`{"name": "state", "type": {"type": "enum", "name": "State%d", "doc": "A state.", "symbols": ["A", "B", "C"], "default": "A"}, "doc": "What it is in."}`, i),
			fmt.Sprintf(`{"name": "items", "type": {"type": "array", "items": {"type": "record", "name": "Item%d", "doc": "An item.", "fields": [
    {"name": "sku", "type": "string", "doc": "What it is."}, {"name": "quantity", "type": "int", "doc": "How many."}]}}, "default": [], "doc": "What it holds."}`, i),
		}
		for j := range 15 {
			typ := `["null", "string"], "default": null`
			if j%2 == 0 {
				typ = `{"type": "long", "logicalType": "timestamp-millis"}`
			}
			fields = append(fields, fmt.Sprintf(`{"name": "field_%d", "type": %s, "doc": "One of its fields."}`, j, typ))
		}
		sources = append(sources, Source{
			fmt.Sprintf("Event%d.avsc", i),
			fmt.Sprintf("{\"type\": \"record\", \"name\": \"Event%d\", \"namespace\": \"firm\", \"doc\": \"An event.\", \"fields\": [\n  %s%s\n]}", i, strings.Join(fields, ",\n  "), more),
		})
	}
	return sources
}

// BenchmarkCheck500 reads 500 schemas and 500 older versions of them, and compares each pair both ways.
func BenchmarkCheck500(b *testing.B) {
	olds, news := company(500, ""), company(500, `,{"name": "note", "type": ["null", "string"], "default": null, "doc": "What more there is."}`)
	for b.Loop() {
		old, next := mustFolder(b, olds...), mustFolder(b, news...)
		for _, file := range next.Files {
			before, ok := old.Ancestor(file, false)
			if !ok {
				b.Fatalf("%s has no ancestor", file.Path)
			}
			if found := next.Follows(FullTransitive, file, Ancestor{Name: before.Path, Schema: before.Schema, Folder: old}); len(found) > 0 {
				b.Fatal(found)
			}
		}
	}
}
