package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headrace/headrace/internal/devserver"
)

func TestSchemasAreRegisteredListedAndPrinted(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	s.run("", "schema", "list").want(t, exitDone, "no schemas yet")

	file := filepath.Join(t.TempDir(), "order.avsc")
	if err := os.WriteFile(file, []byte(orderSchema), 0o600); err != nil {
		t.Fatal(err)
	}
	golden(t, "schema_register", s.run("", "schema", "register", file, "--subject", "orders-value").want(t, exitDone).stdout)
	golden(t, "schema_register_json",
		s.run(refundSchema, "schema", "register", "-", "--subject", "orders-shop.Refund", "-o", "json").want(t, exitDone).stdout)
	for _, out := range formats {
		golden(t, "schema_list_"+out, s.run("", "schema", "list", "-o", out).want(t, exitDone).stdout)
	}
	bySubject := s.run("", "schema", "get", "orders-value").want(t, exitDone).stdout
	golden(t, "schema_get", bySubject)
	for _, args := range [][]string{{"orders-value", "--version", "1"}, {"--id", "1"}} {
		if r := s.run("", append([]string{"schema", "get"}, args...)...).want(t, exitDone); r.stdout != bySubject {
			t.Errorf("get %v differs from get orders-value: %s", args, r.stdout)
		}
	}
	if again := s.run(bySubject, "schema", "register", "-", "--subject", "orders-value").want(t, exitDone); !strings.Contains(again.stdout, "unchanged  1 ") {
		t.Errorf("what get prints is registered as another schema: %s", again.stdout)
	}
}

func TestIncompatibleSchemaIsRefusedWithEveryReason(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	s.register("orders-value", orderSchema)
	bad := strings.NewReplacer(`{"name":"id","type":"long"}`, `{"name":"id","type":"boolean"},{"name":"total","type":"double"}`).Replace(orderSchema)
	s.run(bad, "schema", "register", "-", "--subject", "orders-value").
		want(t, exitFindings, "shop.Order is incompatible with subject orders-value, whose level is BACKWARD:\n  ", "/fields/0", "/fields/1", "nothing was registered")
	if r := s.run("", "schema", "get", "orders-value", "--version", "2"); r.code != exitFailed {
		t.Errorf("the refused schema is there: %s", r.stdout)
	}
}

func TestBadSchemaFilesAreNamed(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	s.run("", "schema", "register", "no-such.avsc", "--subject", "s").want(t, exitFailed, "no-such.avsc")
	s.run(`{"type":"record"`, "schema", "register", "-", "--subject", "s").want(t, exitFailed, "-:1:17: it is not JSON")
	s.run(`{"type":"record","name":"A","fields":[{"name":"x","type":"strin"}]}`, "schema", "register", "-", "--subject", "s").
		want(t, exitFailed, "strin")
	s.run(strings.Repeat(" ", maxSchemaBytes+1), "schema", "register", "-", "--subject", "s").want(t, exitFailed, "larger than")
}

func TestUnknownSubjectVersionAndIDAreNamed(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	s.register("orders-value", orderSchema)
	s.run("", "schema", "get", "nobody-value").want(t, exitFailed, "nobody-value", "headrace schema list")
	s.run("", "schema", "get", "orders-value", "--version", "7").want(t, exitFailed, "7")
	s.run("", "schema", "get", "--id", "4711").want(t, exitFailed, "4711")
}
