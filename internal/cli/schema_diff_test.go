package cli

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/headrace/headrace/internal/devserver"
)

func TestSchemaDiffTellsOldAndNewSideBySide(t *testing.T) {
	t.Parallel()
	dir := versionsOf(t)
	write(t, dir, "v1/Gone.avsc", `{"type": "fixed", "name": "shop.Gone", "size": 1}`)
	write(t, dir, "v3/Refund.avsc", `{"type": "record", "name": "shop.Refund", "fields": []}`)
	write(t, dir, "v3/Money.avsc", strings.Replace(sharedMoney, `"long"`, `["null", "long"], "default": null`, 1))
	at := func(name string) string { return filepath.Join(dir, name) }
	r := run(t, "", "schema", "diff", at("v1"), at("v3")).want(t, exitDone, "shop.Refund is new", "Gone.avsc: shop.Gone is not among the new schemas")
	golden(t, "schema_diff", inside(dir, r.stdout))
	for _, out := range []string{"json", "jsonl", "yaml"} {
		golden(t, "schema_diff_"+out, inside(dir, run(t, "", "schema", "diff", at("v1/Paid.avsc"), at("v2/Paid.avsc"), "-o", out).want(t, exitDone).stdout))
	}
	if r := run(t, "", "schema", "diff", at("v2"), at("v2")).want(t, exitDone, "2 schema files: no difference"); r.stdout != "" {
		t.Errorf("stdout %q", r.stdout)
	}
	run(t, "", "schema", "diff", at("v1")).want(t, exitUsage, "NEW is missing")
}

func TestSchemaDiffAgainstGitAndRegistry(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := write(t, dir, "order.avsc", orderSchema)
	repository(t, dir)
	s := start(t, devserver.Config{})
	s.register("orders-value", orderSchema)
	write(t, dir, "order.avsc", strings.Replace(orderSchema, `"name":"id","type":"long"`, `"name":"id","type":"string"`, 1))
	for _, old := range []string{"git:HEAD", "git:main:order.avsc", "registry", "registry:orders-value", "registry:orders-value:1"} {
		r := s.run("", "schema", "diff", old, file).want(t, exitDone)
		if !strings.Contains(r.stdout, "field id: type changed from long to string") {
			t.Errorf("%s: %s", old, r.stdout)
		}
	}
}
