package reader_test

import (
	"strings"
	"testing"

	"github.com/headrace/headrace/headracetest"
	"github.com/headrace/headrace/internal/capture"
	"github.com/headrace/headrace/schema"
)

// orderShipped is an event that a reader of orderPaid cannot read: it has no id.
type orderShipped struct {
	Parcel string `avro:"parcel"`
}

func (orderShipped) AvroSchema() string {
	return `{"type":"record","name":"OrderPaid","namespace":"shop","fields":[{"name":"parcel","type":"string"}]}`
}

// TestExamplesWork runs the package's examples on an embedded broker.
func TestExamplesWork(t *testing.T) {
	env := headracetest.Start(t)
	env.CreateTopic(t, "orders", 1)
	t.Setenv("KAFKA_BROKERS", strings.Join(env.Cluster.Brokers, ","))
	t.Setenv("SCHEMA_REGISTRY_URL", env.RegistryURL)
	headracetest.Produce(t, env, "orders", "ann", orderPaid{ID: 7})
	for name, example := range map[string]struct {
		run  func()
		want string
	}{
		"Read":  {ExampleRead, "partition 0 offset 0 bytes 6\n"}, // 5 of the wire header, 1 of the id
		"Check": {ExampleSchemaScan_Check, ""},
	} {
		if printed, err := capture.Stdout(example.run); err != nil || printed != example.want {
			t.Errorf("%s printed %q, want %q; %v", name, printed, example.want, err)
		}
	}
	if err := env.Registry.SetCompatibility(t.Context(), "orders-shop.OrderPaid", schema.None); err != nil {
		t.Fatal(err)
	}
	headracetest.Produce(t, env, "orders", "ann", orderShipped{Parcel: "p-1"})
	printed, err := capture.Stdout(ExampleSchemaScan_Check)
	if want := "1 events of shop.OrderPaid cannot be read: "; err != nil || !strings.HasPrefix(printed, want) {
		t.Errorf("printed %q, want %q...; %v", printed, want, err)
	}
}
