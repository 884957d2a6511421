package schema

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCompatibleListsEverythingWithItsPlace(t *testing.T) {
	t.Parallel()
	writer := mustParse(t, `{"type":"record","name":"n.Order","fields":[
		{"name":"id","type":"string"},
		{"name":"state","type":{"type":"enum","name":"State","symbols":["A","B","C"]}},
		{"name":"lines","type":{"type":"array","items":{"type":"record","name":"Line","fields":[{"name":"sku","type":"string"},{"name":"n","type":"long"}]}}},
		{"name":"hash","type":{"type":"fixed","name":"Hash","size":16}},
		{"name":"pay","type":["null","string","int"]}]}`)
	reader := mustParse(t, `{"type":"record","name":"n.Order","fields":[
		{"name":"id","type":"long"},
		{"name":"state","type":{"type":"enum","name":"State","symbols":["A"]}},
		{"name":"lines","type":{"type":"array","items":{"type":"record","name":"Line","fields":[{"name":"sku","type":"string"},{"name":"n","type":"int"},{"name":"price","type":"double"}]}}},
		{"name":"hash","type":{"type":"fixed","name":"Hash","size":20}},
		{"name":"pay","type":["null","boolean"]},
		{"name":"lines2","type":{"type":"array","items":"Line"},"default":[]}]}`)
	var got []string
	for _, p := range Compatible(reader, writer) {
		got = append(got, string(p.Kind)+" "+p.Path)
		if p.Message == "" {
			t.Errorf("%s says nothing", p)
		}
	}
	want := []string{
		"TYPE_MISMATCH /fields/0/type",
		"MISSING_ENUM_SYMBOLS /fields/1/type",
		"TYPE_MISMATCH /fields/2/type/items/fields/1/type",
		"READER_FIELD_MISSING_DEFAULT_VALUE /fields/2/type/items/fields/2",
		"FIXED_SIZE_MISMATCH /fields/3/type",
		"MISSING_UNION_BRANCH /fields/4/type",
		"MISSING_UNION_BRANCH /fields/4/type",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCompatibleSeesThroughCycles(t *testing.T) {
	t.Parallel()
	tree := func(value, extra string) *Schema {
		return mustParse(t, `{"type":"record","name":"Tree","fields":[{"name":"kids","type":{"type":"array","items":"Tree"}},
			{"name":"other","type":["null",{"type":"record","name":"Other","fields":[{"name":"back","type":["null","Tree"]},{"name":"v","type":"`+value+`"}]}]}`+extra+`]}`)
	}
	if found := Compatible(tree("long", ""), tree("int", "")); len(found) > 0 {
		t.Error(found)
	}
	found := Compatible(tree("int", ""), tree("long", ""))
	if len(found) != 1 || found[0].Path != "/fields/1/type/1/fields/1/type" {
		t.Errorf("the one problem: %v", found)
	}
	// The same schema without its default is another schema, although both have one canonical form.
	with, without := tree("int", `,{"name":"x","type":"int","default":1}`), tree("int", `,{"name":"x","type":"int"}`)
	if with.Fingerprint() != without.Fingerprint() {
		t.Fatal("the test is about equal fingerprints")
	}
	old := tree("int", "")
	if len(Compatible(with, old)) != 0 || len(Compatible(without, old)) != 1 {
		t.Errorf("%v, %v", Compatible(with, old), Compatible(without, old))
	}
}

// A branch that fails deep inside must not be taken for a match because the failure was reached through a cycle.
func TestCompatibleUnionAlternatives(t *testing.T) {
	t.Parallel()
	writer := mustParse(t, `{"type":"record","name":"R","fields":[{"name":"self","type":["null","R"]},{"name":"x","type":"string"}]}`)
	reader := mustParse(t, `[{"type":"record","name":"a.R","fields":[{"name":"self","type":["null","R"]},{"name":"x","type":"int"}]},
		{"type":"record","name":"b.R","fields":[{"name":"self","type":["null","R"]},{"name":"x","type":"string"}]}]`)
	if found := Compatible(reader, writer); len(found) > 0 {
		t.Error(found)
	}
	c := translator{compat: compare(reader.root, writer.root)}
	if chosen := c.branchFor(writer.root, reader.root); chosen != 1 {
		t.Errorf("branch %d is read", chosen)
	}
}

func TestCompatibleOfHostileSchemas(t *testing.T) {
	t.Parallel()
	wide := func(prefix string) *Schema {
		var fields []string
		for i := range 400 {
			fields = append(fields, fmt.Sprintf(`{"type":"record","name":"%s%d","fields":[{"name":"u","type":["null","%s0"]}]}`, prefix, i, "W"))
		}
		return mustParse(t, `{"type":"record","name":"W0","fields":[{"name":"u","type":[`+strings.Join(fields[1:], ",")+`]}]}`)
	}
	began := time.Now()
	Compatible(wide("W"), wide("V"))
	if took := time.Since(began); took > time.Minute {
		t.Errorf("took %s", took)
	}
}

func TestCheckLevel(t *testing.T) {
	t.Parallel()
	v1 := mustParse(t, record(`{"name":"a","type":"int"}`))
	v2 := mustParse(t, record(`{"name":"a","type":"int"},{"name":"b","type":"int","default":0}`))
	// v3 needs c: it reads v2 (which has no c) not, and v1 not.
	added := mustParse(t, record(`{"name":"a","type":"int"},{"name":"b","type":"int","default":0},{"name":"c","type":"int"}`))
	// dropped lacks a: old readers without a default for it cannot read it.
	dropped := mustParse(t, record(`{"name":"b","type":"int","default":0}`))
	// needsB reads v2, which has b, and not v1, which has not.
	needsB := mustParse(t, record(`{"name":"a","type":"int"},{"name":"b","type":"int"}`))
	for _, c := range []struct {
		name string
		next *Schema
		bad  map[Level]int
	}{
		{"field added without default", added, map[Level]int{Backward: 1, BackwardTransitive: 2, Full: 1, FullTransitive: 2}},
		{"field removed", dropped, map[Level]int{Forward: 1, ForwardTransitive: 2, Full: 1, FullTransitive: 2}},
		{"only the first cannot be read", needsB, map[Level]int{BackwardTransitive: 1, FullTransitive: 1}},
		{"the same again", v2, nil},
	} {
		for _, level := range []Level{None, Backward, BackwardTransitive, Forward, ForwardTransitive, Full, FullTransitive} {
			if found := CheckLevel(level, c.next, v1, v2); len(found) != c.bad[level] {
				t.Errorf("%s at %s: %v", c.name, level, found)
			}
		}
	}
	if found := CheckLevel(FullTransitive, added); len(found) > 0 {
		t.Errorf("the first version: %v", found)
	}
	if found := CheckLevel(BackwardTransitive, needsB, v1, v2); len(found) != 1 || !strings.Contains(found[0].Message, "version 1") {
		t.Errorf("%v", found)
	}
	if _, err := ParseLevel("sideward"); err == nil {
		t.Error("a level that does not exist")
	}
}
