package consumer

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// keyLedger checks that the events of a key are handled one at a time and in order. Events are numbered within their key.
type keyLedger struct {
	t       testing.TB
	mu      sync.Mutex
	running map[string]bool
	next    map[string]int64
	most    int
	total   int
}

func newKeyLedger(t testing.TB) *keyLedger {
	return &keyLedger{t: t, running: map[string]bool{}, next: map[string]int64{}}
}

// handle calls work between the checks; an event for which it returns an error comes again.
func (l *keyLedger) handle(ctx context.Context, p ping, work func() error) error {
	key := fmt.Sprint(InfoFrom(ctx).Partition, InfoFrom(ctx).Key)
	l.mu.Lock()
	if l.running[key] {
		l.t.Errorf("key %s: two events at once", key)
	}
	if next := l.next[key]; p.N != next {
		l.t.Errorf("key %s: event %d, next is %d", key, p.N, next)
	}
	l.running[key] = true
	l.most = max(l.most, len(l.running))
	l.mu.Unlock()
	err := work()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.running, key)
	if err == nil {
		l.next[key]++
		l.total++
	}
	return err
}

func (l *keyLedger) handled() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total
}

// keyed writes events of several keys in turn, numbered within each.
func (w *world) keyed(topic string, partition int32, keys, first, count int64) {
	w.t.Helper()
	var recs []rec
	for i := range count {
		for k := range keys {
			recs = append(recs, rec{key: fmt.Sprint("k", k), value: pingValue(first+i, "w"), at: 1000})
		}
	}
	w.put(topic, partition, recs...)
}

func TestLanesKeepTheOrderOfEachKey(t *testing.T) {
	t.Parallel()
	const partitions, keys, rounds, perRound = 3, 13, 10, 7
	w := newWorld(t)
	w.topic("t", partitions, false)
	cfg := w.config("t")
	cfg.Concurrency = 8
	cfg.Policy.Attempts = 1 << 20
	l := newKeyLedger(t)
	j := w.start(cfg, On(func(ctx context.Context, p ping) error {
		return l.handle(ctx, p, func() error {
			switch rand.IntN(20) {
			case 0:
				return errBroken
			case 1:
				<-time.After(time.Millisecond)
			}
			return nil
		})
	}))
	for i := range int64(rounds) {
		for p := range int32(partitions) {
			w.keyed("t", p, keys, i*perRound, perRound)
		}
	}
	eventually(t, "all handled", func() bool { return l.handled() == partitions*keys*rounds*perRound })
	for p := range int32(partitions) {
		eventually(t, "all committed", func() bool { return w.committed("t", p) == keys*rounds*perRound })
	}
	j.stop()
	if l.most < 2 || l.most > 8 {
		t.Errorf("at most %d handlers at once, of 8", l.most)
	}
}

// TestAKeyThatFailsHoldsNoOther has a key whose first event fails for ever, its lane waiting for it or not.
func TestAKeyThatFailsHoldsNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.keyed("t", 0, 10, 0, 300)
	cfg := w.config("t")
	cfg.Concurrency = 1
	cfg.Policy = Policy{Attempts: 2, Backoff: Backoff{Initial: 1000 * time.Hour, Max: 1000 * time.Hour}}
	var got sink
	j := w.start(cfg, On(func(ctx context.Context, p ping) error {
		if InfoFrom(ctx).Key == "k3" {
			return errBroken
		}
		return got.handle(ctx, p)
	}))
	eventually(t, "the other keys are through", func() bool { return got.len() == 9*300 })
	j.stop()
	if at := w.committed("t", 0); at != 3 {
		t.Errorf("committed %d, want 3: what came before the first event of the key", at)
	}
	if s := j.Stats(); s.Failed != 1 {
		t.Errorf("stats %+v", s)
	}
}

// TestUnorderedEventsWaitForNothing has an event wait for one that lies behind it and has the same key.
func TestUnorderedEventsWaitForNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.put("t", 0, rec{key: "k", value: pingValue(0, "w")}, rec{key: "k", value: pingValue(1, "w")})
	cfg := w.config("t")
	cfg.Concurrency, cfg.Tuning.Order = 2, Unordered
	second := make(chan struct{})
	var got sink
	j := w.start(cfg, On(func(ctx context.Context, p ping) error {
		if p.N == 1 {
			close(second)
		}
		select {
		case <-second:
		case <-ctx.Done():
			return ctx.Err()
		}
		return got.handle(ctx, p)
	}))
	eventually(t, "both handled", func() bool { return got.len() == 2 })
	j.stop()
}

// TestNullKeys are handled at once, or in order by option.
func TestNullKeys(t *testing.T) {
	t.Parallel()
	for _, ordered := range []bool{false, true} {
		t.Run(fmt.Sprint("ordered ", ordered), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.topic("t", 1, false)
			recs := make([]rec, 100)
			for i := range recs {
				recs[i] = rec{value: pingValue(int64(i), "w")}
			}
			w.put("t", 0, recs...)
			cfg := w.config("t")
			cfg.Concurrency = 4
			cfg.Tuning.OrderNullKeys = ordered
			var got sink
			var running, most atomic.Int64
			j := w.start(cfg, On(func(ctx context.Context, p ping) error {
				n := running.Add(1)
				defer running.Add(-1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				<-time.After(time.Millisecond)
				return got.handle(ctx, p)
			}))
			eventually(t, "all handled", func() bool { return got.len() == 100 })
			j.stop()
			if ordered != (most.Load() == 1) || ordered && !slices.IsSorted(got.ns) || most.Load() > 4 {
				t.Errorf("%d at once, in order: %t", most.Load(), slices.IsSorted(got.ns))
			}
		})
	}
}
