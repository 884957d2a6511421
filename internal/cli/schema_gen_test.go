package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write writes a file below a folder and returns its name.
func write(t *testing.T, folder, name, text string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSchemaGenWritesChecksAndRemoves(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	schemas, out := filepath.Join(folder, "schemas"), filepath.Join(folder, "events")
	write(t, schemas, "order.avsc", orderSchema)
	refund := write(t, schemas, "deeper/refund.avsc", refundSchema)
	gen := func(more ...string) []string {
		return append([]string{"schema", "gen", schemas, "--out", out}, more...)
	}

	missing := run(t, "", gen("--check")...).want(t, exitFindings, "stale").stdout
	if want := filepath.Join(out, "refund_avro.go") + " is missing\n" + filepath.Join(out, "order_avro.go") + " is missing\n"; missing != want {
		t.Errorf("got %q, want %q", missing, want)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("--check wrote")
	}
	if r := run(t, "", gen()...).want(t, exitDone); strings.Count(r.stdout, "wrote ") != 2 {
		t.Errorf("stdout %q", r.stdout)
	}
	text, err := os.ReadFile(filepath.Join(out, "order_avro.go"))
	if err != nil || !strings.Contains(string(text), "\npackage events\n") || !strings.Contains(string(text), "type Order struct") {
		t.Errorf("%v: %s", err, text)
	}
	run(t, "", gen("--check")...).want(t, exitDone)
	if r := run(t, "", gen()...).want(t, exitDone); r.stdout != "" {
		t.Errorf("nothing changed, but: %s", r.stdout)
	}

	write(t, out, "order_avro.go", string(text)+"// more\n")
	mine := write(t, out, "mine_avro.go", "package events\n")
	if err := os.Remove(refund); err != nil {
		t.Fatal(err)
	}
	r := run(t, "", gen("--check")...).want(t, exitFindings)
	if !strings.Contains(r.stdout, "order_avro.go differs") || !strings.Contains(r.stdout, "refund_avro.go no longer has a schema") ||
		strings.Contains(r.stdout, "mine_avro.go") {
		t.Errorf("stale are: %s", r.stdout)
	}
	if r := run(t, "", gen()...).want(t, exitDone); !strings.Contains(r.stdout, "removed "+filepath.Join(out, "refund_avro.go")) {
		t.Errorf("stdout %q", r.stdout)
	}
	run(t, "", gen("--check")...).want(t, exitDone)
	if _, err := os.Stat(mine); err != nil {
		t.Error(err)
	}
}

func TestSchemaGenOfOneFileKeepsItsNeighbours(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	order, out := write(t, folder, "order.avsc", orderSchema), filepath.Join(folder, "events")
	write(t, folder, "refund.avsc", refundSchema)
	run(t, "", "schema", "gen", folder, "--out", out).want(t, exitDone)
	run(t, "", "schema", "gen", order, "--out", out).want(t, exitDone)
	if _, err := os.Stat(filepath.Join(out, "refund_avro.go")); err != nil {
		t.Error(err)
	}
}

func TestSchemaGenNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	good := write(t, t.TempDir(), "order.avsc", orderSchema)
	bad := write(t, folder, "bad.avsc", `{"type":"record","name":"A","fields":[{"name":"x","type":"strin"}]}`)
	for want, args := range map[string][]string{
		"strin":               {folder, "--out", folder, "--package", "events"},
		"no-such":             {filepath.Join(folder, "no-such")},
		"holds no .avsc file": {t.TempDir()},
		"is not a package":    {good, "--out", folder, "--package", "my-events"},
		"bad.avsc":            {bad, "--out", folder, "--package", "events"},
	} {
		run(t, "", append([]string{"schema", "gen"}, args...)...).want(t, exitFailed, want)
	}
}

func TestSchemaGenMapsNamespacesToPackages(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write(t, folder, "go.mod", "module example.org/shop // ours\n\ngo 1.26\n")
	write(t, folder, "schemas/money.avsc", `{"type":"record","name":"Money","namespace":"shop.money","fields":[{"name":"cents","type":"long"}]}`)
	write(t, folder, "schemas/order.avsc", `{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"total","type":"shop.money.Money"}]}`)
	out := filepath.Join(folder, "internal", "events")
	gen := func(more ...string) []string {
		return append([]string{"schema", "gen", filepath.Join(folder, "schemas"), "--out", out}, more...)
	}
	run(t, "", gen()...).want(t, exitDone)
	run(t, "", gen("--map", "shop.money=money", "--check")...).want(t, exitFindings)
	r := run(t, "", gen("--map", "shop.money=money")...).want(t, exitDone)
	if !strings.Contains(r.stdout, "removed "+filepath.Join(out, "money_avro.go")) {
		t.Errorf("the file of the package it was in before: %s", r.stdout)
	}
	run(t, "", gen("--map", "shop.money=money", "--check")...).want(t, exitDone)
	text, err := os.ReadFile(filepath.Join(out, "order_avro.go"))
	if err != nil || !strings.Contains(string(text), `"example.org/shop/internal/events/money"`) || !strings.Contains(string(text), "Total money.Money") {
		t.Errorf("%v: %s", err, text)
	}
	for _, bad := range []string{"shop.money", "=money", "shop.money="} {
		run(t, "", gen("--map", bad)...).want(t, exitUsage, "NAMESPACE=FOLDER")
	}
	run(t, "", gen("--map", "shop=a", "--map", "shop=b")...).want(t, exitUsage, "two folders")
}
