package producer_test

import (
	"strings"
	"testing"

	"github.com/headrace/headrace/headracetest"
	"github.com/headrace/headrace/internal/capture"
	"github.com/headrace/headrace/schema"
)

// TestExamplesWork runs the package's examples on an embedded broker.
func TestExamplesWork(t *testing.T) {
	env := headracetest.Start(t)
	env.CreateTopic(t, "orders", 1)
	t.Setenv("KAFKA_BROKERS", strings.Join(env.Cluster.Brokers, ","))
	t.Setenv("SCHEMA_REGISTRY_URL", env.RegistryURL)
	placed, err := schema.Of[orderPlaced]()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := env.Registry.Register(t.Context(), "orders-value", placed); err != nil {
		t.Fatal(err)
	}
	printed, err := capture.Stdout(Example)
	if want := "written: topic orders partition 0 offset 0\n"; err != nil || printed != want {
		t.Errorf("printed %q, want %q; %v", printed, want, err)
	}
	testOrdersArePosted(t)
}
