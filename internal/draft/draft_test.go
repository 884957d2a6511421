package draft

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/headrace/headrace/schema"
)

const (
	moneyText = `{"type": "record", "name": "shop.Money", "fields": [{"name": "units", "type": "long"}]}`
	unitText  = `{"type": "enum", "name": "shop.Unit", "symbols": ["PIECE", "KILO"], "default": "PIECE"}`
)

func mustFolder(t *testing.T, sources ...schema.Source) *schema.Folder {
	t.Helper()
	f, err := schema.NewFolder(sources)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func draft(t *testing.T, folder *schema.Folder, fields ...string) (string, error) {
	t.Helper()
	d := Schema{Name: "shop.OrderPlaced", Doc: "A customer has paid."}
	for _, text := range fields {
		f, err := ParseField(text)
		if err != nil {
			return "", err
		}
		d.Fields = append(d.Fields, f)
	}
	return d.Text(folder)
}

func TestDraftWritesEveryType(t *testing.T) {
	t.Parallel()
	folder := mustFolder(t, schema.Source{Path: "money.avsc", Text: moneyText}, schema.Source{Path: "u.avsc", Text: unitText})
	for field, want := range map[string]string{
		"a:boolean":               `"type": "boolean", "doc": "A, true or false."`,
		"a:bool":                  `"type": "boolean"`,
		"a:int=3":                 `"type": "int", "default": 3,`,
		"a:string=3":              `"type": "string", "default": "3",`,
		`a:string="x y"`:          `"type": "string", "default": "x y",`,
		"a:string # why so":       `"type": "string", "doc": "why so"`,
		"a:string?":               `"type": ["null", "string"], "default": null, "doc": "A, as text; null when there is none."`,
		"a:uuid":                  `"type": {"type": "string", "logicalType": "uuid"}`,
		"a:date?":                 `"type": ["null", {"type": "int", "logicalType": "date"}], "default": null`,
		"a:timestamp":             `{"type": "long", "logicalType": "timestamp-millis"}`,
		"a:timestamp-micros":      `{"type": "long", "logicalType": "timestamp-micros"}`,
		"a:local-timestamp":       `{"type": "long", "logicalType": "local-timestamp-millis"}`,
		"a:time":                  `{"type": "int", "logicalType": "time-millis"}`,
		"a:decimal(12,2)":         `{"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}`,
		"a:decimal( 12 )":         `"precision": 12}`,
		"a:enum(OPEN, CLOSED)":    `{"type": "enum", "name": "OrderPlacedA", "doc": "A of order placed; OPEN stands for what a reader does not know.", "symbols": ["OPEN", "CLOSED"], "default": "OPEN"}`,
		"ship_state:enum(A)":      `"name": "OrderPlacedShipState"`,
		"a:fixed(16)":             `{"type": "fixed", "name": "OrderPlacedA", "doc": "16 bytes.", "size": 16}`,
		"a:duration":              `"size": 12, "logicalType": "duration"}`,
		"a:[]string":              `{"type": "array", "items": "string"}, "default": []`,
		"a:array(string?)":        `{"type": "array", "items": ["null", "string"]}, "default": []`,
		"a:[](string?)":           `{"type": "array", "items": ["null", "string"]}, "default": []`,
		"a:[]string?":             `["null", {"type": "array", "items": "string"}], "default": null`,
		"a:map([]long)":           `{"type": "map", "values": {"type": "array", "items": "long"}}, "default": {}`,
		"a:shop.Money":            `"type": "shop.Money"`,
		"a:Money?":                `"type": ["null", "shop.Money"], "default": null`,
		"a:OrderPlaced?":          `"type": ["null", "shop.OrderPlaced"]`,
		"a:Money|Unit":            `"type": ["shop.Money", "shop.Unit"]`,
		"a:map(enum(A)|fixed(2))": `"name": "OrderPlacedA2"`,
	} {
		text, err := draft(t, folder, field)
		if err != nil || !strings.Contains(text, want) {
			t.Errorf("%s: %s (%v) lacks %s", field, text, err, want)
			continue
		}
		if _, err := schema.NewFolder([]schema.Source{{Path: "new.avsc", Text: text}}, schema.Source{Path: "money.avsc", Text: moneyText}, schema.Source{Path: "u.avsc", Text: unitText}); err != nil {
			t.Errorf("%s: %v\n%s", field, err, text)
		}
	}
}

func TestDraftRefuses(t *testing.T) {
	t.Parallel()
	folder := mustFolder(t, schema.Source{Path: "money.avsc", Text: moneyText}, schema.Source{Path: "other.avsc", Text: strings.Replace(moneyText, "shop.", "bank.", 1)}, schema.Source{Path: "more.avsc", Text: strings.Replace(moneyText, "shop.Money", "bank.Coin", 1)},
		schema.Source{Path: "most.avsc", Text: strings.Replace(moneyText, "shop.Money", "mint.Coin", 1)})
	for field, want := range map[string]string{
		"a":                                      "is not name:type",
		"a:":                                     "is not name:type",
		"9:int":                                  "invalid",
		"a b:int":                                "invalid",
		"a:strin":                                "did you mean string?",
		"a:Mony":                                 "did you mean",
		"a:Coin":                                 "bank.Coin or mint.Coin",
		"a:decimal":                              "precision and scale",
		"a:decimal(2,3)":                         "at most the precision",
		"a:decimal(x)":                           "precision and scale",
		"a:enum()":                               "invalid",
		"a:enum(A,9)":                            `symbol "9"`,
		"a:fixed(-1)":                            "size in bytes",
		"a:[]":                                   "a type is missing",
		"a:map":                                  "map(string)",
		"a:map(int":                              ") is missing",
		"a:int)":                                 "left over",
		"a:int??":                                "left over",
		"a:int?=3":                               "default null",
		"a:" + strings.Repeat("[]", 100) + "int": "nests more than",
	} {
		if text, err := draft(t, folder, field); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s\n%s", field, err, want, text)
		}
	}
	if _, err := draft(t, nil, "a:int", "a:long"); err == nil || !strings.Contains(err.Error(), "given twice") {
		t.Error(err)
	}
	for _, name := range []string{"Order", "shop.9", "", "shop..Order"} {
		if _, err := (Schema{Name: name}).Text(nil); err == nil {
			t.Errorf("%q was taken", name)
		}
	}
}

func FuzzParseField(f *testing.F) {
	for _, text := range []string{"a:int", "total:decimal(12,2) # what", "a:[](map(enum(A,B)?)|shop.X)?=null"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		field, err := ParseField(text)
		if err != nil {
			return
		}
		made, err := Schema{Name: "n.R", Fields: []Field{field}}.Text(nil)
		if err != nil {
			return
		}
		if !json.Valid([]byte(made)) {
			t.Errorf("%q makes %s, which is no JSON", text, made)
		}
	})
}
