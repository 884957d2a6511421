package codegen

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// The golden packages are also imported by tests of this package, so that they compile.
func TestGenerateMatchesGolden(t *testing.T) {
	t.Parallel()
	for _, pkg := range []string{"kitchen", "order"} {
		text, err := os.ReadFile(filepath.Join("testdata", pkg, pkg+".avsc"))
		if err != nil {
			t.Fatal(err)
		}
		files, err := Generate(Layout{Package: pkg}, []Source{{Name: pkg + ".avsc", Text: text}})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			golden := filepath.Join("testdata", pkg, f.Name)
			if *update {
				if err := os.WriteFile(golden, f.Text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(f.Text)); diff != "" {
				t.Errorf("%s (-golden +generated):\n%s", golden, diff)
			}
		}
	}
}

// shopLayout puts a namespace with its children, one whose name collides with a standard package, and the rest into packages.
func shopLayout() Layout {
	return Layout{
		Package:    "shop",
		Namespaces: map[string]string{"shop.money": "money", "shop.catalog": "catalog/tree", "shop.time": "time"},
		ImportPath: "github.com/headrace/headrace/internal/codegen/testdata/shop",
	}
}

func TestGenerateOfSeveralPackagesMatchesGolden(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/shop/schemas/*.avsc")
	if err != nil {
		t.Fatal(err)
	}
	sources := make([]Source, len(names))
	for i, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sources[i] = Source{Name: name, Text: text}
	}
	files, err := Generate(shopLayout(), sources)
	if err != nil {
		t.Fatal(err)
	}
	var written []string
	for _, f := range files {
		written = append(written, f.Name)
		golden := filepath.Join("testdata", "shop", f.Name)
		if *update {
			if err := errors.Join(os.MkdirAll(filepath.Dir(golden), 0o750), os.WriteFile(golden, f.Text, 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(f.Text)); diff != "" {
			t.Errorf("%s (-golden +generated):\n%s", golden, diff)
		}
	}
	slices.Sort(written)
	want := []string{"catalog/tree/category_avro.go", "money/money_avro.go", "order_placed_avro.go", "time/token_avro.go", "voucher_avro.go"}
	if diff := cmp.Diff(want, written); diff != "" {
		t.Error(diff)
	}
}

func TestGenerateRefusesPackagesThatCannotBe(t *testing.T) {
	t.Parallel()
	a := Source{"a.avsc", []byte(`{"type":"record","name":"x.A","fields":[{"name":"b","type":["null","y.B"]},
		{"name":"c","type":["null",{"type":"record","name":"y.C","fields":[{"name":"a","type":["null","x.A"]}]}]}]}`)}
	b := Source{"b.avsc", []byte(`{"type":"record","name":"y.B","fields":[]}`)}
	two := map[string]string{"x": "x", "y": "y"}
	for want, layout := range map[string]Layout{
		"circle: x.A uses y.B, y.C uses x.A; map these namespaces to one folder": {Package: "events", Namespaces: two, ImportPath: "example.org/m"},
		"in no Go module":           {Package: "events", Namespaces: two},
		`"my-pkg" is not a package`: {Package: "events", Namespaces: map[string]string{"x": "my-pkg"}},
		"is not below the output":   {Package: "events", Namespaces: map[string]string{"x": "../x"}},
		`"9" is not a package name`: {Package: "9"},
	} {
		if _, err := Generate(layout, []Source{a, b}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", layout, err, want)
		}
	}
	one := Layout{Package: "events", Namespaces: map[string]string{"x": "both", "y": "./both"}}
	if files, err := Generate(one, []Source{a, b}); err != nil || len(files) != 2 || !strings.HasPrefix(files[0].Name, "both/") {
		t.Errorf("two namespaces in one folder: %v, %v", files, err)
	}
}

// BenchmarkGenerate500 is the time of a large folder: 500 files of two to three types each.
func BenchmarkGenerate500(b *testing.B) {
	sources := make([]Source, 500)
	for i := range sources {
		text := fmt.Sprintf(`{"type":"record","name":"Event%d","namespace":"shop.n%d","doc":"An event.","fields":[
			{"name":"id","type":{"type":"string","logicalType":"uuid"}},{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
			{"name":"total","type":{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}},
			{"name":"kind","type":{"type":"enum","name":"Kind%d","symbols":["A","B","C"],"default":"A"}},
			{"name":"lines","type":{"type":"array","items":{"type":"record","name":"Line%d","fields":[
				{"name":"sku","type":"string"},{"name":"n","type":"int"},{"name":"price","type":"double"}]}}},
			{"name":"tags","type":{"type":"map","values":"string"}},{"name":"choice","type":["int","string","boolean"]},
			{"name":"note","type":["null","string"],"default":null}`, i, i%7, i, i)
		if first := i / 5 * 5; i != first {
			text += fmt.Sprintf(`,{"name":"cause","type":["null","shop.n%d.Event%d"],"default":null}`, first%7, first)
		}
		sources[i] = Source{Name: fmt.Sprintf("event%d.avsc", i), Text: []byte(text + "]}")}
	}
	for b.Loop() {
		if _, err := Generate(Layout{Package: "events"}, sources); err != nil {
			b.Fatal(err)
		}
	}
}

func TestGenerateNamesWhatItRefuses(t *testing.T) {
	t.Parallel()
	record := func(name, fields string) string {
		return `{"type":"record","name":"` + name + `","fields":[` + fields + `]}`
	}
	tests := map[string]struct {
		sources []Source
		want    string
	}{
		"not JSON":            {[]Source{{"a.avsc", []byte(`{`)}}, "a.avsc:1:2: it is not JSON"},
		"nothing to generate": {[]Source{{"a.avsc", []byte(`"string"`)}}, "a.avsc: defines no record"},
		"undefined reference": {[]Source{{"a.avsc", []byte(record("a.A", `{"name":"b","type":"B"}`))}}, "a.avsc:1:60: type \"a.B\" is not defined"},
		"defined twice": {[]Source{
			{"a.avsc", []byte(record("a.A", ""))}, {"b.avsc", []byte(record("a.A", ""))},
		}, "b.avsc:1:1: a.A is defined twice: a.avsc:1:1"},
		"one Go type": {[]Source{
			{"a.avsc", []byte(record("a.A", ""))}, {"b.avsc", []byte(record("b.A", ""))},
		}, "would both be the Go type A"},
		"one Go field": {[]Source{
			{"a.avsc", []byte(record("a.A", `{"name":"x_y","type":"int"},{"name":"xY","type":"int"}`))},
		}, "fields x_y and xY of a.A would both be the Go field XY"},
		"endless": {[]Source{{"a.avsc", []byte(record("a.A", `{"name":"a","type":"a.A"}`))}}, "a.A contains itself"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Generate(Layout{Package: "events"}, test.sources)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestGenerateFindsTypesAcrossFiles(t *testing.T) {
	t.Parallel()
	files, err := Generate(Layout{Package: "events"}, []Source{
		{"order.avsc", []byte(`{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"to","type":"Address"}]}`)},
		{"address.avsc", []byte(`{"type":"record","name":"Address","namespace":"shop","fields":[{"name":"city","type":"string"}]}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"type":"record","name":"shop.Order","fields":[{"name":"to","type":{"type":"record","name":"shop.Address"`
	if len(files) != 2 || files[1].Name != "order_avro.go" || !strings.Contains(string(files[1].Text), want) {
		t.Errorf("files %v do not hold the whole schema of shop.Order", files)
	}
}

// Up to Avro 1.11 a default had to be of its union's first branch, in 1.12 any will do (AVRO-3649).
func TestGenerateTakesDefaultsOfLaterBranches(t *testing.T) {
	t.Parallel()
	files, err := Generate(Layout{Package: "events"}, []Source{
		{"order.avsc", []byte(`{"type":"record","name":"Order","namespace":"shop","fields":[
			{"name":"state","type":["null","State"],"default":"OPEN"},
			{"name":"rows","type":{"type":"array","items":{"type":"record","name":"Row","fields":[{"name":"count","type":["null","long"],"default":1}]}},"default":[{}]}]}`)},
		{"state.avsc", []byte(`{"type":"enum","name":"State","namespace":"shop","symbols":["OPEN","PAID"],"default":"PAID"}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	text := string(files[0].Text)
	for _, want := range []string{
		`"default":"OPEN"`, `"default":"PAID"`, `"default":1`, `"default":[{}]`, // readers need them
		"State *State", "Count *int64",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s does not hold %q:\n%s", files[0].Name, want, text)
		}
	}
}

// What Go has one name for and Avro several gets numbers, the same ones whatever the order of the files.
func TestGenerateKeepsNamesApart(t *testing.T) {
	t.Parallel()
	sources := []Source{
		{"a.avsc", []byte(`{"type":"enum","name":"Suit","symbols":["SPADES","spades","Hearts"]}`)},
		{"b.avsc", []byte(`{"type":"record","name":"SuitSpades","fields":[{"name":"codec","type":["null","Suit"]}]}`)},
		{"c.avsc", []byte(`{"type":"record","name":"ParseSuit","fields":[
			{"name":"x","type":["int","string"]},{"name":"append_avro","type":"int"},{"name":"x_item","type":["int","long"]},
			{"name":"y","type":{"type":"array","items":["int","string"]}},{"name":"y_item","type":["long","string"]}]}`)},
		{"d.avsc", []byte(`{"type":"record","name":"ParseSuitX","fields":[{"name":"type","type":"string"}]}`)},
	}
	var first string
	for range 2 {
		files, err := Generate(Layout{Package: "events"}, sources)
		if err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		for _, f := range files {
			all.Write(f.Text)
		}
		if first == "" {
			first = all.String()
		} else if all.String() != first {
			t.Error("another order of the files gives other code")
		}
		slices.Reverse(sources)
	}
	for _, want := range []string{
		"SuitSpades2 ", "SuitSpades3 ", "SuitHearts ", "func ParseSuit2(text string)", "type ParseSuitX2 interface", "AppendAvroField int32",
		"type ParseSuitXItem interface", "type ParseSuitYItem interface", "type ParseSuitYItem2 interface",
	} {
		if !strings.Contains(first, want) {
			t.Errorf("no %q in\n%s", want, first)
		}
	}
}
