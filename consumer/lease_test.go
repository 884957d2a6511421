package consumer

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestHandlerThatIgnoresItsLease is given up: its lane is replaced, its key stays closed, and what it returns counts for nothing.
func TestHandlerThatIgnoresItsLease(t *testing.T) {
	t.Parallel()
	for name, concurrency := range map[string]int{"log order": 0, "one lane": 1, "four lanes": 4} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.grace = quickGrace
			w.topic("t", 1, false)
			w.keyed("t", 0, 5, 0, 20)
			cfg := w.config("t")
			cfg.Concurrency = concurrency
			cfg.Policy = Policy{Timeout: 20 * time.Millisecond, Attempts: 3, Backoff: Backoff{Initial: 1}}
			release := make(chan struct{})
			var calls atomic.Int64
			var infos [2]Info
			var got sink
			j := w.start(cfg, On(func(ctx context.Context, p ping) error {
				if InfoFrom(ctx).Key == "k2" && p.N == 3 && calls.Add(1) == 1 {
					infos[0] = InfoFrom(ctx)
					<-release
					infos[1] = InfoFrom(ctx)
					return nil // too late
				}
				return got.handle(ctx, p)
			}))
			eventually(t, "the handler is given up", func() bool { return j.Stats().Stuck == 1 })
			before := 17 // of the partition, up to its event
			if concurrency > 0 {
				before = 4*20 + 3
				eventually(t, "the other keys are through", func() bool { return got.len() == before })
			}
			eventually(t, "what came before is committed", func() bool { return w.committed("t", 0) == 17 })
			if n := got.len(); n != before || calls.Load() != 1 {
				t.Errorf("%d handled, want %d; %d calls: the key was not closed", n, before, calls.Load())
			}
			close(release)
			eventually(t, "all handled", func() bool { return w.committed("t", 0) == 100 })
			j.stop()
			if s := j.Stats(); s.Handled != 100 || s.Late != 1 || s.Failed != 1 || s.Stuck != 1 {
				t.Errorf("stats %+v", s)
			}
			if infos[0].Offset != 17 || infos[1].Key != "k2" || infos[1].Offset != 17 || calls.Load() != 2 {
				t.Errorf("%d calls, infos %+v", calls.Load(), infos)
			}
			logged := w.logs.FilterMessageSnippet("did not return when its timeout ended").All()
			if len(logged) != 1 || !strings.Contains(logged[0].ContextMap()["stack"].(string), "lease_test.go") {
				t.Errorf("logged %v", logged)
			}
		})
	}
}

// TestPartitionOfManyStuckHandlersStandsStill: handlers that never return are bounded for each partition. The others go on, and so does
// the partition once they return.
func TestPartitionOfManyStuckHandlersStandsStill(t *testing.T) {
	t.Parallel()
	const lanes, events = 8, 300
	w := newWorld(t)
	w.grace = quickGrace
	w.topic("t", 2, false)
	w.unkeyed(0, events)
	cfg := w.config("t")
	cfg.Concurrency = lanes
	cfg.Policy = Policy{Timeout: time.Millisecond, Attempts: 1000, Backoff: Backoff{Initial: 1}}
	release := make(chan struct{})
	var got sink
	j := w.start(cfg, On(func(ctx context.Context, p ping) error {
		if InfoFrom(ctx).Partition == 0 {
			<-release
		}
		return got.handle(ctx, p)
	}))
	var paused pause
	paused.set(pausedStuck)
	still := func() bool {
		for _, p := range j.State().Partitions {
			if p.Partition == 0 {
				return p.Paused == paused.text()
			}
		}
		return false
	}
	eventually(t, "the partition stands still", still)
	w.pings("t", 1, 1000, 100)
	eventually(t, "the other partition is through", func() bool { return w.committed("t", 1) == 100 })
	if n := j.Stats().Stuck; n < mostStuck || n >= mostStuck+lanes {
		t.Errorf("%d handlers are stuck", n)
	}
	if n := len(w.logs.FilterMessageSnippet("too many handlers of the partition").All()); n != 1 {
		t.Errorf("it was logged %d times", n)
	}
	close(release)
	eventually(t, "all are handled", func() bool { return w.committed("t", 0) == events })
	j.stop()
	if n, late := got.len(), int(j.Stats().Late); n != events+100+late || late < mostStuck {
		t.Errorf("%d handled, and %d results refused", n, late)
	}
}

// TestSlowKeysHoldNoOther has handlers that take longer than everything else together, one among many quick ones in its lane's turn.
func TestSlowKeysHoldNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	const keys, perKey = 50, 600
	for i := range int64(6) { // more than may be in memory at a time
		w.keyed("t", 0, keys, i*perKey/6, perKey/6)
	}
	cfg := w.config("t")
	cfg.Concurrency = 2
	cfg.Tuning.BufferBytes, cfg.Tuning.PartitionBytes = 1<<20, 16<<10
	release := make(chan struct{})
	l := newKeyLedger(t)
	var info Info
	j := w.start(cfg, On(func(ctx context.Context, p ping) error {
		return l.handle(ctx, p, func() error {
			if p.N == 100 && InfoFrom(ctx).Key == "k7" {
				<-release
				info = InfoFrom(ctx)
			}
			return nil
		})
	}))
	const others = (keys-1)*perKey + 100
	eventually(t, "the other keys are through", func() bool { return l.handled() == others })
	close(release)
	eventually(t, "all handled", func() bool { return l.handled() == keys*perKey })
	j.stop()
	if at := w.committed("t", 0); at != keys*perKey {
		t.Errorf("committed %d", at)
	}
	if info.Key != "k7" || info.Offset != 100*keys+7 || info.Event != "test.Ping" {
		t.Errorf("a handler whose event was moved in memory was told of %+v", info)
	}
}
