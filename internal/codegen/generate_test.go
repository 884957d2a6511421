package codegen

import (
	"flag"
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
		files, err := Generate(pkg, []Source{{Name: pkg + ".avsc", Text: text}})
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

func TestGenerateNamesWhatItRefuses(t *testing.T) {
	t.Parallel()
	record := func(name, fields string) string {
		return `{"type":"record","name":"` + name + `","fields":[` + fields + `]}`
	}
	tests := map[string]struct {
		sources []Source
		want    string
	}{
		"not JSON":            {[]Source{{"a.avsc", []byte(`{`)}}, "a.avsc: not JSON"},
		"nothing to generate": {[]Source{{"a.avsc", []byte(`"string"`)}}, "a.avsc: defines no record"},
		"undefined reference": {[]Source{{"a.avsc", []byte(record("a.A", `{"name":"b","type":"B"}`))}}, "a.avsc: a.A: avro schema at /fields/0/type: type \"a.B\" is not defined"},
		"defined twice": {[]Source{
			{"a.avsc", []byte(record("a.A", ""))}, {"b.avsc", []byte(record("a.A", ""))},
		}, "b.avsc: a.A is defined in a.avsc already"},
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
			_, err := Generate("events", test.sources)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestGenerateFindsTypesAcrossFiles(t *testing.T) {
	t.Parallel()
	files, err := Generate("events", []Source{
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
		files, err := Generate("events", sources)
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
