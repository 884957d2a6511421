// Package headracetest gives a test a Kafka broker and a schema registry of its own, inside the test process:
//
//	env := headracetest.Start(t)
//	env.CreateTopic(t, "orders", 3)
//	headracetest.Produce(t, env, "orders", "customer-1", OrderPlaced{ID: 1}, OrderPlaced{ID: 2})
//	got := headracetest.Await[OrderPlaced](t, env, "orders", 2)
//
// The code under test gets env.Cluster and env.Registry, as it would get those of production. Nothing is shared between
// two environments, so that tests may run in parallel; everything is stopped when the test ends.
//
// What goes wrong in production can be made to go wrong here, at the worst moment: [Env.CrashBeforeCommit] ends a worker between an
// effect and its commit, [Env.Rebalance] takes the partition from under a running handler, [Env.Duplicate] delivers everything twice,
// and [Env.RegistryDown] takes the registry away.
//
// The registry refuses incompatible schemas as a real one does. The broker is kfake: it speaks Kafka's protocol, groups
// and transactions included, but it is one broker without replication, and it is not Kafka. What depends on the behaviour
// of a real cluster needs a test on a real cluster.
package headracetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/devserver"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/schema/registry"
)

// DefaultTimeout is how long [Produce] and [Await] wait unless Env.Timeout says otherwise.
const DefaultTimeout = 15 * time.Second

// Env is a broker and a registry that live as long as a test. It is safe for concurrent use once started.
type Env struct {
	// Cluster reaches the broker.
	Cluster headrace.Cluster
	// Registry is a client of the registry.
	Registry *registry.Client
	// RegistryURL is the base URL of the registry, for code that makes its own client.
	RegistryURL string
	// Timeout bounds each [Produce] and [Await]. Defaults to [DefaultTimeout]; the test's own deadline comes first.
	Timeout time.Duration

	server   *devserver.Server
	producer *producer.Producer
}

// Start starts a broker and a registry on free loopback ports and stops them when t ends. The test fails at once when
// they do not start.
func Start(t testing.TB) *Env {
	t.Helper()
	server, err := devserver.Start(devserver.Config{})
	if err != nil {
		t.Fatalf("headracetest: %v", err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Errorf("headracetest: %v", err)
		}
	})
	reg, err := registry.New(server.RegistryURL)
	if err != nil {
		t.Fatalf("headracetest: %v", err)
	}
	t.Cleanup(reg.Close)
	cluster := headrace.Cluster{Brokers: []string{server.KafkaAddr}}
	p, err := producer.New(producer.Config{Cluster: cluster, Registry: reg, AutoRegister: true})
	if err != nil {
		t.Fatalf("headracetest: %v", err)
	}
	env := &Env{
		Cluster:     cluster,
		Registry:    reg,
		RegistryURL: server.RegistryURL,
		server:      server,
		producer:    p,
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), env.timeout(t))
		defer cancel()
		if err := p.Close(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("headracetest: close producer: %v", err)
		}
	})
	return env
}

// CreateTopic creates a topic. The broker creates none by itself: a topic that was forgotten is an error here, as it
// is in production.
func (e *Env) CreateTopic(t testing.TB, name string, partitions int) {
	t.Helper()
	if err := e.server.Broker().CreateTopic(name, int32(partitions), nil); err != nil { //nolint:gosec // a test's own number
		t.Fatalf("headracetest: create topic %s: %v", name, err)
	}
}

// timeout is what a call may take: a little less than is left of the test, so that there is time to say what is missing.
func (e *Env) timeout(t testing.TB) time.Duration {
	limit := e.Timeout
	if limit <= 0 {
		limit = DefaultTimeout
	}
	if d, ok := t.(interface{ Deadline() (time.Time, bool) }); ok {
		if deadline, ok := d.Deadline(); ok {
			limit = min(limit, time.Until(deadline)*9/10)
		}
	}
	return limit
}
