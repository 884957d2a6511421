package faults

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace/consumer"

	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// rebalanceStorm has a worker join, and another leave, every second.
func rebalanceStorm(t *trial) {
	var slow atomic.Int64
	// Members hear of a rebalance by their heartbeats: often, so that a partition has a new owner while handlers of the old one run.
	often := func(c *consumer.Config) { c.Tuning.HeartbeatInterval = 100 * time.Millisecond }
	f := t.flow(plan{partitions: 6, keys: 300, perTick: 5, consume: often, handle: func(ctx context.Context, _ events.Numbered) error {
		// Now and then a handler that is in the middle of its work when its partition is taken away, and for longer than the group
		// takes to give it to somebody else.
		if slow.Add(1)%200 == 0 {
			return wait(ctx, 700*time.Millisecond)
		}
		return nil
	}})
	f.awaitHandled(500, time.Minute)
	last, longest := time.Now(), time.Duration(0)
	changes := pick(12, 60)
	var guests []*stack.Worker
	for change := range changes {
		guests = append(guests, f.work(fmt.Sprintf("guest %d", change), nil))
		if len(guests) > 2 {
			leaving := f.random.IntN(len(guests))
			if err := guests[leaving].Stop(); err != nil {
				t.Errorf("worker that left: %v", err)
			}
			guests = append(guests[:leaving], guests[leaving+1:]...)
		}
		for until := time.Now().Add(time.Second); time.Now().Before(until); {
			before := f.handled.SeenOnce()
			<-time.After(10 * time.Millisecond)
			if f.handled.SeenOnce() > before {
				longest, last = max(longest, time.Since(last)), time.Now()
			}
		}
	}
	f.finish()
	f.figure("joins and leaves", "%d", 2*changes)
	f.figure("longest time without a handled event", "%s", round(longest))
	f.figure("handled again", "%.3f %%", 100*float64(f.verdict.Repeated)/float64(f.n))
}

// wait is a handler's work that takes d and respects its context.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// slowHandler has a handler take far longer than the session lasts: the heartbeat goes on, and nobody else gets its partition. Then
// another worker joins while a handler runs that does not come to an end: its context is cancelled when the drain is over, and the
// event is handled by the other.
func slowHandler(t *trial) {
	const session = 2 * time.Second
	var (
		mu     sync.Mutex
		causes []error
		stuck  atomic.Bool
		once   atomic.Bool
		rested = make(chan struct{})
	)
	const rest = 3 * session
	f := t.flow(plan{perTick: 1, consume: func(c *consumer.Config) {
		c.Tuning.SessionTimeout, c.Tuning.DrainTimeout = session, 500*time.Millisecond
	}, handle: func(ctx context.Context, _ events.Numbered) error {
		if !stuck.Load() {
			if once.CompareAndSwap(false, true) {
				defer close(rested)
				return wait(ctx, rest)
			}
			return nil
		}
		err := wait(ctx, time.Minute)
		mu.Lock()
		defer mu.Unlock()
		causes = append(causes, err)
		return err
	}})
	select {
	case <-rested:
	case <-time.After(time.Minute):
		t.Fatal("the slow handler has not come to its end")
	}
	first := f.workers[0].Stats()
	t.require(first.Lost == 0 && first.Rebalances <= 1, "a slow handler cost %d partitions and %d rebalances", first.Lost, first.Rebalances)

	stuck.Store(true)
	<-time.After(time.Second)
	joined := time.Now()
	f.work("second", nil)
	cancelled := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(causes)
	}
	f.until(time.Minute, "a handler is cancelled", func() bool { return cancelled() > 0 })
	took := time.Since(joined)
	stuck.Store(false)
	f.awaitMore(200, time.Minute)
	// Handlers that are still waiting belong to partitions that nobody took away: the minute is theirs, unless the worker stops.
	f.finishInterrupted()
	mu.Lock()
	defer mu.Unlock()
	revoked := 0
	for _, cause := range causes {
		if errors.Is(cause, consumer.ErrRevoked) {
			revoked++
		}
	}
	t.require(revoked > 0, "no handler was told that its partition was revoked: %v", causes)
	f.figure("handler", "%s in a session of %s", rest, session)
	f.figure("cancelled after", "%s", round(took))
}

// finishInterrupted is finish for a flow whose handlers were interrupted on purpose: it stops the first worker, whose handlers may still
// wait, and lets the others go on.
func (f *flow) finishInterrupted() {
	f.Helper()
	if err := f.workers[0].Stop(); err != nil {
		f.Errorf("worker: %v", err)
	}
	f.finish()
}

// fencedMember starts a second worker with the first one's instance id: the first must stop, and commit nothing any more. Until its
// next heartbeat it cannot know, so both handle events for a moment.
func fencedMember(t *trial) {
	static := func(c *consumer.Config) {
		c.Tuning.InstanceID, c.Tuning.HeartbeatInterval = "the-one", 200*time.Millisecond
	}
	f := t.flow(plan{idle: true, sideBySide: true, perTick: 5})
	times := pick(2, 10)
	slowest := time.Duration(0)
	current := f.work("0", static)
	for i := range times {
		f.awaitHandled(1000, time.Minute)
		next := f.work(fmt.Sprint(i+1), static)
		start := time.Now()
		select {
		case <-current.Ended():
		case <-time.After(time.Minute):
			t.Fatal("the older worker still runs a minute after the newer one joined")
		}
		slowest = max(slowest, time.Since(start))
		var fenced *consumer.FencedError
		if err := current.Wait(); !errors.As(err, &fenced) {
			t.Errorf("the older worker ended with %v, want a FencedError", err)
		}
		f.forget(current)
		current = next
	}
	f.awaitHandled(1000, time.Minute)
	f.finish()
	f.figure("older worker stopped after", "%s", round(slowest))
}

// forget takes a worker that ended as it should out of the flow.
func (f *flow) forget(ended *stack.Worker) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, w := range f.workers {
		if w == ended {
			f.workers = append(f.workers[:i], f.workers[i+1:]...)
			f.forgiven += int(w.Stats().CommitErrors + w.Stats().Lost)
			return
		}
	}
}
