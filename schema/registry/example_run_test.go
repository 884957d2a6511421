package registry_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/headrace/headrace/headracetest"
	"github.com/headrace/headrace/internal/capture"
)

// TestExamplesWork runs the package's examples on an embedded registry, and starts the one with a snapshot while that is down.
func TestExamplesWork(t *testing.T) {
	env := headracetest.Start(t)
	t.Setenv("SCHEMA_REGISTRY_URL", env.RegistryURL)
	t.Setenv("STATE_DIRECTORY", t.TempDir())
	t.Chdir(t.TempDir())
	if err := os.Mkdir("schemas", 0o700); err != nil {
		t.Fatal(err)
	}
	text := `{"type":"record","name":"OrderPaid","namespace":"shop","fields":[{"name":"id","type":"long"}]}`
	if err := os.WriteFile(filepath.Join("schemas", "order_paid.avsc"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	prints := func(name string, example func(), want string) {
		if printed, err := capture.Stdout(example); err != nil || printed != want {
			t.Errorf("%s printed %q, want %q; %v", name, printed, want, err)
		}
	}
	prints("Plan", ExampleClient_Plan, "orders-shop.OrderPaid has id 1\n")
	prints("WithSnapshot", ExampleWithSnapshot, "")
	up := env.RegistryDown(t)
	defer up()
	prints("WithSnapshot while the registry is down", ExampleWithSnapshot, "")
}
