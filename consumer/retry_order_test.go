package consumer

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestRetriedEventsRunBesideTheirKeyAndNotBesideEachOther holds what is said of order and retry topics: an event that has moved to one is
// handled when it is due, although another event of its key is being handled in the topic. Events of the key that have moved to the same
// retry topic are handled one at a time, in the order they came there.
func TestRetriedEventsRunBesideTheirKeyAndNotBesideEachOther(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, concurrency int) {
		w := newWorld(t)
		w.topic("t", 1, false)
		const retried = 5
		for n := range int64(retried + 1) {
			w.put("t", 0, rec{key: "k", value: pingValue(n, "x")})
		}
		cfg := w.retrying(time.Millisecond)
		cfg.Concurrency, cfg.Policy.Attempts = concurrency, 1
		var (
			mu      sync.Mutex
			order   []int64
			running int
			beside  = make(chan struct{}) // closed when every retried event has been handled
		)
		j := w.start(cfg, On(func(ctx context.Context, p ping) error {
			if p.N == retried { // the last of the key, in the topic itself
				select {
				case <-beside:
				case <-ctx.Done():
				}
				return ctx.Err()
			}
			if InfoFrom(ctx).Retry == 0 {
				return errBroken
			}
			mu.Lock()
			defer mu.Unlock()
			running++
			if running > 1 {
				t.Error("two retried events of a key at once")
			}
			mu.Unlock()
			for range 100 { // another could overlap
				runtime.Gosched()
			}
			mu.Lock()
			running--
			if order = append(order, p.N); len(order) == retried {
				close(beside)
			}
			return nil
		}))
		eventually(t, "all are handled", func() bool { return j.Stats().Handled == retried+1 })
		j.stop()
		if !slices.IsSorted(order) {
			t.Errorf("order %v", order)
		}
	})
}
