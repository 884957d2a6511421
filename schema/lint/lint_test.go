package lint

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace/schema"
)

var update = flag.Bool("update", false, "write docs/lint.md again")

func folder(t *testing.T, sources ...schema.Source) *schema.Folder {
	t.Helper()
	f, err := schema.NewFolder(sources)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func ids(found []Finding) []string {
	var list []string
	for _, f := range found {
		list = append(list, f.Rule)
	}
	return list
}

func TestEveryRuleFindsItsBadExampleAndNothingElse(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range Rules() {
		if seen[r.ID] || !regexp.MustCompile(`^[A-Z]+(_[A-Z]+)+$`).MatchString(r.ID) || r.Wants == "" || r.Because == "" {
			t.Errorf("rule %+v", r)
		}
		seen[r.ID] = true
		found := Check(folder(t, r.Bad), Config{})
		if diff := cmp.Diff([]string{r.ID}, ids(found)); diff != "" {
			t.Errorf("%s: the bad example: %s\n%v", r.ID, diff, found)
			continue
		}
		if f := found[0]; f.Line == 0 || f.Column == 0 || f.File != r.Bad.Path || f.Message == "" || f.Hint == "" || f.Severity != Error {
			t.Errorf("%s: %+v", r.ID, f)
		}
		if found := Check(folder(t, r.Good), Config{}); len(found) > 0 {
			t.Errorf("%s: the good example: %v", r.ID, found)
		}
	}
}

func TestMoreThatRulesFind(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want []string // RULE at pointer
	}{
		"two styles of names": {
			recordOf(`{"name": "order_id", "type": "string", "doc": "The order."}, {"name": "customerId", "type": "string", "doc": "The customer."}`),
			[]string{"FIELD_NAME_CASE /fields/1"},
		},
		"an optional time": {recordOf(`{"name": "paidAt", "type": ["null", "long"], "default": null, "doc": "When."}`), []string{"TIME_LOGICAL /fields/0"}},
		"a duration":       {recordOf(`{"name": "air_time_minutes", "type": "int", "doc": "Minutes in the air."}`), nil},
		"cents":            {recordOf(`{"name": "total", "type": "long", "doc": "Cents."}`), nil},
		"a union of records": {
			recordOf(`{"name": "by", "doc": "How it was paid.", "type": [{"type": "record", "name": "Card", "doc": "By card.", "fields": []}, {"type": "record", "name": "Cash", "doc": "In cash.", "fields": []}]}`),
			nil,
		},
		"any within an array": {
			recordOf(`{"name": "v", "doc": "Values.", "default": [], "type": {"type": "array", "items": ["null", "int", "string"]}}`),
			[]string{"UNION_ANY /fields/0/type/items"},
		},
		"a decimal without precision": {
			recordOf(`{"name": "price", "doc": "Euros.", "type": {"type": "bytes", "logicalType": "decimal"}}`), []string{"LOGICAL_TYPE_VALID /fields/0/type"},
		},
		"the name as its doc": {recordOf(`{"name": "order_id", "type": "string", "doc": "The order id."}`), []string{"DOC_PLACEHOLDER /fields/0"}},
		"a circle of two": {
			recordOf(`{"name": "a", "doc": "Other.", "type": {"type": "record", "name": "Other", "doc": "Other one.", "fields": [{"name": "b", "doc": "Back.", "type": "Order"}]}}`),
			[]string{"ENDLESS_RECORD /fields/0", "ENDLESS_RECORD /fields/0/type/fields/0"},
		},
	} {
		var got []string
		for _, f := range Check(folder(t, example(c.text)), Config{}) {
			got = append(got, f.Rule+" "+f.Pointer)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

const twoPrices = `{"type": "record", "name": "Order", "namespace": "shop", "doc": "An order.", "fields": [
  {"name": "price", "type": "double", "doc": "Euros."},
  {"name": "item", "doc": "What.", "type": {"type": "record", "name": "Item", "doc": "An item.", "fields": [
    {"name": "price", "type": "double", "doc": "Euros."}]}}
]}`

func TestConfigChoosesRules(t *testing.T) {
	t.Parallel()
	bad := folder(t, schema.Source{Path: "events/order.avsc", Text: strings.Replace(twoPrices, `"An order."`, `""`, 1)})
	for name, c := range map[string]struct {
		config Config
		want   string
	}{
		"all":                  {Config{}, "TYPE_DOC MONEY_DECIMAL MONEY_DECIMAL"},
		"one category":         {Config{Use: []string{Docs}}, "TYPE_DOC"},
		"one rule":             {Config{Use: []string{"MONEY_DECIMAL"}}, "MONEY_DECIMAL MONEY_DECIMAL"},
		"except a category":    {Config{Except: []string{Types}}, "TYPE_DOC"},
		"ignore by field":      {Config{Ignore: []Ignore{{Rule: "MONEY_DECIMAL", Field: "item"}}}, "TYPE_DOC MONEY_DECIMAL MONEY_DECIMAL"},
		"ignore by schema":     {Config{Ignore: []Ignore{{Rule: "MONEY_DECIMAL", Schema: "shop.Item"}}}, "TYPE_DOC MONEY_DECIMAL"},
		"ignore by root":       {Config{Ignore: []Ignore{{Rule: Types, Schema: "shop.Order"}}}, "TYPE_DOC"},
		"ignore by both":       {Config{Ignore: []Ignore{{Schema: "shop.Item", Field: "price"}}}, "TYPE_DOC MONEY_DECIMAL"},
		"ignore by path":       {Config{Ignore: []Ignore{{Path: "events/*.avsc"}}}, ""},
		"ignore by folder":     {Config{Ignore: []Ignore{{Path: "events"}}}, ""},
		"ignore another path":  {Config{Ignore: []Ignore{{Path: "other"}}}, "TYPE_DOC MONEY_DECIMAL MONEY_DECIMAL"},
		"relative to the root": {Config{Root: "events", Ignore: []Ignore{{Path: "order.avsc"}}}, ""},
	} {
		if got := strings.Join(ids(Check(bad, c.config)), " "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	found := Check(bad, Config{Severity: map[string]string{"MONEY_DECIMAL": Warning}})
	if found[0].Severity != Error || found[1].Severity != Warning {
		t.Errorf("%v", found)
	}
}

func TestIgnorePropertyHoldsWithin(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]string{
		`"An order."`: "",
		`"What."`:     "MONEY_DECIMAL",
		`"An item."`:  "MONEY_DECIMAL",
		`"Euros."`:    "MONEY_DECIMAL", // that of the first price
	} {
		text := strings.Replace(twoPrices, doc, doc+`, "headrace.lint.ignore": "MONEY_DECIMAL"`, 1)
		found := Check(folder(t, example(text)), Config{})
		if got := strings.Join(ids(found), " "); got != want || want != "" && (found[0].Line == 2) == (doc == `"Euros."`) {
			t.Errorf("at %s: %v, want %q", doc, found, want)
		}
	}
}

func TestConfigNamesRulesThatExist(t *testing.T) {
	t.Parallel()
	for _, c := range []Config{
		{Use: []string{"FIELD_DOCS"}},
		{Except: []string{"money_decimal"}},
		{Ignore: []Ignore{{Rule: "X"}}},
		{Severity: map[string]string{"NAME": Warning}},
		{Severity: map[string]string{"FIELD_DOC": "loud"}},
	} {
		if err := c.Validate(); err == nil {
			t.Errorf("%+v is valid", c)
		}
	}
	if err := (Config{Except: []string{"money_decimal"}}).Validate(); !strings.Contains(err.Error(), "did you mean MONEY_DECIMAL?") {
		t.Error(err)
	}
	if err := (Config{Use: []string{Docs, "NULL_FIRST"}, Severity: map[string]string{"FIELD_DOC": Warning}}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestImportedFilesAreNotLooked(t *testing.T) {
	t.Parallel()
	f, err := schema.NewFolder([]schema.Source{example(recordOf(`{"name": "m", "type": "shop.Bad", "doc": "Other."}`))},
		schema.Source{Path: "bad.avsc", Text: `{"type": "record", "name": "shop.Bad", "fields": []}`})
	if err != nil {
		t.Fatal(err)
	}
	if found := Check(f, Config{}); len(found) > 0 {
		t.Error(found)
	}
}

// docs/lint.md is written from the rules.
func TestDocsAreThoseOfTheRules(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	b.WriteString(intro)
	for i, r := range Rules() {
		if i == 0 || Rules()[i-1].Category != r.Category {
			fmt.Fprintf(&b, "\n## %s\n", r.Category)
		}
		fmt.Fprintf(&b, "\n### %s\n\n%s %s\n\nBad:\n\n```json\n%s\n```\n\nGood:\n\n```json\n%s\n```\n", r.ID, r.Wants, r.Because, shown(r.Bad.Text), shown(r.Good.Text))
	}
	const name = "../../docs/lint.md"
	if *update {
		if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.String(), string(text)); diff != "" {
		t.Errorf("docs/lint.md: write it with go test ./schema/lint -update\n%s", diff)
	}
}

// shown leaves the middle of a large example out.
func shown(text string) string {
	lines := strings.Split(text, "\n")
	if len(lines) > 8 {
		lines = slices.Concat(lines[:3], []string{"  ..."}, lines[len(lines)-2:])
	}
	for i, line := range lines {
		if len(line) > 300 {
			lines[i] = line[:100] + " ... " + line[len(line)-20:]
		}
	}
	return strings.Join(lines, "\n")
}

const intro = `# Lint rules

` + "`headrace schema lint`" + ` looks for what is valid Avro and will be regretted. Every finding has a file, a line and a column, the id of its
rule and what mends it; the exit code is 100 when there is one. Which rules hold is set in ` + "`headrace.yaml`" + `, by id or by category:

` + "```yaml" + `
schemas:
  folder: schemas
  lint:
    use: [NAMING, DOCS, EVOLUTION, TYPES]   # all rules when absent
    except: [UNION_SINGLE]
    severity: {FIELD_DOC: warning}          # shown, and no reason to fail
    ignore:
      - {rule: MONEY_DECIMAL, schema: shop.Order, field: price}
      - {path: legacy/*.avsc}               # * stands for any part of a name
` + "```" + `

In a schema, the property ` + "`headrace.lint.ignore`" + ` of a type or a field lets findings pass there and in all it holds:

` + "```json" + `
{"name": "price", "type": "double", "doc": "As the partner sends it.", "headrace.lint.ignore": ["MONEY_DECIMAL"]}
` + "```" + `

What is no valid schema at all is reported as ` + "`SCHEMA_INVALID`" + `, which cannot be ignored.
`
