package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSchemaNewWritesWhatLintTakes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "headrace.yaml", "schemas:\n  folder: avro\n")
	write(t, dir, "avro/Money.avsc", `{"type": "record", "name": "shop.Money", "doc": "An amount of money.", "fields": [{"name": "cents", "type": "long", "doc": "In cents."}]}`)
	r := runDir(t, dir, "", "schema", "new", "shop.OrderPlaced", "--doc", "A customer has paid an order.",
		"--field", "id:uuid # the order", "--field", "total:decimal(12,2)", "--field", "note:string?", "--field", "state:enum(OPEN,CLOSED)",
		"--field", "lines:[]string", "--field", "refund:Money?", "--field", "placed_at:timestamp", "--field", "tags:map(string)", "--field", "attempts:int=1").
		want(t, exitDone)
	file := filepath.Join(dir, "avro", "OrderPlaced.avsc")
	if r.stdout != "wrote "+file+"\n" || r.stderr != "" {
		t.Errorf("%q, %q", r.stdout, r.stderr)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "schema_new", string(text))
	runDir(t, dir, "", "schema", "lint").want(t, exitDone, "2 schema files")

	runDir(t, dir, "", "schema", "new", "shop.OrderPlaced").want(t, exitFailed, "shop.OrderPlaced is defined already", "OrderPlaced.avsc:1:1")
	runDir(t, dir, "", "schema", "new", "bank.OrderPlaced").want(t, exitFailed, "is there already and is not overwritten")
	if again, err := os.ReadFile(file); err != nil || string(again) != string(text) {
		t.Errorf("the file has changed: %s, %v", again, err)
	}
	r = runDir(t, dir, "", "schema", "new", "shop.Other", "--print", "--field", "price:double").want(t, exitDone, "MONEY_DECIMAL")
	if !strings.HasPrefix(r.stdout, "{\n") {
		t.Error(r.stdout)
	}
	if _, err := os.Stat(filepath.Join(dir, "avro", "Other.avsc")); err == nil {
		t.Error("--print wrote")
	}
	deep := filepath.Join(dir, "a", "b")
	runDir(t, dir, "", "schema", "new", "shop.Paid", "--folder", deep).want(t, exitDone, "The docs were made")
	if _, err := os.Stat(filepath.Join(deep, "Paid.avsc")); err != nil {
		t.Error(err)
	}
}

func TestSchemaNewSaysWhatIsWrongWithAField(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for field, want := range map[string]string{
		"price":           "is not name:type, as in total:decimal(12,2)",
		"price:desimal":   "did you mean decimal?",
		"price:Mony":      "neither in Avro nor in the folder",
		"n:int=many":      "int needs a number",
		"price:enum(A,A)": "duplicate symbol A",
	} {
		runDir(t, dir, "", "schema", "new", "shop.Order", "--folder", dir, "--field", field).want(t, exitUsage, want)
	}
	runDir(t, dir, "", "schema", "new", "Order", "--folder", dir).want(t, exitUsage, "has no namespace", "shop.Order")
	runDir(t, dir, "", "schema", "new").want(t, exitUsage, "NAMESPACE.NAME is missing")
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}
