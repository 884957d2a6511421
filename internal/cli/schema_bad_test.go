package cli

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each kind of bad file says what is wrong, where, and what to do.
func TestBadSchemaFilesSayWhereAndWhatToDo(t *testing.T) {
	t.Parallel()
	record := func(fields string) string {
		return `{"type": "record", "name": "shop.Order", "doc": "An order.", "fields": [` + "\n  " + fields + "\n]}"
	}
	for name, c := range map[string]struct{ text, want string }{
		"not JSON":      {"{\"type\": \"record\",\n  name: \"Order\"}", "bad.avsc:2:3: SCHEMA_INVALID: it is not JSON: invalid character 'n' looking for beginning of object key string\n    look for a missing comma, quote or bracket just before"},
		"half a file":   {"{\"type\": \"record\",\n", "bad.avsc:2:1: SCHEMA_INVALID: it is not JSON: it ends too early\n    look for"},
		"an empty file": {"", "bad.avsc:1:1: SCHEMA_INVALID: it is not JSON: it ends too early\n    `headrace schema new NAMESPACE.NAME` writes"},
		"not Avro":      {`{"openapi": "3.0"}`, "bad.avsc:1:1: SCHEMA_INVALID: a type needs \"type\""},
		"a name twice": {
			record(`{"name": "a", "type": {"type": "fixed", "name": "F", "size": 1}},` + "\n" + `  {"name": "b", "type": {"type": "fixed", "name": "F", "size": 2}}`),
			"bad.avsc:3:25: SCHEMA_INVALID: shop.F is defined twice",
		},
		"a field twice": {
			record(`{"name": "a", "type": "int"},` + "\n" + `  {"name": "a", "type": "int"}`),
			"bad.avsc:3:3: SCHEMA_INVALID: duplicate field a: record shop.Order has one already, at /fields/0\n    rename or remove one of them",
		},
		"an undefined type": {
			record(`{"name": "a", "type": "Strng"}`), "bad.avsc:2:25: SCHEMA_INVALID: type \"shop.Strng\" is not defined in this file nor in another\n    did you mean string?",
		},
		"a default that does not fit": {
			record(`{"name": "a", "type": "int", "default": "1"}`), "bad.avsc:2:43: SCHEMA_INVALID: int needs a number, not a string\n    make it a value of int, or change the type",
		},
		"a default of no branch": {
			record(`{"name": "a", "type": ["null", "int"], "default": "1"}`), "bad.avsc:2:53: SCHEMA_INVALID: null is needed, not a string\n    a default belongs to a branch of the union, best to the first, here null",
		},
		"an enum's default": {
			record(`{"name": "a", "type": {"type": "enum", "name": "E", "symbols": ["A", "B"], "default": "C"}}`),
			"bad.avsc:2:89: SCHEMA_INVALID: the default \"C\" is none of the symbols of enum shop.E\n    make it one of A, B",
		},
		"a recursive schema without an end": {
			record(`{"name": "next", "type": "Order", "doc": "The next."}`), "bad.avsc:2:3: ENDLESS_RECORD: record shop.Order holds itself in field next: it has no finite value\n    make the type [\"null\", \"shop.Order\"]",
		},
		"a bad name": {`{"type": "record", "name": "shop.my-order", "fields": []}`, "bad.avsc:1:28: SCHEMA_INVALID: invalid name \"shop.my-order\"\n    a name begins with"},
		"one byte too many": {
			`{"type": "record", "name": "shop.Order", "doc": "` + strings.Repeat("x", 1<<20) + `", "fields": []}`, "bad.avsc: SCHEMA_INVALID: 1048577 bytes are more than the 1048576 allowed\n    move types",
		},
	} {
		folder := t.TempDir()
		write(t, folder, "bad.avsc", c.text)
		r := run(t, "", "schema", "lint", folder).want(t, 100)
		if !strings.Contains(inside(folder, r.stdout), c.want) {
			t.Errorf("%s:\n%s\nlacks %s", name, inside(folder, r.stdout), c.want)
		}
		if strings.Contains(c.want, ruleInvalid) {
			run(t, "", "schema", "check", folder, "--against", folder).want(t, 100)
			run(t, "", "schema", "diff", folder, folder).want(t, exitFailed, "bad.avsc")
		}
	}
}

// A recursive schema with an end is as good as any other, and so is one of almost a mebibyte.
func TestLargeAndRecursiveSchemasAreChecked(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write(t, folder, "tree.avsc", `{"type": "record", "name": "shop.Tree", "doc": "A tree.", "fields": [
  {"name": "kids", "type": {"type": "array", "items": "Tree"}, "default": [], "doc": "Below it."},
  {"name": "up", "type": ["null", "Tree"], "default": null, "doc": "Above it."}]}`)
	var fields strings.Builder
	for i := range 8400 {
		if i > 0 {
			fields.WriteString(",\n")
		}
		fields.WriteString(`{"name": "field_` + strings.Repeat("x", 40) + string(rune('a'+i%26)) + strings.Repeat("y", i/26%100) + strings.Repeat("z", i/2600) + `", "type": "int"}`)
	}
	text := `{"type": "record", "name": "shop.Wide", "doc": "Wide.", "fields": [` + fields.String() + `]}`
	if len(text) < 1_000_000 || len(text) > 1<<20 {
		t.Fatalf("%d bytes", len(text))
	}
	write(t, folder, "wide.avsc", text)
	run(t, "", "schema", "check", folder, "--against", folder, "--level", "FULL_TRANSITIVE").want(t, exitDone, "2 schema files checked")
	r := run(t, "", "schema", "lint", folder).want(t, 100)
	if n := strings.Count(r.stdout, "FIELD_DOC"); n != 8400 || !strings.Contains(r.stdout, "wide.avsc:1:1: SCHEMA_TEXT") || strings.Contains(r.stdout, "tree.avsc") {
		t.Errorf("%d findings: %.500s", n, r.stdout)
	}
}

func TestFilesThatCannotBeReadAreNamed(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	good := write(t, folder, "good.avsc", orderSchema)
	gone := filepath.Join(folder, "gone.avsc")
	run(t, "", "schema", "lint", gone).want(t, exitFailed, "gone.avsc: it cannot be read: no such file or directory; check the path")
	run(t, "", "schema", "check", gone, "--against", good).want(t, exitFailed, "gone.avsc: it cannot be read")
	run(t, "", "schema", "check", good, "--against", gone).want(t, exitFailed, "gone.avsc: it cannot be read: no such file")
	run(t, "", "schema", "diff", good, gone).want(t, exitFailed, "gone.avsc: it cannot be read")
	locked := write(t, folder, "locked.avsc", orderSchema)
	if err := os.Chmod(locked, 0); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 { // whom nothing is locked for
		run(t, "", "schema", "lint", locked).want(t, exitFailed, "permission denied; check who may read it")
	}
	run(t, "", "schema", "lint", t.TempDir()).want(t, exitFailed, "the folder holds no .avsc file; `headrace schema new` writes one")
}

// Whatever a registry answers, check says what it was and what to do.
func TestBadRegistriesAreNamed(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := write(t, folder, "order.avsc", orderSchema)
	for name, c := range map[string]struct {
		status     int
		kind, body string
		want       []string
	}{
		"401":                    {401, "application/json", `{"error_code":40101,"message":"no"}`, []string{"401 Unauthorized", "check the registry's user, password or token"}},
		"409":                    {409, "application/json", `{"error_code":409,"message":"conflict"}`, []string{"409 Conflict", "conflict"}},
		"422":                    {422, "application/json", `{"error_code":42201,"message":"invalid schema"}`, []string{"422", "invalid schema"}},
		"500":                    {500, "application/json", `{"error_code":50001,"message":"out of order"}`, []string{"500", "Is the registry there?"}},
		"HTML":                   {200, "text/html", `<html><body>Welcome</body></html>`, []string{"answer"}},
		"404 of another service": {404, "text/html", `<html>nothing here</html>`, []string{"404 Not Found", "check the path of the registry's URL"}},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.kind)
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.body)) // the client may have gone
		}))
		timeout := "1m" // which no pause of the machine uses up
		if c.status >= 500 {
			timeout = "2s" // it is asked again until then
		}
		r := run(t, "", "schema", "check", file, "--against", "registry:orders-value", "--registry", server.URL, "--timeout", timeout)
		server.Close()
		if r.code != exitFailed {
			t.Errorf("%s: exit code %d\n%s%s", name, r.code, r.stdout, r.stderr)
		}
		for _, want := range c.want {
			if !strings.Contains(r.stderr, want) {
				t.Errorf("%s: %s\nlacks %s", name, r.stderr, want)
			}
		}
	}
}
