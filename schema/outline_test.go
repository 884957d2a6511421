package schema

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOutlineIsWhatTheTextSpells(t *testing.T) {
	t.Parallel()
	money := mustParse(t, `{"type":"record","name":"shop.Money","fields":[]}`)
	s := mustParse(t, `{
  "type": "record", "name": "shop.Order", "doc": "An order.", "aliases": ["Purchase"], "headrace.lint.ignore": ["A", "B"],
  "fields": [
    {"name": "id", "type": {"type": "string", "logicalType": "uuid"}, "doc": "Id.", "aliases": ["key"]},
    {"name": "total", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}, "headrace.lint.ignore": "C"},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp"}, "default": 12},
    {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["A", "B"], "default": "B"}},
    {"name": "next", "type": ["null", "Order"], "default": null},
    {"name": "money", "type": {"type": "shop.Money"}},
    {"name": "by", "type": {"type": "map", "values": {"type": "array", "items": "State"}}, "default": {"x": ["A"]}}
  ]
}`, money)
	root := s.Outline()
	var got []string
	var walk func(prefix string, typ *Type)
	walk = func(prefix string, typ *Type) {
		line := prefix + typ.Is
		for _, word := range []string{typ.Name, typ.Logical, typ.Written, typ.Doc, typ.Default, strings.Join(typ.Aliases, "+"), strings.Join(typ.Symbols, "+"), strings.Join(typ.Strings("headrace.lint.ignore"), "+")} {
			if word != "" {
				line += " " + word
			}
		}
		if typ.Use {
			line += " (use)"
		}
		got = append(got, line)
		for _, f := range typ.Fields {
			got = append(got, prefix+"  "+strings.TrimRight(f.Name+" "+string(f.Default)+strings.Join(f.Strings("headrace.lint.ignore"), "+")+strings.Join(f.Aliases, "+"), " "))
			walk(prefix+"    ", f.Type)
		}
		for _, b := range typ.Branches {
			walk(prefix+"  ", b)
		}
		if typ.Items != nil {
			walk(prefix+"  ", typ.Items)
		}
	}
	walk("", root)
	want := `record shop.Order An order. shop.Purchase A+B
  id key
    string uuid uuid
  total C
    bytes decimal decimal
  at 12
    long timestamp
  state
    enum shop.State B A+B
  next null
    union
      null
      record shop.Order (use)
  money
    record shop.Money (use)
  by {"x": ["A"]}
    map
      array
        enum shop.State (use)`
	if diff := cmp.Diff(want, strings.Join(got, "\n")); diff != "" {
		t.Error(diff)
	}
	if f := root.Fields[1]; f.Position != (Position{5, 5}) || f.Type.Position != (Position{5, 31}) || f.Type.Precision != 9 || f.Type.Pointer != "/fields/1/type" {
		t.Errorf("%+v", f)
	}
}
