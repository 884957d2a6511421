package faults

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/schema/registry"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/check"
	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// tick is the time between two handfuls of events.
const tick = 5 * time.Millisecond

// plan says what flows. The zero value is 4,000 events a second of 60 keys over 3 partitions to one worker: enough to
// be in the middle of something at any moment.
type plan struct {
	partitions int32
	replicas   int16 // defaults to the cluster's
	keys       int
	perTick    int // events every 5 ms
	payload    int
	settings   map[string]string // of the topic
	registryAt string            // defaults to the registry itself
	produce    func(*producer.Config)
	consume    func(*consumer.Config)
	handle     func(context.Context, events.Numbered) error // what the handler does besides noting the event
	idle       bool                                         // no worker at first
	mayFail    bool                                         // sends may end without an acknowledgment
	sideBySide bool                                         // two workers may handle at once, until the older one learns that it is out: a figure, not a fault
}

// flow is events on their way from a producer to workers while a row breaks things.
type flow struct {
	*trial
	plan

	topic    string
	schemas  *registry.Client
	producer *producer.Producer
	commits  *check.Commits
	owners   check.Owners
	written  check.Log
	handled  check.Log
	prefix   atomic.Pointer[string] // of the keys
	sending  context.CancelFunc
	stopped  chan struct{}

	mu       sync.Mutex
	workers  []*stack.Worker
	forgiven int // commits refused to, and partitions lost by, workers that are gone
	lastAck  time.Time
	stall    time.Duration
	delays   []time.Duration // from Post to acknowledgment
	firstErr error
}

// flow makes a topic, and sends and handles until finish.
func (t *trial) flow(p plan) *flow {
	t.Helper()
	f := &flow{trial: t, plan: p.withDefaults(), topic: t.name("events")}
	f.rename("key")
	admin.CreateReplicated(t, t.kafka(), f.topic, f.partitions, f.replicas, f.settings)
	f.schemas = stack.Registry(t, cmp.Or(f.registryAt, t.lab.schemas().URL))
	config := producer.Config{Cluster: t.cluster(), Registry: f.schemas, AutoRegister: true}
	if f.produce != nil {
		f.produce(&config)
	}
	f.producer = stack.Producer(t, config)
	f.commits = check.WatchCommits(t, func(ctx context.Context) (map[int32]int64, error) {
		return admin.Committed(ctx, t.kafka(), f.topic, f.topic)
	})
	if !f.idle {
		f.work("first", nil)
	}
	f.startSending()
	t.Cleanup(func() { f.stopSending() })
	return f
}

func (p plan) withDefaults() plan {
	if p.partitions == 0 {
		p.partitions = 3
	}
	if p.replicas == 0 {
		p.replicas = -1
	}
	if p.keys == 0 {
		p.keys = 60
	}
	if p.perTick == 0 {
		p.perTick = 20
	}
	if p.payload == 0 {
		p.payload = 100
	}
	return p
}

// commitInterval is short, so that little is handled again after a crash.
const commitInterval = 200 * time.Millisecond

// work adds a worker to the group, which is named as the topic.
func (f *flow) work(name string, change func(*consumer.Config)) *stack.Worker {
	f.Helper()
	config := consumer.Config{
		Cluster: f.cluster(), Registry: f.schemas, Group: f.topic, Topics: []string{f.topic},
		Tuning: consumer.Tuning{SessionTimeout: 10 * time.Second, CommitInterval: commitInterval},
	}
	config.Concurrency = *concurrency
	if f.consume != nil {
		f.consume(&config)
	}
	if change != nil {
		change(&config)
	}
	w := stack.Work(f.T, config, consumer.On(func(ctx context.Context, e events.Numbered) error {
		leave := f.owners.Enter(name, consumer.InfoFrom(ctx).Partition, e.Key)
		defer leave()
		if f.handle != nil {
			if err := f.handle(ctx, e); err != nil {
				return err
			}
		}
		f.handled.Seen(e.Key, int(e.Number))
		return nil
	}))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.workers = append(f.workers, w)
	return w
}

// rename gives the events that follow other keys: where a key's partition changes, its order is nobody's promise.
func (f *flow) rename(prefix string) { f.prefix.Store(&prefix) }

func (f *flow) startSending() {
	ctx, stop := context.WithCancel(context.Background())
	f.sending, f.stopped = stop, make(chan struct{})
	go f.send(ctx, f.stopped)
}

func (f *flow) send(ctx context.Context, stopped chan<- struct{}) {
	defer close(stopped)
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	topic := producer.For[events.Numbered](f.producer, f.topic)
	payload := make([]byte, f.payload)
	for sent := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for range f.perTick {
			key := fmt.Sprintf("%s-%d", *f.prefix.Load(), sent%f.keys)
			number := f.written.Next(key)
			f.handled.Next(key)
			sent++
			posted := time.Now()
			// The context of an event is not that of the loop: stopping must not spoil events on their way.
			topic.Post(context.Background(), key, events.Numbered{Key: key, Number: int64(number), Payload: payload},
				func(_ headrace.Location, err error) { f.ended(key, number, time.Since(posted), err) })
		}
	}
}

// outcome is what the answer to a send says.
func outcome(err error) check.Outcome {
	var failure *producer.Error
	switch {
	case err == nil:
		return check.Acked
	case errors.As(err, &failure) && failure.Outcome == producer.Failed:
		return check.Failed
	default:
		return check.Unknown
	}
}

func (f *flow) ended(key string, number int, took time.Duration, err error) {
	f.written.Ended(key, number, outcome(err))
	f.handled.Ended(key, number, outcome(err))
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		if f.firstErr == nil {
			f.firstErr = err
		}
		return
	}
	if !f.lastAck.IsZero() {
		f.stall = max(f.stall, time.Since(f.lastAck))
	}
	f.lastAck = time.Now()
	f.delays = append(f.delays, took)
}

// acked returns how many events Kafka has acknowledged so far.
func (f *flow) acked() int { return f.written.Acked() }

// awaitMore waits until n more events are acknowledged.
func (f *flow) awaitMore(n int, limit time.Duration) {
	f.Helper()
	want := f.acked() + n
	f.until(limit, fmt.Sprintf("%d more events are acknowledged", n), func() bool { return f.acked() >= want })
}

// awaitHandled waits until n more events are handled.
func (f *flow) awaitHandled(n int, limit time.Duration) {
	f.Helper()
	want := f.handled.SeenOnce() + n
	f.until(limit, fmt.Sprintf("%d more events are handled", n), func() bool { return f.handled.SeenOnce() >= want })
}

// until waits until done, and fails the trial when limit passes.
func (t *trial) until(limit time.Duration, what string, done func() bool) {
	t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !done() {
		select {
		case <-deadline.C:
			t.Fatalf("%s: not within %s", what, limit)
		case <-ticker.C:
		}
	}
}
