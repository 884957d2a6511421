package headracetest_test

import (
	"context"
	"sync"
	"testing"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/headracetest"
)

// A handler that charges customers must not charge twice, whatever is delivered twice: it remembers what it has charged, in the same
// transaction as the charge itself.
func ExampleEnv_CrashBeforeCommit() {
	_ = testNobodyIsChargedTwice // in your own tests: func TestNobodyIsChargedTwice(t *testing.T)
}

func testNobodyIsChargedTwice(t *testing.T) {
	env := headracetest.Start(t)
	env.CreateTopic(t, "orders", 3)
	headracetest.Produce(t, env, "orders", "ann", OrderPlaced{ID: 1, Customer: "ann"})

	till := &till{charged: map[int64]int{}}
	newWorker := func() *consumer.Worker {
		w, err := consumer.New(
			consumer.Config{Cluster: env.Cluster, Registry: env.Registry, Group: "billing", Topics: []string{"orders"}},
			consumer.On(till.charge))
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	// The process dies with ann charged and nothing committed; her event comes again, and then once more as a copy.
	env.CrashBeforeCommit(t, "billing", newWorker().Run, func() bool { return till.times(1) > 0 })
	env.Duplicate(t, "orders")
	headracetest.Produce(t, env, "orders", "ann", OrderPlaced{ID: 2, Customer: "ann"}) // after the others, as keys keep their order

	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- newWorker().Run(ctx) }()
	until(t, "the last order is charged", func() bool { return till.times(2) > 0 })
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if times := till.times(1); times != 1 {
		t.Errorf("ann was charged %d times", times)
	}
}

// till stands for a database.
type till struct {
	mu      sync.Mutex
	charged map[int64]int
}

func (t *till) charge(_ context.Context, e OrderPlaced) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.charged[e.ID] == 0 {
		t.charged[e.ID]++
	}
	return nil
}

func (t *till) times(order int64) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.charged[order]
}
