package consumer

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestStateNamesTheEventThatHoldsItsPartition has a handler put an event off again and again, where no key can go on beside it.
func TestStateNamesTheEventThatHoldsItsPartition(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		put         func() error
		concurrency int
	}{
		"snooze":                          {func() error { return Snooze(time.Hour) }, 0},
		"retry after":                     {func() error { return RetryAfter(time.Hour, errBroken) }, 0},
		"snooze, in partition order":      {func() error { return Snooze(time.Hour) }, 4},
		"retry later, in partition order": {func() error { return RetryAfter(time.Hour, errBroken) }, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.topic("t", 1, false)
			w.pings("t", 0, 0, 20)
			var calls atomic.Int64
			var got sink
			before := time.Now()
			cfg := w.config("t")
			cfg.Concurrency, cfg.Tuning.Order = test.concurrency, ByPartition
			j := w.start(cfg, On(func(ctx context.Context, p ping) error {
				switch {
				case p.N != 4:
					return got.handle(ctx, p)
				case calls.Add(1) == 1:
					return Snooze(30 * time.Millisecond)
				}
				return test.put()
			}))
			var s PartitionState
			eventually(t, "the partition waits", func() bool {
				if states := j.State().Partitions; len(states) == 1 {
					s = states[0]
				}
				return s.WaitsFor.Until.After(before.Add(30 * time.Minute))
			})
			want := WaitingState{Offset: 4, Event: "test.Ping", Attempt: 1}
			if diff := cmp.Diff(want, s.WaitsFor, cmpopts.IgnoreFields(WaitingState{}, "Since", "Until", "Attempt")); diff != "" {
				t.Errorf("waits for (-want +got):\n%s", diff)
			}
			since, until := s.WaitsFor.Since, s.WaitsFor.Until
			if since.Before(before) || until.Sub(since) < time.Hour+30*time.Millisecond || time.Until(until) > time.Hour {
				t.Errorf("since %v until %v", since, until)
			}
			paused := "an event waits for its next attempt, and with Concurrency 0 every event behind it waits as well"
			if test.concurrency > 0 { // the log is read on, as far as the buffer goes
				paused = ""
			}
			if s.Paused != paused || s.Waiting != 1 || s.Running != 0 {
				t.Errorf("state %+v", s)
			}
			if got.len() != 4 {
				t.Errorf("%d events handled", got.len())
			}
			if told := w.logs.FilterMessageSnippet("every event behind it").Len(); (told > 0) != strings.HasPrefix(name, "snooze") {
				t.Errorf("%d warnings of the wait", told)
			}
			j.stop()
		})
	}
}
