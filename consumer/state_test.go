package consumer

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestStateTellsWhatTheWorkerDoes(t *testing.T) {
	t.Parallel()
	for name, concurrency := range map[string]int{"log order": 0, "lanes": 4} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.topic("t", 2, false)
			written := time.Now().Add(-time.Hour)
			var recs []rec
			for i := range int64(10) {
				recs = append(recs, rec{key: fmt.Sprint("k", i), value: pingValue(i, "w"), at: written.UnixMilli()})
			}
			w.put("t", 0, recs...)
			cfg := w.config("t")
			cfg.Concurrency = concurrency
			cfg.Policy = Policy{Attempts: 2, Backoff: Backoff{Initial: 1000 * time.Hour, Max: 1000 * time.Hour}}
			worker, err := New(cfg, On(new(sink).handle))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(State{}, worker.State()); diff != "" {
				t.Errorf("before Run (-want +got)\n%s", diff)
			}
			release := make(chan struct{})
			j := w.start(cfg, On(func(_ context.Context, p ping) error {
				switch p.N {
				case 3:
					<-release
					return errBroken
				case 4:
					<-release
				}
				return nil
			}))
			want := PartitionState{
				Topic: "t", Position: 3, Committed: 3, LogStart: 0, LogEnd: 10, Lag: 7, InFlight: 7, Running: 1,
				Oldest: RunningState{Topic: "t", Offset: 3, Event: "test.Ping"},
			}
			if concurrency > 0 {
				want.Lag, want.InFlight, want.Running = 2, 2, 2
			}
			approximately := cmp.Options{cmpopts.IgnoreFields(RunningState{}, "Since", "Offset"), cmpopts.IgnoreFields(WaitingState{}, "Since", "Until")}
			check := func(want PartitionState) {
				t.Helper()
				var got State
				ok := false
				deadline := time.Now().Add(patience)
				for !ok && time.Now().Before(deadline) {
					got = j.State()
					ok = len(got.Partitions) == 2 && cmp.Equal(want, got.Partitions[0], approximately, cmpopts.IgnoreFields(PartitionState{}, "LagTime"))
					<-time.After(2 * time.Millisecond)
				}
				if !ok {
					t.Fatalf("got %+v, want %+v", got, want)
				}
				p := got.Partitions[0]
				if p.LagTime < time.Hour || p.LagTime > time.Hour+time.Minute || got.Lag != want.Lag || got.InFlight != want.InFlight {
					t.Errorf("got %+v", got)
				}
				if got.Rebalance.Cause != "starting" || time.Since(got.Rebalance.Time) > time.Minute {
					t.Errorf("rebalance %+v", got.Rebalance)
				}
				if running := !got.Oldest.Since.IsZero(); running != (want.Running > 0) {
					t.Errorf("oldest %+v", got.Oldest)
				}
			}
			check(want)
			close(release)
			want.Running, want.Waiting, want.Oldest = 0, 1, RunningState{}
			if concurrency > 0 {
				want.Lag, want.InFlight = 1, 1
			} else {
				want.WaitsFor = WaitingState{Offset: 3, Event: "test.Ping", Attempt: 2}
				want.Paused = "an event waits for its next attempt, and with Concurrency 0 every event behind it waits as well"
			}
			check(want)
			j.stop()
			if s := j.State(); len(s.Partitions) > 0 {
				t.Errorf("after Run: %+v", s)
			}
		})
	}
}
