package consumer

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

// TestKeptContextTellsOfNoOtherEvent keeps the context of every attempt, some of which fail first, over several stretches, and asks
// each again while the next handler runs and once all have returned.
func TestKeptContextTellsOfNoOtherEvent(t *testing.T) {
	t.Parallel()
	const events = 3*stretchTasks + 5
	w := newWorld(t)
	w.topic("t", 1, true)
	w.pings("t", 0, 0, events)
	var mu sync.Mutex
	var kept []context.Context
	attempts := map[int64]int{}
	asked := make(chan struct{})
	over := func(ctx context.Context) {
		if info := InfoFrom(ctx); info.Topic != "" || !errors.Is(Extend(ctx, time.Second), ErrNoLease) {
			t.Errorf("the context of an attempt that is over tells of %+v", info)
		}
	}
	j := w.start(w.config("t"), On(func(ctx context.Context, p ping) error {
		mu.Lock()
		defer mu.Unlock()
		attempts[p.N]++
		want := attempts[p.N]
		if info := InfoFrom(ctx); info.Offset != p.N || info.Attempt != want || ctx.Err() != nil || Extend(ctx, time.Second) != nil {
			t.Errorf("event %d, attempt %d: %+v", p.N, want, info)
		}
		for _, before := range kept[max(0, len(kept)-2*stretchTasks):] {
			over(before)
		}
		kept = append(kept, ctx)
		if p.N%50 == 7 && want < 3 {
			return errBroken
		}
		if p.N == events-1 {
			close(asked)
		}
		return nil
	}))
	<-asked
	j.stop()
	for _, ctx := range kept {
		over(ctx)
		if cmp.Or(ctx.Err(), context.Cause(ctx)) == nil {
			t.Error("the context goes on after the worker")
		}
		select {
		case <-ctx.Done():
		default:
			t.Error("Done is open after the worker")
		}
	}
	if failed := (events - 8) / 50 * 2; len(kept) < events+failed {
		t.Errorf("%d attempts at %d events", len(kept), events)
	}
}
