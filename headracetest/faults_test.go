package headracetest_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/headracetest"
	"github.com/headrace/headrace/schema/registry"
)

// newWorker is a worker of group "shop" on topic "orders" that notices quickly what happens to its group.
func newWorker(t testing.TB, env *headracetest.Env, handle func(context.Context, OrderPlaced) error) *consumer.Worker {
	t.Helper()
	w, err := consumer.New(consumer.Config{
		Cluster: env.Cluster, Registry: env.Registry, Group: "shop", Topics: []string{"orders"},
		Tuning: consumer.Tuning{HeartbeatInterval: 20 * time.Millisecond, CommitInterval: 20 * time.Millisecond},
	}, consumer.On(handle))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// run runs a worker until the test ends.
func run(t testing.TB, w *consumer.Worker) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("worker: %v", err)
		}
	})
}

// until waits for what a worker does.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(time.Minute); !done(); <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

func TestRebalanceInterruptsAHandlerAndHandsItsEventOverAgain(t *testing.T) {
	t.Parallel()
	env := headracetest.Start(t)
	env.CreateTopic(t, "orders", 1)
	headracetest.Produce(t, env, "orders", "ann", OrderPlaced{ID: 1}, OrderPlaced{ID: 2})
	entered, cause, handled := make(chan struct{}), make(chan error, 1), make(chan int64, 2)
	var once sync.Once
	run(t, newWorker(t, env, func(ctx context.Context, e OrderPlaced) error {
		first := false
		once.Do(func() { first = true })
		if first {
			close(entered)
			<-ctx.Done()
			cause <- context.Cause(ctx)
			return context.Cause(ctx)
		}
		handled <- e.ID
		return nil
	}))
	<-entered
	env.Rebalance(t, "shop")
	if err := <-cause; !errors.Is(err, consumer.ErrLost) {
		t.Errorf("the handler's context ended with %v, want ErrLost", err)
	}
	if first, second := <-handled, <-handled; first != 1 || second != 2 {
		t.Errorf("handled %d and %d afterwards, want 1 and 2", first, second)
	}
}

func TestRebalanceOfNobodyFails(t *testing.T) {
	t.Parallel()
	env := headracetest.Start(t)
	env.Timeout = 200 * time.Millisecond
	if got := failure(t, func(tb testing.TB) { env.Rebalance(tb, "shop") }); !strings.Contains(got, "no worker has joined") {
		t.Errorf("failed with %q", got)
	}
}

func TestCrashBeforeCommitLeavesTheEffectAndNoCommit(t *testing.T) {
	t.Parallel()
	env := headracetest.Start(t)
	env.CreateTopic(t, "orders", 1)
	headracetest.Produce(t, env, "orders", "ann", OrderPlaced{ID: 1})
	var effects atomic.Int64
	handle := func(context.Context, OrderPlaced) error {
		effects.Add(1)
		return nil
	}
	start := time.Now()
	env.CrashBeforeCommit(t, "shop", newWorker(t, env, handle).Run, func() bool { return effects.Load() == 1 })
	run(t, newWorker(t, env, handle))
	until(t, "the event is handled again", func() bool { return effects.Load() == 2 })
	// The default session is 45 s: the group must not have waited for the dead.
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("the next worker had to wait %v", took)
	}
}

func TestCrashThatCannotHappenFails(t *testing.T) {
	t.Parallel()
	env := headracetest.Start(t)
	env.Timeout = 300 * time.Millisecond
	env.CreateTopic(t, "orders", 1)
	never := func() bool { return false }
	w := newWorker(t, env, func(context.Context, OrderPlaced) error { return nil })
	if got := failure(t, func(tb testing.TB) { env.CrashBeforeCommit(tb, "shop", w.Run, never) }); !strings.Contains(got, "effect was not seen") {
		t.Errorf("failed with %q", got)
	}
	broken := func(context.Context) error { return errors.New("no configuration") }
	if got := failure(t, func(tb testing.TB) { env.CrashBeforeCommit(tb, "shop", broken, never) }); !strings.Contains(got, "no configuration") {
		t.Errorf("failed with %q", got)
	}
}

func TestDuplicateWritesEveryRecordOnceMore(t *testing.T) {
	t.Parallel()
	env := headracetest.Start(t)
	env.CreateTopic(t, "orders", 3)
	headracetest.Produce(t, env, "orders", "ann", OrderPlaced{ID: 1})
	headracetest.Produce(t, env, "orders", "bob", OrderPlaced{ID: 2})
	if copies := env.Duplicate(t, "orders"); copies != 2 {
		t.Errorf("Duplicate wrote %d records, want 2", copies)
	}
	times := map[int64]int{}
	partitions := map[int64]map[int32]bool{}
	for _, r := range headracetest.Await[OrderPlaced](t, env, "orders", 4) {
		times[r.Event.ID]++
		if partitions[r.Event.ID] == nil {
			partitions[r.Event.ID] = map[int32]bool{}
		}
		partitions[r.Event.ID][r.Partition] = true
	}
	for id := int64(1); id <= 2; id++ {
		if times[id] != 2 || len(partitions[id]) != 1 {
			t.Errorf("order %d is there %d times on %d partitions, want twice on one", id, times[id], len(partitions[id]))
		}
	}
}

func TestRegistryDownAndUpAgain(t *testing.T) {
	t.Parallel()
	env := headracetest.Start(t)
	env.CreateTopic(t, "orders", 1)
	headracetest.Produce(t, env, "orders", "ann", OrderPlaced{ID: 1})
	reg, err := registry.New(env.RegistryURL)
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Close()
	up := env.RegistryDown(t)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := reg.Schema(ctx, 1); !registry.Unavailable(err) {
		t.Errorf("registry down: %v, want an outage", err)
	}
	up()
	if _, err := reg.Schema(t.Context(), 1); err != nil {
		t.Errorf("registry up again: %v", err)
	}
}

func TestExampleNobodyIsChargedTwice(t *testing.T) {
	t.Parallel()
	testNobodyIsChargedTwice(t)
}
