package cli

import (
	"path/filepath"
	"strings"
	"testing"
)

const badOrder = `{
  "type": "record", "name": "Order", "namespace": "shop", "doc": "An order.",
  "fields": [
    {"name": "price", "type": "double", "doc": "Euros."},
    {"name": "note", "type": ["null", "string"], "doc": "What the customer wrote."}
  ]
}`

// inside cuts the name of a test's own folder out of what a command prints.
func inside(folder, text string) string {
	return strings.ReplaceAll(text, folder+string(filepath.Separator), "")
}

func TestSchemaLintFindsRuleFileLineAndColumn(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write(t, folder, "order.avsc", badOrder)
	write(t, folder, "deep/broken.avsc", "{\n  \"type\": \"record\"")
	r := run(t, "", "schema", "lint", folder).want(t, 100)
	golden(t, "schema_lint", inside(folder, r.stdout))
	r = run(t, "", "schema", "lint", filepath.Join(folder, "order.avsc"), "-o", "github-actions").want(t, 100)
	golden(t, "schema_lint_github", inside(folder, r.stdout))
	if r := run(t, badOrder, "schema", "lint", "-").want(t, 100); !strings.HasPrefix(r.stdout, "-:4:5: MONEY_DECIMAL: ") {
		t.Errorf("standard input: %s", r.stdout)
	}
}

func TestSchemaLintOfWhatIsRightIsSilent(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write(t, folder, "order.avsc", `{"type": "record", "name": "shop.Order", "doc": "An order was placed.", "fields": []}`)
	if r := run(t, "", "schema", "lint", folder).want(t, exitDone, "1 schema file"); r.stdout != "" {
		t.Errorf("stdout %q", r.stdout)
	}
	if r := run(t, "", "schema", "lint", "../../examples/flights/schemas").want(t, exitDone); r.stdout != "" {
		t.Errorf("the example's schemas: %s", r.stdout)
	}
}

func TestSchemaLintIsSetInTheProject(t *testing.T) {
	t.Parallel()
	lint := func(settings string) result {
		dir := t.TempDir()
		write(t, dir, "avro/legacy/order.avsc", badOrder)
		write(t, dir, "headrace.yaml", "schemas:\n  folder: avro\n  lint:\n"+settings)
		r := runDir(t, dir, "", "schema", "lint")
		r.stdout, r.stderr = inside(dir, r.stdout), inside(dir, r.stderr)
		return r
	}
	for settings, rules := range map[string]string{
		"    use: [EVOLUTION]\n":                                       "NULL_DEFAULT",
		"    except: [NULL_DEFAULT]\n":                                 "MONEY_DECIMAL",
		"    ignore: [{rule: MONEY_DECIMAL, field: price}]\n":          "NULL_DEFAULT",
		"    ignore: [{schema: shop.Order, rule: EVOLUTION}]\n":        "MONEY_DECIMAL",
		"    severity: {TYPES: warning}\n    except: [NULL_DEFAULT]\n": "warning: MONEY_DECIMAL",
		"    ignore: [{path: legacy}]\n":                               "",
		"    ignore: [{path: legacy/*.avsc}]\n":                        "",
	} {
		code := 100
		if rules == "" || strings.HasPrefix(rules, "warning") {
			code = exitDone
		}
		r := lint(settings)
		if r.code != code || strings.Count(r.stdout, "avsc:") != strings.Count(rules, "_") || !strings.Contains(r.stdout, rules) {
			t.Errorf("%s: %d\n%s%s", settings, r.code, r.stdout, r.stderr)
		}
	}
	lint("    use: [FIELD_DOCS]\n").want(t, exitFailed, `headrace.yaml:4:11: schemas.lint: there is no lint rule or category "FIELD_DOCS"; did you mean FIELD_DOC?`)
	lint("    severity: {FIELD_DOC: loud}\n").want(t, exitFailed, "headrace.yaml:4:27:", "loud")
	lint("    ignore: [{}]\n").want(t, exitFailed, "headrace.yaml:4:14:", "would let everything pass")
	lint("    ignore: [{path: \"[\"}]\n").want(t, exitFailed, "is no pattern")
}

func TestSchemaLintListsItsRules(t *testing.T) {
	t.Parallel()
	golden(t, "schema_lint_rules", run(t, "", "schema", "lint", "--rules").want(t, exitDone).stdout)
	if r := run(t, "", "schema", "lint", "--rules", "-o", "json").want(t, exitDone); !strings.Contains(r.stdout, `"because"`) {
		t.Errorf("%.300s", r.stdout)
	}
	run(t, "", "schema", "lint", "--rules", "-o", "junit").want(t, exitUsage)
}
