package consumer_test

import (
	"context"
	"strings"
	"syscall"
	"testing"

	"github.com/headrace/headrace/groups"
	"github.com/headrace/headrace/headracetest"
	"github.com/headrace/headrace/internal/capture"
)

// TestExampleWorks runs the package's example on an embedded broker, and ends it as a service manager would.
func TestExampleWorks(t *testing.T) {
	env := headracetest.Start(t)
	env.CreateTopic(t, "orders", 1)
	env.CreateTopic(t, "orders.billing.dead", 1)
	t.Setenv("KAFKA_BROKERS", strings.Join(env.Cluster.Brokers, ","))
	t.Setenv("SCHEMA_REGISTRY_URL", env.RegistryURL)
	for id, amount := range map[string]int64{"o-1": 1999, "o-2": -1} {
		headracetest.Produce(t, env, "orders", "customer-7", orderPlaced{ID: id, Amount: amount})
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for { // the example has asked for the signal by the time it commits
			described, err := groups.Describe(ctx, env.Cluster, "billing")
			if err == nil && len(described.Partitions) == 1 && described.Partitions[0].Committed == 2 {
				break
			}
			if ctx.Err() != nil {
				return
			}
		}
		if err := syscall.Kill(syscall.Getpid(), syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}()
	printed, err := capture.Stdout(Example)
	cancel()
	<-ended
	if want := "charging o-1 from partition 0\n"; err != nil || printed != want {
		t.Errorf("printed %q, want %q; %v", printed, want, err)
	}
	dead := headracetest.Await[orderPlaced](t, env, "orders.billing.dead", 1)
	if dead[0].Event.ID != "o-2" {
		t.Errorf("dead letter %+v", dead[0])
	}
}
