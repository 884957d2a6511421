package consumer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/reader"
)

// replay is one of all that topics hold now.
func (w *world) replay(topics ...string) ReplayConfig {
	w.t.Helper()
	cfg := ReplayConfig{ID: "r1", Worker: w.config()}
	for _, topic := range topics {
		ranges, err := reader.Resolve(w.t.Context(), w.cluster, topic, nil, reader.Range{To: reader.AtEnd()})
		if err != nil {
			w.t.Fatal(err)
		}
		for _, r := range ranges {
			cfg.Spans = append(cfg.Spans, ReplaySpan{Topic: topic, Partition: r.Partition, OffsetRange: r.OffsetRange})
		}
	}
	return cfg
}

// told keeps what a replay last told, as a file would.
type told struct {
	mu   sync.Mutex
	text []byte
}

func (k *told) keep(spans []ReplaySpan) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	var err error
	k.text, err = json.Marshal(spans)
	return err
}

func (k *told) spans(t testing.TB) (spans []ReplaySpan) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := json.Unmarshal(k.text, &spans); err != nil {
		t.Fatal(err)
	}
	return spans
}

func (k *told) counts(t testing.TB) (c ReplayCounts) {
	t.Helper()
	for _, s := range k.spans(t) {
		c.Add(s.Counts)
	}
	return c
}

// TestReplayHandsOverItsSpans and nothing beside them, each key in order, whatever the concurrency.
func TestReplayHandsOverItsSpans(t *testing.T) {
	t.Parallel()
	for _, concurrency := range []int{0, 1, 8} {
		t.Run(fmt.Sprint(concurrency), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.topic("t", 3, false)
			for partition := range int32(3) {
				for first := int64(0); first < 500; first += 50 {
					w.pings("t", partition, first, 50)
				}
			}
			cfg := w.replay("t")
			for i := range cfg.Spans {
				cfg.Spans[i].From, cfg.Spans[i].To = 70, 431 // from the middle of a batch to that of another
			}
			cfg.Spans[2].To = 70 // nothing
			cfg.Worker.Concurrency = concurrency
			var last told
			cfg.Progress = last.keep
			var got sink
			if err := Replay(t.Context(), cfg, On(got.handle)); err != nil {
				t.Fatal(err)
			}
			next := map[string]int64{}
			for i, info := range got.seen {
				if info.Replay != "r1" || info.Group != "g" || info.Attempt != 1 || info.Offset < 70 || info.Offset >= 431 {
					t.Fatalf("event %d: %+v", i, info)
				}
				key := fmt.Sprint(info.Partition, info.Key)
				if got.ns[i] < next[key] {
					t.Errorf("%s came after a later one of its key", info.Key)
				}
				next[key] = got.ns[i]
			}
			if len(got.ns) != 2*361 {
				t.Errorf("%d events handled, want 722", len(got.ns))
			}
			if diff := cmp.Diff(ReplayCounts{Handled: 722}, last.counts(t)); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
			for _, s := range last.spans(t) {
				if !s.Done() || len(s.Beyond) > 0 {
					t.Errorf("told at the end: %+v", s)
				}
			}
			if at := w.committed("t", 0); at != -1 {
				t.Errorf("the replay has committed %d for the group", at)
			}
		})
	}
}

func TestReplayFilters(t *testing.T) {
	t.Parallel()
	for _, concurrency := range []int{0, 4} {
		w := newWorld(t)
		w.topic("t", 1, false)
		for first := int64(0); first < 300; first += 30 {
			w.pings("t", 0, first, 30)
		}
		cfg := w.replay("t")
		cfg.Worker.Concurrency = concurrency
		cfg.Filter = func(_ context.Context, r *reader.Record) (bool, error) {
			return string(r.Key) == "k3" && r.Offset < 200, nil
		}
		var last told
		cfg.Progress = last.keep
		var got sink
		if err := Replay(t.Context(), cfg, On(got.handle)); err != nil {
			t.Fatal(err)
		}
		want := 0
		for n := range 200 {
			if n%30%7 == 3 {
				want++
			}
		}
		if diff := cmp.Diff(ReplayCounts{Handled: int64(want), Filtered: int64(300 - want)}, last.counts(t)); diff != "" || got.len() != want {
			t.Errorf("%d handled; counts (-want +got):\n%s", got.len(), diff)
		}
		broken := errors.New("cannot tell")
		cfg.Filter = func(context.Context, *reader.Record) (bool, error) { return false, broken }
		if err := Replay(t.Context(), cfg, On(got.handle)); !errors.Is(err, broken) {
			t.Errorf("a filter that fails: %v", err)
		}
	}
}

// TestReplayGoesOnWhereItWasTold kills replays as SIGKILL does: what was told last is all that is left. Every event is handled, few are
// handled twice, and each is counted once.
func TestReplayGoesOnWhereItWasTold(t *testing.T) {
	t.Parallel()
	for _, concurrency := range []int{0, 4, 32} {
		t.Run(fmt.Sprint(concurrency), func(t *testing.T) {
			t.Parallel()
			const events = 2000
			w := newWorld(t)
			w.topic("t", 2, false)
			for partition := range int32(2) {
				for first := int64(0); first < events; first += 40 {
					w.pings("t", partition, first, 40)
				}
			}
			cfg := w.replay("t")
			cfg.Worker.Concurrency = concurrency
			cfg.Worker.Tuning.CommitInterval = 2 * time.Millisecond
			cfg.Worker.Tuning.DrainTimeout = time.Millisecond
			cfg.Filter = func(_ context.Context, r *reader.Record) (bool, error) { return r.Offset%5 != 0, nil }
			var mu sync.Mutex
			times := map[headrace.Location]int{}
			var last told
			deaths := 0
			for ; ; deaths++ {
				ctx, die := context.WithCancel(t.Context())
				var dead atomic.Bool
				left := atomic.Int64{}
				left.Store(400)
				cfg.Progress = func(spans []ReplaySpan) error {
					if dead.Load() {
						return nil // nobody hears it
					}
					return last.keep(spans)
				}
				err := Replay(ctx, cfg, On(func(ctx context.Context, p ping) error {
					info := InfoFrom(ctx)
					mu.Lock()
					times[headrace.Location{Topic: info.Topic, Partition: info.Partition, Offset: info.Offset}]++
					mu.Unlock()
					if p.N%97 == 11 {
						return Skip("not wanted")
					}
					if left.Add(-1) == 0 {
						dead.Store(true)
						die()
					}
					if left.Load()%50 == 0 {
						<-time.After(3 * time.Millisecond)
					}
					return nil
				}))
				die()
				if err == nil {
					break
				}
				if !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				if deaths > 100 {
					t.Fatal("it does not come to an end")
				}
				cfg.Spans = last.spans(t)
			}
			again := 0
			for _, n := range times {
				again += n - 1
			}
			wanted := 0
			for n := range events {
				if n%5 != 0 {
					wanted++
				}
			}
			if len(times) != 2*wanted {
				t.Errorf("%d events handled of %d", len(times), 2*wanted)
			}
			c := last.counts(t)
			if c.Handled+c.Skipped != int64(2*wanted) || c.Filtered != int64(2*(events-wanted)) {
				t.Errorf("counts %+v, want %d handled or skipped and %d filtered", c, 2*wanted, 2*(events-wanted))
			}
			t.Logf("%d deaths, %d events handled again", deaths, again)
		})
	}
}

func TestReplayAndFailedEvents(t *testing.T) {
	t.Parallel()
	for _, concurrency := range []int{0, 4} {
		for _, tc := range []struct {
			name   string
			failed OnFailure
			policy Policy
			want   ReplayCounts
			stops  bool
			dead   int
		}{
			{"stop", OnFailureStop, Policy{DeadLetter: true}, ReplayCounts{}, true, 0},
			{"report", OnFailureReport, Policy{}, ReplayCounts{Handled: 97, Failed: 3}, false, 0},
			{"dead letter", OnFailureDeadLetter, Policy{DeadLetter: true}, ReplayCounts{Handled: 97, DeadLettered: 3}, false, 3},
			{"no dead letter", OnFailureDeadLetter, Policy{}, ReplayCounts{}, true, 0},
		} {
			t.Run(fmt.Sprint(tc.name, concurrency), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.topic("t", 1, true)
				w.pings("t", 0, 0, 90)
				w.put("t", 0, rec{key: "odd", value: []byte("no event")})
				w.pings("t", 0, 91, 9)
				cfg := w.replay("t")
				cfg.OnFailure = tc.failed
				cfg.Worker.Concurrency = concurrency
				tc.policy.Attempts, tc.policy.Backoff = 2, Backoff{Initial: time.Millisecond}
				tc.policy.Retry = []time.Duration{time.Hour} // not climbed
				cfg.Worker.Policy = tc.policy
				var last told
				cfg.Progress = last.keep
				var attempts atomic.Int64
				err := Replay(t.Context(), cfg, On(func(_ context.Context, p ping) error {
					if p.N == 20 || p.N == 95 {
						attempts.Add(1)
						return fmt.Errorf("ping %d is bad", p.N)
					}
					return nil
				}))
				if tc.stops {
					stoppedAt(t, err, concurrency == 0)
					if s := last.spans(t)[0]; s.Next > 20 || concurrency == 0 && s.Counts.Handled != 20 {
						t.Errorf("told %+v", s)
					}
				} else if err != nil {
					t.Fatal(err)
				} else if diff := cmp.Diff(tc.want, last.counts(t)); diff != "" {
					t.Errorf("counts (-want +got):\n%s", diff)
				}
				if tc.failed == OnFailureReport {
					failures := last.spans(t)[0].Failures
					slices.SortFunc(failures, func(a, b ReplayFailure) int { return int(a.Offset - b.Offset) })
					if len(failures) != 3 || failures[0].Error != "ping 20 is bad" || failures[0].Attempts != 2 || failures[1].Kind != "decode" || failures[2].Offset != 95 {
						t.Errorf("failures %+v", failures)
					}
				}
				letters := w.read(DeadLetterTopic("t", "g"))
				if len(letters) != tc.dead {
					t.Fatalf("%d dead letters, want %d", len(letters), tc.dead)
				}
				for _, l := range letters {
					if !slices.ContainsFunc(l.Headers, func(h headrace.Header) bool { return h.Key == HeaderReplay && string(h.Value) == "r1" }) {
						t.Errorf("dead letter without the replay's id: %+v", l.Headers)
					}
				}
			})
		}
	}
}

// stoppedAt wants a replay to have stopped at the first bad event, or at any where keys are not in one order.
func stoppedAt(t *testing.T, err error, first bool) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), "replay r1 stopped there") {
		t.Fatalf("stopped with %v", err)
	}
	if first {
		if failed := asError[*HandlerError](t, err); failed.Offset != 20 || failed.Attempts != 2 {
			t.Errorf("stopped with %v", err)
		}
	}
}

func TestLiveOnlyHandlersAreNotCalledForWhatIsReplayed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	copied := []headrace.Header{{Key: HeaderReplay, Value: []byte("r0")}}
	w.put("t", 0,
		rec{key: "a", value: pingValue(0, "w")}, rec{key: "b", value: pongOK()},
		rec{key: "a", value: pingValue(1, "w"), headers: copied}, rec{key: "b", value: pongOK(), headers: copied},
		rec{key: "a", value: pingValue(2, "w"), headers: []headrace.Header{{Key: "trace", Value: []byte("x")}}})
	var mails, counted sink
	handlers := []Handler{
		On(mails.handle).LiveOnly(),
		On(func(ctx context.Context, _ pong) error { return counted.handle(ctx, ping{}) }),
	}
	for _, concurrency := range []int{0, 2} {
		mails, counted = sink{}, sink{}
		cfg := w.replay("t")
		cfg.Worker.Concurrency = concurrency
		var last told
		cfg.Progress = last.keep
		if err := Replay(t.Context(), cfg, handlers...); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(ReplayCounts{Handled: 2, LiveOnly: 3}, last.counts(t)); diff != "" || mails.len() != 0 {
			t.Errorf("%d mails; counts (-want +got):\n%s", mails.len(), diff)
		}
		if len(counted.seen) != 2 || counted.seen[0].Replay != "r1" || counted.seen[1].Replay != "r1" {
			t.Errorf("handled %+v", counted.seen)
		}
	}

	mails, counted = sink{}, sink{}
	w.replayed("r0", "t")
	j := w.start(w.config("t"), handlers...)
	eventually(t, "all five are done", func() bool { s := j.Stats(); return s.Handled+s.LiveOnly+s.Skipped == 5 })
	j.stop()
	if s := j.Stats(); s.Handled != 4 || s.LiveOnly != 1 || s.Skipped != 0 {
		t.Errorf("stats of the worker: %+v", s)
	}
	if !slices.Equal(mails.ns, []int64{0, 2}) || counted.seen[0].Replay != "" || counted.seen[1].Replay != "r0" {
		t.Errorf("mails %v, handled %+v", mails.ns, counted.seen)
	}
}

func pongOK() []byte { return encoded(pongID, pong{OK: true}) }

func TestReplayRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.pings("t", 0, 0, 10)
	var got sink
	for _, tc := range []struct {
		name   string
		change func(*ReplayConfig)
		want   string
	}{
		{"no id", func(c *ReplayConfig) { c.ID = "" }, "ReplayConfig.ID"},
		{"rate", func(c *ReplayConfig) { c.Rate = -1 }, "Rate -1 is negative"},
		{"failed", func(c *ReplayConfig) { c.OnFailure = 9 }, "OnFailure 9 is none of"},
		{"twice", func(c *ReplayConfig) { c.Spans = append(c.Spans, c.Spans[0]) }, "partition 0 has two spans"},
		{"backwards", func(c *ReplayConfig) { c.Spans[0].From = 11 }, "from 11 to 10"},
		{"beyond", func(c *ReplayConfig) { c.Spans[0].Beyond = []headrace.OffsetRange{{From: 5, To: 8}, {From: 7, To: 9}} }, "out of order"},
		{"partition", func(c *ReplayConfig) { c.Spans[0].Partition = 4 }, "has no partition 4"},
		{"topic", func(c *ReplayConfig) { c.Spans[0].Topic = "nowhere" }, "topic nowhere does not exist"},
		{"log", func(c *ReplayConfig) { c.Spans[0].To, c.Spans[0].From = 40, 30 }, "out of range"},
		{"policy", func(c *ReplayConfig) { c.Worker.Policy.Attempts = -1 }, "Attempts -1"},
	} {
		cfg := w.replay("t")
		tc.change(&cfg)
		if err := Replay(t.Context(), cfg, On(got.handle)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q in it", tc.name, err, tc.want)
		}
	}
	cfg := w.replay("t")
	cfg.Spans = nil
	if err := Replay(t.Context(), cfg, On(got.handle)); err != nil || got.len() != 0 {
		t.Errorf("nothing to replay: %v, %d handled", err, got.len())
	}
}

// TestReplayKeepsItsRate: twenty events at a hundred a second, of which ten go at once, take a tenth of a second at least.
func TestReplayKeepsItsRate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.pings("t", 0, 0, 20)
	cfg := w.replay("t")
	cfg.Rate = 100
	var got sink
	began := time.Now()
	if err := Replay(t.Context(), cfg, On(got.handle)); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 95*time.Millisecond || got.len() != 20 {
		t.Errorf("%d events in %v", got.len(), took)
	}
}
