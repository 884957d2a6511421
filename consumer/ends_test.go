package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/reader"
)

// layout is how the events of a log lie in it.
type layout struct {
	name    string
	batches int
	codec   batch.Codec
}

var layouts = []layout{{"one batch", 1, batch.None}, {"ten batches", 10, batch.None}, {"ten compressed batches", 10, batch.Snappy}}

// lay writes pings, numbered by their offsets, into a topic's only partition.
func (w *world) lay(topic string, events int, l layout) {
	w.t.Helper()
	each := events / l.batches
	for first := 0; first < events; first += each {
		var recs []rec
		for n := first; n < first+each; n++ {
			recs = append(recs, rec{key: fmt.Sprint("k", n%7), value: pingValue(int64(n), "w")})
		}
		w.putRaw(topic, 0, sealed(w.t, l.codec, recs...))
	}
}

// eachLayout runs a test for each executor and each layout.
func eachLayout(t *testing.T, test func(t *testing.T, concurrency int, l layout)) {
	t.Helper()
	for _, concurrency := range []int{0, 8} {
		for _, l := range layouts {
			t.Run(fmt.Sprint(concurrency, " lanes, ", l.name), func(t *testing.T) {
				t.Parallel()
				test(t, concurrency, l)
			})
		}
	}
}

// missing returns the numbers below events that are not among those handled.
func missing(events int, handled ...[]int64) (left []int64) {
	all := slices.Concat(handled...)
	slices.Sort(all)
	for n := range int64(events) {
		if _, ok := slices.BinarySearch(all, n); !ok {
			left = append(left, n)
		}
	}
	return left
}

// TestAWorkerThatStopsAtAnEventSkipsNone has a handler fail for good, so that the worker stops: the next one, whose handler is mended,
// handles every event that the first has not.
func TestAWorkerThatStopsAtAnEventSkipsNone(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, concurrency int, l layout) {
		const events, bad = 400, 10
		w := newWorld(t)
		w.topic("t", 1, false)
		w.lay("t", events, l)
		cfg := w.config("t")
		cfg.Concurrency = concurrency
		var first, second sink
		j := w.start(cfg, On(func(ctx context.Context, p ping) error {
			if p.N == bad {
				return errBroken
			}
			return first.handle(ctx, p)
		}))
		if err := asError[*HandlerError](t, j.wait()); err.Offset != bad {
			t.Errorf("stopped at %v", err)
		}
		if concurrency == 0 && first.len() != bad {
			t.Errorf("%d events were handled before the worker stopped at event %d", first.len(), bad)
		}
		j = w.start(cfg, On(second.handle))
		eventually(t, "everything is committed", func() bool { return w.committed("t", 0) == events })
		j.stop()
		if left := missing(events, first.numbers(), second.numbers()); len(left) > 0 {
			t.Errorf("%d events were never handled, the first: %d", len(left), left[0])
		}
	})
}

// TestAReplayThatStopsAtAnEventSkipsNone is the same for a replay, which goes on where it was told.
func TestAReplayThatStopsAtAnEventSkipsNone(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, concurrency int, l layout) {
		const events, bad = 400, 10
		w := newWorld(t)
		w.topic("t", 1, false)
		w.lay("t", events, l)
		cfg := w.replay("t")
		cfg.Worker.Concurrency = concurrency
		var last told
		cfg.Progress = last.keep
		var first, second sink
		err := Replay(t.Context(), cfg, On(func(ctx context.Context, p ping) error {
			if p.N == bad {
				return errBroken
			}
			return first.handle(ctx, p)
		}))
		if err := asError[*HandlerError](t, err); err.Offset != bad {
			t.Errorf("stopped at %v", err)
		}
		cfg.Spans = last.spans(t)
		counts := last.counts(t)
		if s := cfg.Spans[0]; s.Done() || s.Next > bad || counts.Handled != int64(first.len()) {
			t.Errorf("told %+v with %d handled", s, first.len())
		}
		if err := Replay(t.Context(), cfg, On(second.handle)); err != nil {
			t.Fatal(err)
		}
		if left := missing(events, first.numbers(), second.numbers()); len(left) > 0 {
			t.Errorf("%d events were never handled, the first: %d", len(left), left[0])
		}
		if s, counts := last.spans(t)[0], last.counts(t); !s.Done() || counts.Handled != events {
			t.Errorf("told %+v", s)
		}
	})
}

// TestAFilterThatDoesNotReturnEndsItsReplay holds that the process goes on, and nothing counts as done that was not.
func TestAFilterThatDoesNotReturnEndsItsReplay(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(){"panic": func() { panic("no filter") }, "goexit": goexit} {
		for _, concurrency := range []int{0, 4} {
			t.Run(fmt.Sprint(name, concurrency), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.topic("t", 1, false)
				w.pings("t", 0, 0, 100)
				cfg := w.replay("t")
				cfg.Worker.Concurrency = concurrency
				cfg.Filter = func(_ context.Context, r *reader.Record) (bool, error) {
					if r.Offset == 70 {
						end()
					}
					return true, nil
				}
				var last told
				cfg.Progress = last.keep
				err := Replay(t.Context(), cfg, On(new(sink).handle))
				if err == nil || !strings.Contains(err.Error(), "filter of replay r1 at topic t partition 0 offset 70") {
					t.Errorf("ended with %v", err)
				}
				if s := last.spans(t)[0]; s.Next > 70 || s.Counts.Handled != s.Next {
					t.Errorf("told %+v", s)
				}
			})
		}
	}
}

// TestAClassThatPanicsMakesAFailedAttempt of the event that it was asked about.
func TestAClassThatPanicsMakesAFailedAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.pings("t", 0, 0, 3)
	cfg := w.config("t")
	cfg.Policy.ErrorRules = []ErrorRule{{Is: errBroken, Then: func(error) error { panic("no class") }}}
	j := w.start(cfg, On(func(context.Context, ping) error { return errBroken }))
	err := j.wait()
	if failure := asError[*HandlerError](t, err); failure.Offset != 0 || failure.Attempts != 3 || !errors.Is(err, errBroken) {
		t.Errorf("ended with %v", err)
	}
	if panicked := asError[*PanicError](t, err); panicked.Value != "no class" {
		t.Errorf("panic %+v", panicked)
	}
}

// TestGoexitInLanesStopsTheWorker at the event, which the next worker handles.
func TestGoexitInLanesStopsTheWorker(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, concurrency int, l layout) {
		const events, bad = 400, 130
		w := newWorld(t)
		w.topic("t", 1, false)
		w.lay("t", events, l)
		cfg := w.config("t")
		cfg.Concurrency = concurrency
		var first, second sink
		err := w.start(cfg, On(func(ctx context.Context, p ping) error {
			if p.N == bad {
				goexit()
			}
			return first.handle(ctx, p)
		})).wait()
		if failure := asError[*HandlerError](t, err); failure.Offset != bad || !errors.Is(err, errGoexit) {
			t.Errorf("ended with %v", err)
		}
		j := w.start(cfg, On(second.handle))
		eventually(t, "everything is committed", func() bool { return w.committed("t", 0) == events })
		j.stop()
		if left := missing(events, first.numbers(), second.numbers()); len(left) > 0 || first.len()+second.len() != events {
			t.Errorf("never handled: %v; %d handled in all", left, first.len()+second.len())
		}
	})
}
