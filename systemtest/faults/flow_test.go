package faults

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/producer"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/check"
	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/record"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

const (
	partitions = 3
	keys       = 60
	// tick and perTick make about 4,000 events a second: enough to be in the middle of something at any moment.
	tick    = 5 * time.Millisecond
	perTick = 20
)

// flow is events on their way from a producer to a worker while a test breaks things.
type flow struct {
	env      *environment
	topic    string
	producer *producer.Producer
	worker   *stack.Worker
	written  check.Log
	handled  check.Log

	stop     context.CancelFunc
	stopped  chan struct{}
	mu       sync.Mutex
	lastAck  time.Time
	stall    time.Duration
	firstErr error
}

// startFlow makes the topic, and sends and handles until finish.
func startFlow(t *testing.T, env *environment, topic string) *flow {
	t.Helper()
	admin.CreateTopic(t, env.cluster, topic, partitions, nil)
	f := &flow{env: env, topic: topic, stopped: make(chan struct{}), lastAck: time.Now()}
	f.producer = stack.Producer(t, producer.Config{Cluster: stack.Cluster(env.cluster), Registry: env.registry, AutoRegister: true})
	f.worker = stack.Work(t, consumer.Config{
		Cluster: stack.Cluster(env.cluster), Registry: env.registry, Group: topic, Topics: []string{topic},
		Tuning: consumer.Tuning{SessionTimeout: 10 * time.Second, CommitInterval: 200 * time.Millisecond},
	}, consumer.On(func(_ context.Context, e events.Numbered) error {
		f.handled.Seen(e.Key, int(e.Number))
		return nil
	}))
	ctx, stop := context.WithCancel(context.Background())
	f.stop = stop
	go f.send(ctx)
	t.Cleanup(func() {
		stop()
		<-f.stopped
	})
	return f
}

func (f *flow) send(ctx context.Context) {
	defer close(f.stopped)
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	topic := producer.For[events.Numbered](f.producer, f.topic)
	payload := make([]byte, 100)
	for sent := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for range perTick {
			key := fmt.Sprintf("key-%d", sent%keys)
			number := f.written.Next(key)
			f.handled.Next(key)
			sent++
			// The context of an event is not that of the loop: stopping must not spoil events on their way.
			topic.Post(context.Background(), key, events.Numbered{Key: key, Number: int64(number), Payload: payload},
				func(err error) { f.ended(key, number, err) })
		}
	}
}

func (f *flow) ended(key string, number int, err error) {
	outcome := check.Acked
	var failure *producer.Error
	switch {
	case err == nil:
	case errors.As(err, &failure) && failure.Outcome == producer.Failed:
		outcome = check.Failed
	default:
		outcome = check.Unknown
	}
	f.written.Ended(key, number, outcome)
	f.handled.Ended(key, number, outcome)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil && f.firstErr == nil {
		f.firstErr = err
	}
	f.stall = max(f.stall, time.Since(f.lastAck))
	f.lastAck = time.Now()
}

// acked returns how many events Kafka has acknowledged so far.
func (f *flow) acked() int { return f.written.Report().Acked }

// awaitMore waits until n more events are acknowledged.
func (f *flow) awaitMore(t *testing.T, n int, limit time.Duration) {
	t.Helper()
	want := f.acked() + n
	f.worker.Until(t, limit, fmt.Sprintf("%d more events are acknowledged", n), func() bool { return f.acked() >= want })
}

// finish stops sending, and holds what lies in the topic and what the worker handled against what was acknowledged:
// every event written exactly once, in the order of its key, and handled.
func (f *flow) finish(t *testing.T, what string) {
	t.Helper()
	f.stop()
	<-f.stopped
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := f.producer.Flush(ctx); err != nil {
		t.Fatalf("flush: %v", err)
	}
	admin.ReadAll(t, f.env.cluster, f.topic, func(r record.Record) {
		e := f.env.decode(t, r.Value)
		f.written.Seen(e.Key, int(e.Number))
	})
	written := f.written.Report()
	written.Exact(t)
	if written.Acked != written.Sent {
		t.Errorf("%d of %d events were not acknowledged, the first because of: %v", written.Sent-written.Acked, written.Sent, f.firstErr)
	}
	f.worker.Until(t, 2*time.Minute, "every event is handled", func() bool { return f.handled.SeenOnce() >= written.Seen })
	handled := f.handled.Report()
	if handled.Lost != 0 || handled.Strangers != 0 {
		t.Errorf("the worker did not handle every event: %s", handled)
	}
	stats := f.worker.Stats()
	if err := f.worker.Stop(); err != nil {
		t.Errorf("worker: %v", err)
	}
	t.Logf("%s: written: %s; longest time without an acknowledgment %s; worker: lost %d, handled twice %d, rebalances %d, refused commits %d",
		what, written, f.stall.Round(time.Millisecond), handled.Lost, handled.Doubled, stats.Rebalances, stats.CommitErrors)
}
