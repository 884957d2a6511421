// Package retry tests retry topics, dead letters and their redrive on real Kafka.
package retry

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/deadletter"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/schema/registry"
	"github.com/headrace/headrace/topics"

	"github.com/headrace/headrace/systemtest/internal/apicurio"
	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

const (
	topic      = "orders"
	group      = "mail"
	partitions = 4
	keys       = 50
	perKey     = 40
)

var tiers = []time.Duration{300 * time.Millisecond, 1200 * time.Millisecond}

var (
	errSlow   = errors.New("no answer yet")
	errBroken = errors.New("broken until it is mended")
)

// attempt is one call of a handler.
type attempt struct {
	at   time.Time
	info consumer.Info
	err  error
}

// journal holds what handlers were given, by key and number.
type journal struct {
	mu     sync.Mutex
	mended bool
	calls  map[string][]attempt
}

// handle fails each tenth event until it has been through all retry topics, and another one until somebody mends what is broken.
func (j *journal) handle(ctx context.Context, e events.Numbered) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	info := consumer.InfoFrom(ctx)
	var err error
	switch {
	case e.Number%10 == 3 && info.Attempt <= len(tiers):
		err = errSlow
	case e.Number%10 == 7 && !j.mended:
		err = errBroken
	}
	name := fmt.Sprint(e.Key, " ", e.Number)
	j.calls[name] = append(j.calls[name], attempt{time.Now(), info, err})
	return err
}

// TestRetryTopics sends events through retry topics while workers come and go, and then redrives what has died.
func TestRetryTopics(t *testing.T) {
	reg := apicurio.Start(t)
	for _, version := range stack.Versions(kraft.Current) {
		t.Run(version, func(t *testing.T) {
			cluster := kraft.Start(t, kraft.Config{Version: version})
			w := &world{cluster: cluster, registry: stack.Registry(t, reg.URL), journal: &journal{calls: map[string][]attempt{}}}
			w.send(t)

			first := w.work(t)
			first.Until(t, 3*time.Minute, "events are moved", func() bool { return first.Stats().Retried > keys })
			second := w.work(t)
			second.Until(t, 3*time.Minute, "the second worker has partitions", func() bool { return second.Stats().Assigned > 0 })
			if err := first.Stop(); err != nil {
				t.Errorf("first worker: %v", err)
			}
			const ends = keys * perKey
			second.Until(t, 3*time.Minute, "every event is at its end", func() bool { return w.ended(first, second) >= ends })
			w.check(t)

			w.redrive(t)
			second.Until(t, 3*time.Minute, "redriven events are handled", func() bool { return w.ended(first, second) >= ends+ends/10 })
			if err := second.Stop(); err != nil {
				t.Errorf("second worker: %v", err)
			}
			w.checkHandled(t)
			t.Logf("kafka %s: %d events, moved %d times, %d dead letters redriven and handled",
				version, ends, first.Stats().Retried+second.Stats().Retried, ends/10)
		})
	}
}

type world struct {
	cluster  *kraft.Cluster
	registry *registry.Client
	journal  *journal
}

func (w *world) send(t *testing.T) {
	t.Helper()
	cluster := stack.Cluster(w.cluster)
	if err := topics.Create(t.Context(), cluster, topics.Spec{Name: topic, Partitions: partitions}); err != nil {
		t.Fatal(err)
	}
	p := stack.Producer(t, producer.Config{Cluster: cluster, Registry: w.registry, AutoRegister: true})
	out := producer.For[events.Numbered](p, topic)
	for number := range perKey {
		for key := range keys {
			name := "k" + strconv.Itoa(key)
			out.Post(t.Context(), name, events.Numbered{Key: name, Number: int64(number)}, func(_ headrace.Location, err error) {
				if err != nil {
					t.Errorf("send: %v", err)
				}
			})
		}
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (w *world) work(t *testing.T) *stack.Worker {
	t.Helper()
	return stack.Work(t, consumer.Config{
		Cluster: stack.Cluster(w.cluster), Registry: w.registry, Group: group, Topics: []string{topic}, Concurrency: 16,
		Policy: consumer.Policy{Attempts: 1, Retry: tiers, DeadLetter: true},
		Tuning: consumer.Tuning{CreateTopics: true},
	}, consumer.On(w.journal.handle))
}

// ended is how many events came to their end: handled, or dead.
func (w *world) ended(workers ...*stack.Worker) (n int64) {
	for _, worker := range workers {
		s := worker.Stats()
		n += s.Handled + s.DeadLettered
	}
	return n
}

// check looks at every attempt so far.
func (w *world) check(t *testing.T) {
	t.Helper()
	w.journal.mu.Lock()
	defer w.journal.mu.Unlock()
	if len(w.journal.calls) != keys*perKey {
		t.Errorf("%d events were handled, want %d", len(w.journal.calls), keys*perKey)
	}
	for name, calls := range w.journal.calls {
		first, last := calls[0].info, calls[len(calls)-1]
		var key string
		var number int
		if _, err := fmt.Sscan(name, &key, &number); err != nil {
			t.Fatal(err)
		}
		wanted := 1
		if number%10 == 3 || number%10 == 7 {
			wanted = 1 + len(tiers)
		}
		if last.info.Attempt != wanted || (last.err != nil) != (number%10 == 7) {
			t.Errorf("%s ended at attempt %d with %v", name, last.info.Attempt, last.err)
		}
		for i, call := range calls {
			if call.info.Topic != topic || call.info.Partition != first.Partition || call.info.Offset != first.Offset || !call.info.Time.Equal(first.Time) || call.info.Key != key {
				t.Errorf("%s: call %d was of %+v, the first of %+v", name, i+1, call.info, first)
			}
			if before := i - 1; i > 0 && call.info.Attempt == calls[before].info.Attempt+1 {
				if waited := call.at.Sub(calls[before].at); waited < tiers[call.info.Attempt-2] {
					t.Errorf("%s: attempt %d came after %v", name, call.info.Attempt, waited)
				}
			}
		}
	}
}

// redrive mends what is broken and returns the dead letters.
func (w *world) redrive(t *testing.T) {
	t.Helper()
	w.journal.mu.Lock()
	w.journal.mended = true
	w.journal.mu.Unlock()
	cluster := stack.Cluster(w.cluster)
	plan, err := deadletter.PlanRedrive(t.Context(), deadletter.RedriveRequest{Cluster: cluster, Topic: consumer.DeadLetterTopic(topic, group)})
	if err != nil {
		t.Fatal(err)
	}
	done, err := deadletter.ApplyRedrive(t.Context(), deadletter.RedriveConfig{Cluster: cluster}, plan)
	if err != nil || done.Events < keys*perKey/10 {
		t.Fatalf("redriven %+v of %+v: %v", done, plan, err)
	}
}

// checkHandled looks for events that were never handled.
func (w *world) checkHandled(t *testing.T) {
	t.Helper()
	w.journal.mu.Lock()
	defer w.journal.mu.Unlock()
	for name, calls := range w.journal.calls {
		if last := calls[len(calls)-1]; last.err != nil {
			t.Errorf("%s was last tried with %v", name, last.err)
		}
	}
}
