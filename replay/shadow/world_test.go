package shadow_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/devserver"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

const saleText2 = `{"type":"record","name":"Sale","namespace":"shop","fields":[{"name":"id","type":"long"}]}`

var day1 = time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)

// world is a broker and a registry, with a topic orders of two partitions that holds five events each.
type world struct {
	t        *testing.T
	server   *devserver.Server
	cluster  headrace.Cluster
	registry *registry.Client
	client   *kgo.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	server, err := devserver.Start(devserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{t: t, server: server, cluster: headrace.Cluster{Brokers: []string{server.KafkaAddr}}}
	if w.registry, err = registry.FromEnvAt(server.RegistryURL); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.registry.Close)
	if w.client, err = kgo.NewClient(kgo.SeedBrokers(server.KafkaAddr), kgo.RecordPartitioner(kgo.ManualPartitioner())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.client.Close)
	w.topic("orders", 2)
	for i := range int32(10) {
		if err := w.client.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Partition: i % 2, Value: []byte("v")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *world) parse(text string) *schema.Schema {
	w.t.Helper()
	parsed, err := schema.Parse(text)
	if err != nil {
		w.t.Fatal(err)
	}
	return parsed
}

func (w *world) register(subject string, of *schema.Schema) int {
	w.t.Helper()
	id, err := w.registry.Register(w.t.Context(), subject, of)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *world) topic(name string, partitions int32) {
	w.t.Helper()
	if err := w.server.Broker().CreateTopic(name, partitions, nil); err != nil {
		w.t.Fatal(err)
	}
}
