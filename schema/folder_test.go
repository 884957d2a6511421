package schema

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func paths(files []*File) []string {
	var names []string
	for _, f := range files {
		name := f.Path
		if f.Imported {
			name += " (imported)"
		}
		names = append(names, name)
	}
	return names
}

const (
	moneyText = `{"type": "record", "name": "shop.Money", "fields": [{"name": "units", "type": "long"}]}`
	lineText  = `{"type": "record", "name": "shop.Line", "fields": [
  {"name": "price", "type": "Money"},
  {"name": "unit", "type": ["null", "shop.Unit"], "default": null}
]}`
	orderText = `{"type": "record", "name": "Order", "namespace": "shop", "fields": [
  {"name": "lines", "type": {"type": "array", "items": "Line"}},
  {"name": "total", "type": "Money"}
]}`
	unitText = `{"type": "enum", "name": "shop.Unit", "symbols": ["PIECE", "KILO"], "default": "PIECE"}`
)

func TestFolderIsInDependencyOrder(t *testing.T) {
	t.Parallel()
	folder, err := NewFolder(
		[]Source{{"a/order.avsc", orderText}, {"b/line.avsc", lineText}, {"z/money.avsc", moneyText}, {"c/unit.avsc", unitText}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"z/money.avsc", "c/unit.avsc", "b/line.avsc", "a/order.avsc"}
	if diff := cmp.Diff(want, paths(folder.Files)); diff != "" {
		t.Error(diff)
	}
	order := folder.Files[3]
	if diff := cmp.Diff([]string{"b/line.avsc", "z/money.avsc"}, paths(order.References)); diff != "" {
		t.Error(diff)
	}
	if refs := order.Schema.References(); len(refs) != 2 || refs[0] != folder.Files[2].Schema {
		t.Errorf("%v", refs)
	}
	if got := order.Position("/fields/1/type"); got != (Position{Line: 3, Column: 29}) {
		t.Errorf("%+v", got)
	}
	if file, ok := folder.Named("shop.Money"); !ok || file.Path != "z/money.avsc" {
		t.Errorf("%v", file)
	}
	if file, ok := folder.Of(order.Schema); !ok || file != order {
		t.Errorf("%v", file)
	}
}

func TestFolderTakesFromTheLibraryWhatItNeeds(t *testing.T) {
	t.Parallel()
	folder, err := NewFolder([]Source{{"line.avsc", lineText}},
		Source{"order.avsc", orderText}, Source{"money.avsc", moneyText}, Source{"unit.avsc", unitText}, Source{"broken.avsc", `{`})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"money.avsc (imported)", "unit.avsc (imported)", "line.avsc"}, paths(folder.Files)); diff != "" {
		t.Error(diff)
	}
}

func TestFolderNamesFileLineAndColumn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sources []Source
		want    []string
	}{
		"not JSON": {
			[]Source{{"a.avsc", "{\"type\": \"record\",\n \"name\" \"A\"}"}},
			[]string{`a.avsc:2:9: it is not JSON: invalid character '"' after object key; look for a missing comma`},
		},
		"cut short":   {[]Source{{"a.avsc", "{\n"}}, []string{`a.avsc:2:1: it is not JSON: it ends too early`}},
		"empty":       {[]Source{{"a.avsc", ""}}, []string{"a.avsc:1:1: it is not JSON: it ends too early; `headrace schema new"}},
		"a mark":      {[]Source{{"a.avsc", "\ufeff{}"}}, []string{`byte order mark`}},
		"not UTF-8":   {[]Source{{"a.avsc", "{\"ä\":\n\"\xff\"}"}}, []string{`a.avsc:2:2: it is not JSON: it is not UTF-8`}},
		"two values":  {[]Source{{"a.avsc", "\"int\"\n \"int\""}}, []string{`a.avsc:2:2: it is not JSON: there is more`}},
		"a key twice": {[]Source{{"a.avsc", "{\"type\": \"int\",\n\"type\": \"int\"}"}}, []string{`a.avsc:2:7: it is not JSON: the name "type" occurs twice`}},
		"not Avro":    {[]Source{{"a.avsc", "\n7"}}, []string{`a.avsc:2:1: a type is a string`}},
		"a misspelt type": {
			[]Source{{"a.avsc", record("\n" + `{"name": "x", "type": "strin"}`)}},
			[]string{`a.avsc:2:23: type "n.strin" is not defined in this file nor in another; did you mean string?`},
		},
		"a logical type as a type": {
			[]Source{{"a.avsc", record("\n" + `{"name": "x", "type": "uuid"}`)}},
			[]string{`write {"type": "string", "logicalType": "uuid"`},
		},
		"a name in another namespace": {
			[]Source{{"a.avsc", record("\n" + `{"name": "x", "type": "Money"}`)}, {"m.avsc", moneyText}},
			[]string{`a.avsc:2:23: type "n.Money" is not defined in this file nor in another; did you mean shop.Money?`},
		},
		"a name twice": {
			[]Source{{"a.avsc", moneyText}, {"b.avsc", record("\n" + `{"name": "x", "type": ` + moneyText + `}`)}},
			[]string{`b.avsc:2:23: shop.Money is defined twice: a.avsc:1:1 defines it already; define it in one file`},
		},
		"a name before its definition": {
			[]Source{{"a.avsc", record("\n" + `{"name": "x", "type": "shop.Money"},` + "\n" + `{"name": "y", "type": ` + moneyText + `}`)}},
			[]string{`a.avsc:2:23: type "shop.Money" is not defined here nor in a reference; it is defined below, at 3:23`},
		},
		"a circle": {
			[]Source{
				{"a.avsc", record("\n" + `{"name": "x", "type": ["null", "n.B"]}`)},
				{"b.avsc", strings.Replace(record("\n"+`{"name": "x", "type": "n.R"}`), `n.R`, `n.B`, 1)},
			},
			[]string{`a.avsc:2:32: files need each other in a circle: a.avsc:2:32 uses n.B of b.avsc, b.avsc:2:23 uses n.R of a.avsc; define the types`},
		},
		"a default that does not fit": {
			[]Source{{"a.avsc", record("\n" + `{"name": "x", "type": "int", "default": "1"}`)}}, []string{`a.avsc:2:41: int needs a number, not a string`},
		},
		"an enum's default": {
			[]Source{{"a.avsc", `{"type": "enum", "name": "E", "symbols": ["A", "B"],` + "\n" + `"default": "C"}`}},
			[]string{`a.avsc:2:12: the default "C" is none of the symbols of enum E; make it one of A, B`},
		},
		"a field twice": {
			[]Source{{"a.avsc", record("\n" + `{"name": "x", "type": "int"},` + "\n" + ` {"name": "x", "type": "int"}`)}},
			[]string{`a.avsc:3:2: duplicate field x`},
		},
		"too large": {[]Source{{"a.avsc", `"` + strings.Repeat("x", MaxSchemaBytes) + `"`}}, []string{`a.avsc: 1048578 bytes are more than the 1048576 allowed`}},
		"several": {
			[]Source{{"c.avsc", `{`}, {"b.avsc", `7`}, {"a.avsc", `"Gone"`}},
			[]string{"a.avsc:1:1: type", "b.avsc:1:1: a type is", "c.avsc:1:2: it is not JSON"},
		},
		"what a broken file may define": {[]Source{{"a.avsc", orderText}, {"b.avsc", `{`}}, []string{"", "may be in b.avsc, which is no JSON"}},
	} {
		folder, err := NewFolder(c.sources)
		var bad *FolderError
		if !errors.As(err, &bad) {
			t.Errorf("%s: no error", name)
			continue
		}
		if folder == nil {
			t.Errorf("%s: no folder", name)
		}
		for i, want := range c.want {
			if i >= len(bad.Problems) || !strings.Contains(bad.Problems[i].Error(), want) {
				t.Errorf("%s:\n%s\nlacks at %d: %s", name, err, i, want)
			}
		}
	}
}

func TestFolderKeepsWhatIsRight(t *testing.T) {
	t.Parallel()
	folder, err := NewFolder([]Source{{"money.avsc", moneyText}, {"bad.avsc", `{`}, {"user.avsc", `{"type":"array","items":"Nobody"}`}})
	if err == nil || len(folder.Files) != 1 || folder.Files[0].Path != "money.avsc" {
		t.Errorf("%v, %v", paths(folder.Files), err)
	}
}

func TestReadFolder(t *testing.T) {
	t.Parallel()
	const order = "events/order.avsc"
	disk := fstest.MapFS{}
	for name, text := range map[string]string{
		order: orderText, "events/line.avsc": lineText, "shared/deep/money.avsc": moneyText, "shared/unit.avsc": unitText,
		".hidden/copy.avsc": moneyText, "empty/readme.md": "no schema",
	} {
		disk[name] = &fstest.MapFile{Data: []byte(text)}
	}
	whole, err := ReadFolder(disk, []string{"."})
	if err != nil || len(whole.Files) != 4 {
		t.Errorf("%v, %v", paths(whole.Files), err)
	}
	one, err := ReadFolder(disk, []string{order}, "shared")
	if err != nil || len(one.Files) != 4 || one.Files[3].Path != order || one.Files[3].Imported || !one.Files[0].Imported {
		t.Errorf("%v, %v", paths(one.Files), err)
	}
	if _, err := ReadFolder(disk, []string{order}); err == nil || !strings.Contains(err.Error(), "shop.Money") {
		t.Errorf("without its library: %v", err)
	}
	for want, path := range map[string]string{"gone.avsc: it cannot be read: file does not exist; check the path": "gone.avsc", "holds no .avsc file": "empty"} {
		if _, err := ReadFolder(disk, []string{path}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v", err)
		}
	}
}
