package schema

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each kind of incompatibility says how to mend the schema that is new, as reader and as writer.
func TestIncompatibilitiesSayHowToMendTheNewSchema(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, old, next  string
		kind             Kind
		level            Level
		reader, writer   string // short types
		hint             string
		readerAt, nextAt string // pointers into the reader's and into the new schema
	}{
		{
			"a field without default", record(`{"name":"a","type":"int"}`), record(`{"name":"a","type":"int"},{"name":"note","type":"string"}`),
			ReaderFieldMissingDefaultValue, Backward, "string", "n.R", `give it a "default"`, "/fields/1", "/fields/1",
		},
		{
			"a field renamed", record(`{"name":"note","type":"string"}`), record(`{"name":"remark","type":"string"}`),
			ReaderFieldMissingDefaultValue, Backward, "string", "n.R", `"aliases": ["note"]`, "/fields/0", "/fields/0",
		},
		{
			"a field removed", record(`{"name":"a","type":"int"},{"name":"note","type":"string"}`), record(`{"name":"a","type":"int"}`),
			ReaderFieldMissingDefaultValue, Forward, "string", "n.R", "keep field note", "/fields/1", "",
		},
		{"a type narrowed", field1(`"long"`), field1(`"int"`), TypeMismatch, Backward, "int", "long", "keep the type long", "/fields/0/type", "/fields/0/type"},
		{"a type widened", field1(`"int"`), field1(`"long"`), TypeMismatch, Forward, "int", "long", "keep the type int", "/fields/0/type", "/fields/0/type"},
		{"null no more", field1(`["null","int"]`), field1(`"int"`), TypeMismatch, Backward, "int", "null", `keep "null" in the union`, "/fields/0/type", "/fields/0/type"},
		{"null now", field1(`"int"`), field1(`["null","int"]`), TypeMismatch, Forward, "int", "null", "take no null", "/fields/0/type", "/fields/0/type/0"},
		{"a name", field1(fixed("F", 2)), field1(fixed("G", 2)), NameMismatch, Backward, "n.G", "n.F", `add "aliases": ["n.F"]`, "/fields/0/type", "/fields/0/type"},
		{"a name, old readers", field1(fixed("F", 2)), field1(fixed("G", 2)), NameMismatch, Forward, "n.F", "n.G", "keep the name n.F", "/fields/0/type", "/fields/0/type"},
		{"a size", field1(fixed("F", 2)), field1(fixed("F", 3)), FixedSizeMismatch, Backward, "n.F", "n.F", "never changes", "/fields/0/type", "/fields/0/type"},
		{"a symbol gone", field1(enum(`"A","B"`, "")), field1(enum(`"A"`, "")), MissingEnumSymbols, Backward, "n.E", "n.E", "keep B", "/fields/0/type", "/fields/0/type"},
		{"a symbol new", field1(enum(`"A"`, "")), field1(enum(`"A","B"`, "")), MissingEnumSymbols, Forward, "n.E", "n.E", "old readers stop at B", "/fields/0/type", "/fields/0/type"},
		{
			"a branch gone", field1(`["null","int","string"]`), field1(`["null","int"]`), MissingUnionBranch, Backward, "int?", "string",
			"keep string in the union", "/fields/0/type", "/fields/0/type",
		},
		{
			"a branch new", field1(`["null","int"]`), field1(`["null","int","string"]`), MissingUnionBranch, Forward, "int?", "string",
			"old readers know no string here", "/fields/0/type", "/fields/0/type/2",
		},
		{
			"a scale", field1(`{"type":"bytes","logicalType":"decimal","precision":5,"scale":2}`), field1(`{"type":"bytes","logicalType":"decimal","precision":5,"scale":3}`),
			DecimalMismatch, Backward, "decimal(5,3)", "decimal(5,2)", "precision and scale never change", "/fields/0/type", "/fields/0/type",
		},
		{
			"a unit", field1(`{"type":"long","logicalType":"timestamp-millis"}`), field1(`{"type":"long","logicalType":"timestamp-micros"}`),
			LogicalTypeMismatch, Forward, "timestamp-millis", "timestamp-micros", "the unit never changes", "/fields/0/type", "/fields/0/type",
		},
	} {
		old, next := mustParse(t, c.old), mustParse(t, c.next)
		found := CheckLevel(c.level, next, old)
		if len(found) != 1 {
			t.Errorf("%s: %v", c.name, found)
			continue
		}
		p := found[0]
		mine, other := p.Reader, old
		if p.Forward {
			mine, other = p.Writer, next
		}
		got := []string{string(p.Kind), p.Reader.Type, p.Writer.Type, p.Path, mine.Pointer}
		if diff := cmp.Diff([]string{string(c.kind), c.reader, c.writer, c.readerAt, c.nextAt}, got); diff != "" || !strings.Contains(p.Hint, c.hint) {
			t.Errorf("%s: %s\nhint: %s", c.name, diff, p.Hint)
		}
		if p.Forward != (c.level == Forward) || p.Version != 1 || mine.Schema == nil || p.Forward && p.Reader.Schema != old || !p.Forward && p.Writer.Schema != other {
			t.Errorf("%s: %+v", c.name, p)
		}
	}
}

func TestIncompatibilitiesAreInTheOrderOfTheText(t *testing.T) {
	t.Parallel()
	part := func(typ string) *Schema {
		return mustParse(t, `{"type":"record","name":"n.Part","fields":[{"name":"x","type":"`+typ+`"}]}`)
	}
	whole := func(typ string, ref *Schema) *Schema {
		var fields []string
		for i := range 12 {
			fields = append(fields, `{"name":"f`+string(rune('a'+i))+`","type":"`+typ+`"}`)
		}
		return mustParse(t, record(`{"name":"part","type":"n.Part"},`+strings.Join(fields, ",")), ref)
	}
	var got []string
	for _, p := range Compatible(whole("int", part("int")), whole("long", part("long"))) {
		got = append(got, p.Reader.Schema.FullName()+" "+p.Path)
	}
	want := []string{}
	for _, i := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"} {
		want = append(want, "n.R /fields/"+i+"/type")
	}
	if diff := cmp.Diff(append(want, "n.Part /fields/0/type"), got); diff != "" {
		t.Error(diff)
	}
}
