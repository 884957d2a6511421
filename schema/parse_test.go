package schema

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCanonicalForm(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{`"int"`, `"int"`},
		{`{"type":"int"}`, `"int"`},
		{`{"type":"long","logicalType":"timestamp-millis"}`, `"long"`},
		{`["null",{"type":"string"}]`, `["null","string"]`},
		{`{"type":"array","items":{"type":"map","values":"bytes"},"x":1}`, `{"type":"array","items":{"type":"map","values":"bytes"}}`},
		{`{"size":4,"type":"fixed","name":"F","namespace":"x.y","doc":"d"}`, `{"name":"x.y.F","type":"fixed","size":4}`},
		{`{"type":"enum","doc":"d","symbols":["A","B"],"name":"a.E","default":"A"}`, `{"name":"a.E","type":"enum","symbols":["A","B"]}`},
		{
			`{"type":"record","namespace":"a","name":"R","aliases":["Q"],"fields":[{"name":"x","doc":"d","default":1,"type":"int"},{"name":"s","type":"R"},{"name":"t","type":{"type":"fixed","name":"b.F","size":1}},{"name":"u","type":"b.F"}]}`,
			`{"name":"a.R","type":"record","fields":[{"name":"x","type":"int"},{"name":"s","type":"a.R"},{"name":"t","type":{"name":"b.F","type":"fixed","size":1}},{"name":"u","type":"b.F"}]}`,
		},
	} {
		if diff := cmp.Diff(c.want, mustParse(t, c.text).Canonical()); diff != "" {
			t.Errorf("%s: %s", c.text, diff)
		}
	}
	// From the specification's reference implementation: SHA-256 of the canonical form "int".
	if got := fmt.Sprintf("%x", mustParse(t, `{"type":"int","doc":"x"}`).Fingerprint()); got != "3f2b87a9fe7cc9b13835598c3981cd45e3e355309e5090aa0933d7becb6fba45" {
		t.Errorf("fingerprint of int: %s", got)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, path, reason string }{
		"nothing":                 {``, "", "not JSON"},
		"a bare name":             {`string`, "", "not JSON"},
		"more than one value":     {`"int" "int"`, "", "more after"},
		"a name given twice":      {`{"type":"int","type":"long"}`, "", "twice"},
		"not UTF-8":               {"\"\xff\"", "", "UTF-8"},
		"a number":                {`7`, "", "not a number"},
		"no such type":            {`"Order"`, "", "not defined"},
		"type of a type":          {`{"type":{"type":"int"}}`, "/type", "not the name"},
		"a record without fields": {`{"type":"record","name":"R"}`, "", "array of fields"},
		"a field without type":    {record(`{"name":"a"}`), "/fields/0", "needs a name and a type"},
		"a field twice":           {record(`{"name":"a","type":"int"},{"name":"a","type":"int"}`), "/fields/1", "duplicate"},
		"a bad name":              {`{"type":"fixed","name":"9x","size":1}`, "/name", "invalid"},
		"a type twice":            {record(`{"name":"a","type":{"type":"fixed","name":"F","size":1}},{"name":"b","type":{"type":"fixed","name":"F","size":1}}`), "/fields/1/type", "twice"},
		"a primitive's name":      {`{"type":"fixed","name":"int","size":1}`, "", "primitive"},
		"a union of unions":       {`["null",["int"]]`, "", "union"},
		"a union without a type":  {`[]`, "", "needs a branch"},
		"a union of two strings":  {`["string",{"type":"string","logicalType":"uuid"}]`, "", "only once"},
		"an enum without symbols": {`{"type":"enum","name":"E","symbols":[]}`, "", "symbols"},
		"a symbol twice":          {`{"type":"enum","name":"E","symbols":["A","A"]}`, "/symbols/1", "duplicate"},
		"an enum's bad default":   {`{"type":"enum","name":"E","symbols":["A"],"default":"B"}`, "/default", "default"},
		"a fixed without size":    {`{"type":"fixed","name":"F"}`, "", "size"},
		"a negative size":         {`{"type":"fixed","name":"F","size":-1}`, "", "size"},
		"a fixed of a gigabyte":   {record(`{"name":"a","type":{"type":"fixed","name":"F","size":1073741824},"default":""}`), "/fields/0/type", "size"},
		"a huge decimal":          {`{"type":"bytes","logicalType":"decimal","precision":1000000000,"scale":999999999}`, "", "1000"},
		"an array of nothing":     {`{"type":"array"}`, "", "items"},
		"a default of a kind":     {record(`{"name":"a","type":"int","default":"x"}`), "/fields/0/default", "number"},
		"a default of a size":     {record(`{"name":"a","type":"int","default":2147483648}`), "/fields/0/default", "fit an int"},
		"a fractional default":    {record(`{"name":"a","type":"long","default":1.5}`), "/fields/0/default", "1.5"},
		"a default of no branch":  {record(`{"name":"a","type":["int","null"],"default":"x"}`), "/fields/0/default", "number"},
		"a default of itself":     {`{"type":"record","name":"R","fields":[{"name":"r","type":"R","default":{}}]}`, "/fields/0/default", "itself"},
		"an incomplete default":   {record(`{"name":"a","type":{"type":"record","name":"S","fields":[{"name":"x","type":"int"}]},"default":{}}`), "/fields/0/default", "missing"},
		"too much text":           {`"` + strings.Repeat("x", MaxSchemaBytes) + `"`, "", "allowed"},
		"too deep":                {strings.Repeat(`{"type":"array","items":`, 100_000) + `"int"` + strings.Repeat("}", 100_000), "", "allowed"},
		"deep":                    {strings.Repeat(`[`, 2000) + strings.Repeat("]", 2000), "", "deeper"},
	} {
		s, err := Parse(c.text)
		var bad *InvalidSchemaError
		if !errors.As(err, &bad) || bad.Path != c.path || !strings.Contains(bad.Reason, c.reason) {
			t.Errorf("%s: %v, %.300v", name, s, err)
		}
	}
}

// Defaults that take further defaults, twice each, are 2^40 fields after forty records.
func TestDefaultThatIsNoNumberIsPlaced(t *testing.T) {
	t.Parallel()
	for _, typ := range []string{`"double"`, `["float","null"]`} {
		for _, value := range []string{"NaN", "Infinity"} {
			_, err := Parse(`{"type":"record","name":"R","fields":[{"name":"a","type":` + typ + `,"default":"` + value + `"}]}`)
			if bad := new(InvalidSchemaError); !errors.As(err, &bad) || bad.Path != "/fields/0/default" || !strings.Contains(bad.Reason, "a number in JSON, which has no "+value) {
				t.Errorf("%s %s: %v", typ, value, err)
			}
		}
	}
}

func TestParseBoundsDefaults(t *testing.T) {
	t.Parallel()
	for _, leaf := range []string{``, `{"name":"i","type":"int","default":1}`} {
		text := `{"type":"record","name":"D0","fields":[` + leaf + `]}`
		for i := 1; i <= 40; i++ {
			text = fmt.Sprintf(`{"type":"record","name":"D%d","fields":[{"name":"a","type":%s,"default":{}},{"name":"b","type":"D%d","default":{}}]}`, i, text, i-1)
		}
		began := time.Now()
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), "expands") {
			t.Errorf("%.300v", err)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("took %s", took)
		}
	}
}

func TestLogicalTypesThatDoNotFitAreIgnored(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"type":"string","logicalType":"date"}`, `{"type":"int","logicalType":"timestamp-millis"}`, `{"type":"long","logicalType":"no-such"}`,
		`{"type":"bytes","logicalType":"decimal"}`, `{"type":"bytes","logicalType":"decimal","precision":0}`,
		`{"type":"bytes","logicalType":"decimal","precision":2,"scale":3}`, `{"type":"fixed","name":"F","size":2,"logicalType":"decimal","precision":5}`,
		`{"type":"fixed","name":"F","size":11,"logicalType":"duration"}`, `{"type":"fixed","name":"F","size":15,"logicalType":"uuid"}`,
	} {
		if s := mustParse(t, text); s.root.logical != logicalNone {
			t.Errorf("%s is a %s", text, s.root.logical)
		}
	}
}

func TestParseWithReferences(t *testing.T) {
	t.Parallel()
	part := mustParse(t, `{"type":"record","name":"n.Part","fields":[{"name":"id","type":"int"}]}`)
	list := mustParse(t, `{"type":"record","name":"n.List","fields":[{"name":"parts","type":{"type":"array","items":"Part"}}]}`, part)
	whole := mustParse(t, `{"type":"record","name":"m.Whole","fields":[{"name":"l","type":"n.List"},{"name":"p","type":["null","n.Part"]}]}`, list)
	data := mustAvro(t, whole, `{"l":{"parts":[{"id":1}]},"p":{"id":2}}`)
	if text, err := ToJSON(whole, data); err != nil || string(text) != `{"l":{"parts":[{"id":1}]},"p":{"id":2}}` {
		t.Errorf("%s, %v", text, err)
	}
	if len(whole.References()) != 1 || whole.References()[0] != list {
		t.Errorf("%v", whole.References())
	}
	// Nothing is left behind for others: hamba's own cache would know n.Part by now.
	if _, err := Parse(`{"type":"array","items":"n.Part"}`); err == nil {
		t.Error("a type was found that this schema does not define")
	}
	other := mustParse(t, `{"type":"record","name":"n.Part","fields":[]}`)
	if _, err := Parse(`"n.Part"`, list, other); err == nil || !strings.Contains(err.Error(), "two ways") {
		t.Errorf("%v", err)
	}
	if _, err := Parse(`{"type":"fixed","name":"n.Part","size":1}`, part); err == nil {
		t.Error("a reference's type was defined anew")
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if _, err := Parse(`{"type":"array","items":"n.List"}`, list); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzParse(f *testing.F) {
	for _, text := range fuzzSchemas {
		f.Add(text)
	}
	f.Add(order{}.AvroSchema())
	f.Add(record(`{"name":"a","type":["null","int"],"default":null,"aliases":["b"]}`))
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err != nil {
			return
		}
		if _, err := Parse(s.Canonical()); err != nil {
			t.Fatalf("%s: canonical form %s: %v", text, s.Canonical(), err)
		}
		if found := Compatible(s, s); len(found) > 0 {
			t.Fatalf("%s: %v", text, found)
		}
		_ = s.Check(nil)
	})
}
