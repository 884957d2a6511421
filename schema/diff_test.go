package schema

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDiffTellsChangesInWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, old, next string
		want            []string
	}{
		{"nothing", field1(`"int"`), field1(`"int"`), nil},
		{"an optional field", record(``), record(`{"name":"note","type":["null","string"],"default":null}`), []string{"field note: added, optional, default null | - | string?"}},
		{"a required field", record(``), record(`{"name":"n","type":"int"}`), []string{"field n: added, required, no default | - | int"}},
		{"a field less", record(`{"name":"n","type":"int","default": 1}`), record(``), []string{"field n: removed, was required, default 1 | int | -"}},
		{
			"a field renamed", record(`{"name":"old","type":"int"}`), record(`{"name":"new","aliases":["old"],"type":"int"}`),
			[]string{"field new: renamed from old by an alias | int | int"},
		},
		{"a type", field1(`"int"`), field1(`["null","long"]`), []string{"field f: type changed from int to long? | int | long?"}},
		{
			"a decimal", field1(`"double"`), field1(`{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}`),
			[]string{"field f: type changed from double to decimal(12,2) | double | decimal(12,2)"},
		},
		{
			"a unit within", field1(`{"type":"array","items":{"type":"long","logicalType":"timestamp-millis"}}`), field1(`{"type":"array","items":{"type":"long","logicalType":"timestamp-micros"}}`),
			[]string{"field f: type changed from []timestamp-millis to []timestamp-micros | []timestamp-millis | []timestamp-micros"},
		},
		{
			"a default", record(`{"name":"a","type":"int"},{"name":"b","type":"int","default":1},{"name":"c","type":"int","default":1}`),
			record(`{"name":"a","type":"int","default":0},{"name":"b","type":"int"},{"name":"c","type":"int","default":2}`),
			[]string{"field a: default 0 added | int | int", "field b: default 1 removed | int | int", "field c: default changed from 1 to 2 | int | int"},
		},
		{
			"the order", record(`{"name":"a","type":"int"},{"name":"b","type":"int"}`), record(`{"name":"b","type":"int"},{"name":"a","type":"int"}`),
			[]string{"record: fields in another order | n.R | n.R"},
		},
		{
			"docs and aliases", record(`{"name":"a","type":"int","aliases":["x"]}`), record(`{"name":"a","type":"int","doc":"A.","aliases":["y"]}`),
			[]string{"field a: aliases added: y, aliases removed: x, doc changed | int | int"},
		},
		{
			"an enum", field1(enum(`"A","B"`, "")), field1(enum(`"C","A"`, "A")),
			[]string{"enum: symbols added: C, symbols removed: B, default A added | n.E | n.E"},
		},
		{"an enum's order", field1(enum(`"A","B"`, "A")), field1(enum(`"B","A"`, "B")), []string{"enum: symbols in another order, default changed from A to B | n.E | n.E"}},
		{"a size", field1(fixed("F", 2)), field1(fixed("F", 3)), []string{"fixed: size changed from 2 to 3 | n.F | n.F"}},
		{
			"a type's name", field1(fixed("F", 2)), field1(`{"type":"fixed","name":"G","aliases":["F"],"size":2}`),
			[]string{"fixed: renamed from n.F by an alias | n.F | n.G"},
		},
		{
			"a type of its own", field1(`"int"`), field1(`{"type":"record","name":"S","fields":[]}`),
			[]string{"field f: type changed from int to n.S | int | n.S", "record: added | - | n.S"},
		},
		{
			"the schema's name", `{"type":"record","name":"n.Old","fields":[]}`, `{"type":"record","name":"n.New","fields":[]}`,
			[]string{"record: renamed from n.Old without an alias | n.Old | n.New"},
		},
		{"no record", `"int"`, `{"type":"array","items":"int"}`, []string{"type: changed from int to []int | int | []int"}},
		{
			"a recursive type", `{"type":"record","name":"N","fields":[{"name":"next","type":["null","N"]}]}`,
			`{"type":"record","name":"N","fields":[{"name":"next","type":["null","N"],"default":null}]}`,
			[]string{"field next: default null added | N? | N?"},
		},
	} {
		var got []string
		for _, d := range Diff(mustParse(t, c.old), mustParse(t, c.next)) {
			old, next := d.Old, d.New
			if old == "" {
				old = "-"
			}
			if next == "" {
				next = "-"
			}
			got = append(got, d.String()+" | "+old+" | "+next)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestDiffLooksIntoReferences(t *testing.T) {
	t.Parallel()
	whole := func(money string) *Schema {
		return mustParse(t, record(`{"name":"m","type":"shop.Money"}`), mustParse(t, money))
	}
	found := Diff(whole(moneyText), whole(`{"type": "record", "name": "shop.Money", "fields": [{"name": "units", "type": "int"}]}`))
	if len(found) != 1 || found[0].In != "shop.Money" || found[0].String() != "field units: type changed from long to int" {
		t.Errorf("%v", found)
	}
}
