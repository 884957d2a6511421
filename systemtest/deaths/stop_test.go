package deaths

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/schema/registry"
	"github.com/headrace/headrace/topics"

	"github.com/headrace/headrace/systemtest/internal/apicurio"
	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

const (
	stopEvents = 400
	stopAt     = 10
	stopRuns   = 5 // of each kind
)

var errNeverMind = errors.New("this handler is broken")

// handledNumbers is the numbers of the events that handlers have handled.
type handledNumbers struct {
	mu    sync.Mutex
	times [stopEvents]int
}

func (h *handledNumbers) handle(_ context.Context, e events.Numbered) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.times[e.Number]++
	return nil
}

// TestAWorkerThatStopsSkipsNothing has a handler fail for good, which stops the worker, since there is no dead-letter topic. The next
// worker, with a mended handler, handles every event that the first has not.
func TestAWorkerThatStopsSkipsNothing(t *testing.T) {
	server := apicurio.Start(t)
	for _, version := range stack.Versions(kraft.Current) {
		t.Run(version, func(t *testing.T) {
			cluster := stack.Cluster(kraft.Start(t, kraft.Config{Version: version}))
			reg := stack.Registry(t, server.URL)
			runs := 0
			for _, compression := range []producer.Compression{producer.NoCompression, producer.Zstd} {
				for _, perBatch := range []int{stopEvents, 40} {
					for _, lanes := range []int{0, 8} {
						for range stopRuns {
							runs++
							stopAndGoOn(t, cluster, reg, fmt.Sprint("stops-", runs), compression, perBatch, lanes)
						}
					}
				}
			}
			if !t.Failed() {
				t.Logf("kafka %s: %d workers stopped at event %d of %d and were started again: no event left out", version, runs, stopAt, stopEvents)
			}
		})
	}
}

func stopAndGoOn(t *testing.T, cluster headrace.Cluster, reg *registry.Client, name string, compression producer.Compression, perBatch, lanes int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := topics.Create(ctx, cluster, topics.Spec{Name: name, Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	p := stack.Producer(t, producer.Config{
		Cluster: cluster, Registry: reg, AutoRegister: true, Compression: compression, Linger: time.Minute,
	})
	out := producer.For[events.Numbered](p, name)
	for n := range stopEvents {
		key := fmt.Sprint("k", n%7)
		out.Post(ctx, key, events.Numbered{Key: key, Number: int64(n)}, nil)
		if (n+1)%perBatch == 0 {
			if err := p.Flush(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	cfg := consumer.Config{
		Cluster: cluster, Registry: reg, Group: name, Topics: []string{name}, Concurrency: lanes, Policy: consumer.Policy{Attempts: 1},
	}
	var handled handledNumbers
	broken := stack.Work(t, cfg, consumer.On(func(ctx context.Context, e events.Numbered) error {
		if e.Number == stopAt {
			return errNeverMind
		}
		return handled.handle(ctx, e)
	}))
	var failure *consumer.HandlerError
	if err := broken.Wait(); !errors.As(err, &failure) || failure.Offset != stopAt {
		t.Fatalf("%s: the worker with the broken handler ended with %v", name, err)
	}
	mended := stack.Work(t, cfg, consumer.On(handled.handle))
	mended.Until(t, time.Minute, "everything is committed", func() bool {
		owned := mended.State().Partitions
		return len(owned) == 1 && owned[0].Committed == stopEvents
	})
	if err := mended.Stop(); err != nil {
		t.Errorf("%s: mended worker: %v", name, err)
	}
	handled.mu.Lock()
	defer handled.mu.Unlock()
	left, again := 0, 0
	for _, times := range handled.times {
		if times == 0 {
			left++
		}
		again += max(0, times-1)
	}
	if left > 0 || again > 0 {
		t.Errorf("%s (%d a batch, %s, %d lanes): %d events were never handled, %d were handled again after an orderly stop",
			name, perBatch, compression, lanes, left, again)
	}
}
