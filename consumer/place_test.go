package consumer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

// TestKeptContextTellsOfNoOtherEvent keeps the context of every attempt, some of which fail first, over several blocks, and asks
// each again while the next handler runs and once all have returned.
func TestKeptContextTellsOfNoOtherEvent(t *testing.T) {
	t.Parallel()
	for _, concurrency := range []int{0, 1} {
		t.Run(fmt.Sprint("concurrency ", concurrency), func(t *testing.T) {
			t.Parallel()
			keepContexts(t, concurrency)
		})
	}
}

func keepContexts(t *testing.T, concurrency int) {
	t.Helper()
	const (
		events   = 3*blockTasks + 5
		attempts = events + (events+42)/50*2
	)
	w := newWorld(t)
	w.topic("t", 1, true)
	w.pings("t", 0, 0, events)
	var mu sync.Mutex
	var kept []context.Context
	tried := map[int64]int{}
	asked := make(chan struct{})
	over := func(ctx context.Context) {
		if info := InfoFrom(ctx); info.Topic != "" || !errors.Is(Extend(ctx, time.Second), ErrNoLease) {
			t.Errorf("the context of an attempt that is over tells of %+v", info)
		}
	}
	cfg := w.config("t")
	cfg.Concurrency = concurrency
	j := w.start(cfg, On(func(ctx context.Context, p ping) error {
		mu.Lock()
		defer mu.Unlock()
		tried[p.N]++
		want := tried[p.N]
		if info := InfoFrom(ctx); info.Offset != p.N || info.Attempt != want || ctx.Err() != nil || Extend(ctx, time.Second) != nil {
			t.Errorf("event %d, attempt %d: %+v", p.N, want, info)
		}
		for _, before := range kept[max(0, len(kept)-2*blockTasks):] {
			over(before)
		}
		kept = append(kept, ctx)
		if len(kept) == attempts {
			close(asked)
		}
		if p.N%50 == 7 && want < 3 {
			return errBroken
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
}
