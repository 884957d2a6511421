package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/reader"
)

// retrying is a worker's config with retry tiers whose topics the worker creates.
func (w *world) retrying(tiers ...time.Duration) Config {
	cfg := w.config("t")
	cfg.Policy = Policy{Attempts: 2, Backoff: Backoff{Initial: 1}, Retry: tiers, DeadLetter: true}
	cfg.Tuning.CreateTopics = true
	return cfg
}

// calls collects what a handler was given, by the event's number.
type calls struct {
	mu sync.Mutex
	of map[int64][]call
}

type call struct {
	Info

	at time.Time
}

func (c *calls) add(ctx context.Context, p ping) (before int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = make(map[int64][]call)
	}
	c.of[p.N] = append(c.of[p.N], call{InfoFrom(ctx), time.Now()})
	return len(c.of[p.N]) - 1
}

func (c *calls) get(n int64) []call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.of[n])
}

// eachWay runs a test with lanes and without.
func eachWay(t *testing.T, test func(t *testing.T, concurrency int)) {
	t.Helper()
	for _, concurrency := range []int{0, 8} {
		t.Run(fmt.Sprint("concurrency ", concurrency), func(t *testing.T) {
			t.Parallel()
			test(t, concurrency)
		})
	}
}

// TestEventGoesThroughTheRetryTiersAndDies follows one event that always fails, among others that do not.
func TestEventGoesThroughTheRetryTiersAndDies(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, concurrency int) {
		w := newWorld(t)
		w.topic("t", 3, false)
		bad := rec{key: "k", value: pingValue(7, "x"), at: 1700000000123, headers: []headrace.Header{{Key: "trace", Value: []byte("abc")}, {Key: "null"}}}
		w.put("t", 2, bad, rec{key: "k", value: pingValue(8, "x"), at: 1700000000124})
		tiers := []time.Duration{30 * time.Millisecond, 60 * time.Millisecond}
		cfg := w.retrying(tiers...)
		cfg.Concurrency = concurrency
		var seen calls
		j := w.start(cfg, On(func(ctx context.Context, p ping) error {
			seen.add(ctx, p)
			if p.N == 7 {
				return fmt.Errorf("attempt %d: %w", InfoFrom(ctx).Attempt, errBroken)
			}
			return nil
		}))
		eventually(t, "the event is dead", func() bool { return j.Stats().DeadLettered == 1 })
		eventually(t, "its copies are acknowledged", func() bool {
			return w.committed("t", 2) == 2 && w.committedOf("g.retry", "t.g.retry.30ms", 2) == 1 && w.committedOf("g.retry", "t.g.retry.60ms", 2) == 1
		})
		j.stop()

		got := seen.get(7)
		if len(got) != 4 || len(seen.get(8)) != 1 {
			t.Fatalf("%d attempts, and %d at the event behind", len(got), len(seen.get(8)))
		}
		for i, c := range got {
			want := Info{
				Topic: "t", Partition: 2, Key: "k", Time: time.UnixMilli(1700000000123).UTC(), Headers: []headrace.Header{{Key: "trace", Value: []byte("abc")}, {Key: "null", Value: nil}},
				Event: "test.Ping", Schema: c.Schema, Attempt: i + 1, Retry: max(0, i-1), Group: "g",
			}
			if diff := cmp.Diff(want, c.Info); diff != "" {
				t.Errorf("attempt %d (-want +got)\n%s", i+1, diff)
			}
			if i >= 2 {
				if waited := c.at.Sub(got[i-1].at); waited < tiers[i-2] {
					t.Errorf("attempt %d came after %v", i+1, waited)
				}
			}
		}
		if s := j.Stats(); s.Retried != 2 || s.Failed != 4 || s.Handled != 1 || s.DeadLettered != 1 || s.Assigned != 0 {
			t.Errorf("stats %+v", s)
		}
		for topic, want := range map[string]map[string]string{
			"t.g.retry.30ms": {HeaderDeliveryCount: "2", HeaderRetryTier: "1", HeaderMessage: "attempt 2: broken", HeaderRetryTime: "1700000000123"},
			"t.g.retry.60ms": {HeaderDeliveryCount: "3", HeaderRetryTier: "2", HeaderMessage: "attempt 3: broken", HeaderRetryTime: "1700000000123"},
			"t.g.dead":       {HeaderDeliveryCount: "4", HeaderRetryTier: "", HeaderMessage: "attempt 4: broken", HeaderRetryTime: "", HeaderRetryDue: ""},
		} {
			copies := w.read(topic)
			if len(copies) != 1 {
				t.Errorf("topic %s holds %d records", topic, len(copies))
				continue
			}
			c := copies[0]
			for key, value := range map[string]string{HeaderTopic: "t", HeaderPartition: "2", HeaderOffset: "0", HeaderGroup: "g", HeaderKind: "handler", HeaderEvent: "test.Ping"} {
				want[key] = value
			}
			for key, value := range want {
				if header(c, key) != value {
					t.Errorf("topic %s: header %s is %q, want %q", topic, key, header(c, key), value)
				}
			}
			if c.Partition != 2 || string(c.Key) != "k" || !slices.Equal(c.Value, bad.value) || c.Headers[0].Key != "trace" {
				t.Errorf("topic %s: %+v", topic, c)
			}
			times := map[string]int{}
			for _, h := range c.Headers {
				if times[h.Key]++; times[h.Key] > 1 {
					t.Errorf("topic %s: header %s is there twice", topic, h.Key)
				}
			}
			if isDead := topic == "t.g.dead"; isDead != c.Time.Equal(time.UnixMilli(1700000000123)) {
				t.Errorf("topic %s: timestamp %v", topic, c.Time)
			}
		}
	})
}

func (w *world) committedOf(group, topic string, partition int32) int64 {
	w.t.Helper()
	offsets, err := w.client.FetchOffsets(w.t.Context(), group, kafka.TopicPartition{Topic: topic, Partition: partition})
	if err != nil {
		return -1
	}
	return offsets[0].Offset
}

// TestHandlersChooseTheirOutcome is each of them, with lanes and without.
func TestHandlersChooseTheirOutcome(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, concurrency int) {
		w := newWorld(t)
		w.topic("t", 1, true)
		errGone := errors.New("gone")
		for n := range int64(6) {
			w.put("t", 0, rec{key: fmt.Sprint(n), value: pingValue(n, "x")})
		}
		cfg := w.config("t")
		cfg.Concurrency = concurrency
		cfg.Policy = Policy{Attempts: 2, Backoff: Backoff{Initial: 1}, DeadLetter: true, ErrorRules: []ErrorRule{{Is: errGone, Then: Permanent}}}
		var seen calls
		const wait = 40 * time.Millisecond
		j := w.start(cfg, On(func(ctx context.Context, p ping) error {
			before := seen.add(ctx, p)
			switch p.N {
			case 0:
				return fmt.Errorf("order 0: %w", Skip("seen before"))
			case 1:
				if before < 3 {
					return Snooze(wait)
				}
			case 2:
				if before == 0 {
					return RetryAfter(wait, errBroken)
				}
			case 3:
				return Permanent(errBroken)
			case 4:
				return fmt.Errorf("row: %w", errGone)
			}
			return nil
		}))
		eventually(t, "every event is at its end", func() bool { return w.committed("t", 0) == 6 })
		j.stop()
		want := Stats{Handled: 3, Failed: 3, Snoozed: 3, Skipped: 1, DeadLettered: 2, SkipReasons: map[string]int64{"seen before": 1}}
		s := j.Stats()
		got := Stats{Handled: s.Handled, Failed: s.Failed, Snoozed: s.Snoozed, Skipped: s.Skipped, DeadLettered: s.DeadLettered, SkipReasons: s.SkipReasons}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("stats (-want +got)\n%s", diff)
		}
		for n, attempts := range map[int64][]int{0: {1}, 1: {1, 1, 1, 1}, 2: {1, 2}, 3: {1}, 4: {1}, 5: {1}} {
			var got []int
			for i, c := range seen.get(n) {
				got = append(got, c.Attempt)
				if i > 0 && c.at.Sub(seen.get(n)[i-1].at) < wait {
					t.Errorf("event %d was tried again too soon", n)
				}
			}
			if !slices.Equal(got, attempts) {
				t.Errorf("event %d had attempts %v, want %v", n, got, attempts)
			}
		}
		dead := w.read("t.g.dead")
		if len(dead) != 2 || header(dead[0], HeaderDeliveryCount) != "1" {
			t.Errorf("%d dead letters", len(dead))
		}
	})
}

// TestLongWaitsGoToTheRetryTopicAndShortOnesStay has handlers ask for waits around the delays of the tiers.
func TestLongWaitsGoToTheRetryTopicAndShortOnesStay(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, concurrency int) {
		w := newWorld(t)
		w.topic("t", 1, false)
		waits := map[int64]error{1: Snooze(20 * time.Millisecond), 2: Snooze(4 * time.Second), 3: RetryAfter(60*time.Millisecond, errBroken)}
		for n := range int64(4) {
			w.put("t", 0, rec{key: fmt.Sprint(n), value: pingValue(n, "x")})
		}
		cfg := w.retrying(50 * time.Millisecond)
		cfg.Concurrency = concurrency
		var seen calls
		j := w.start(cfg, On(func(ctx context.Context, p ping) error {
			if seen.add(ctx, p) == 0 {
				return waits[p.N]
			}
			return nil
		}))
		eventually(t, "every event is handled", func() bool { return j.Stats().Handled == 4 })
		eventually(t, "copies are acknowledged", func() bool {
			return w.committedOf("g.retry", "t.g.retry.50ms", 0) == int64(len(w.read("t.g.retry.50ms")))
		})
		j.stop()
		for n, want := range map[int64]struct {
			attempt int
			wait    time.Duration
		}{1: {1, 20 * time.Millisecond}, 2: {1, 4 * time.Second}, 3: {2, 60 * time.Millisecond}} {
			got := seen.get(n)
			if len(got) != 2 || got[1].Attempt != want.attempt || got[1].Retry != 0 || got[1].Offset != n || got[1].at.Sub(got[0].at) < want.wait-soon {
				t.Errorf("event %d: %+v", n, got)
			}
		}
		// The second goes round: 50 ms in the topic each time, and what is left in place.
		var moved []string
		for _, r := range w.read("t.g.retry.50ms") {
			moved = append(moved, string(r.Key)+" "+header(r, HeaderKind)+" "+header(r, HeaderDeliveryCount)+" "+header(r, HeaderRetryTier))
		}
		slices.Sort(moved)
		rounds := len(moved) - 1
		if rounds < 2 {
			t.Errorf("moved only: %v", moved)
		}
		if diff := cmp.Diff([]string{"2 snooze 0 0", "3 handler 1 0"}, slices.Compact(moved)); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

// TestTombstonesAndTypesFindTheirHandlersFromARetryTopic has two handlers with retry tiers of their own.
func TestTombstonesAndTypesFindTheirHandlersFromARetryTopic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.put("t", 0, rec{key: "a", value: nil}, rec{key: "b", value: pingValue(1, "x")}, rec{key: "c", value: encoded(pongID, pong{OK: true})})
	cfg := w.retrying()
	cfg.Policy.Attempts = 1
	tiers := func(tier time.Duration) Policy {
		return Policy{Attempts: 1, Retry: []time.Duration{tier}, DeadLetter: true}
	}
	var mu sync.Mutex
	var got []string
	once := func(ctx context.Context, what string) error {
		mu.Lock()
		defer mu.Unlock()
		info := InfoFrom(ctx)
		got = append(got, fmt.Sprint(what, " ", info.Key, " ", info.Attempt, " ", info.Event))
		if info.Attempt == 1 {
			return errBroken
		}
		return nil
	}
	j := w.start(cfg,
		OnTombstone(func(ctx context.Context, key string) error { return once(ctx, "tombstone of "+key) }).With(tiers(20*time.Millisecond)),
		On(func(ctx context.Context, _ ping) error { return once(ctx, "ping") }).With(tiers(20*time.Millisecond)),
		On(func(ctx context.Context, _ pong) error { return once(ctx, "pong") }).With(tiers(40*time.Millisecond)))
	eventually(t, "all are handled", func() bool { return j.Stats().Handled == 3 })
	j.stop()
	slices.Sort(got)
	want := []string{"ping b 1 test.Ping", "ping b 2 test.Ping", "pong c 1 test.Pong", "pong c 2 test.Pong", "tombstone of a a 1 ", "tombstone of a a 2 "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if a, b := len(w.read("t.g.retry.20ms")), len(w.read("t.g.retry.40ms")); a != 2 || b != 1 {
		t.Errorf("%d and %d events in the retry topics", a, b)
	}
}

// TestEventWaitsWhileItsRetryCopyCannotBeWritten has a broker that refuses every write.
func TestEventWaitsWhileItsRetryCopyCannotBeWritten(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, concurrency int) {
		w := newWorld(t)
		w.topic("t", 1, false)
		w.put("t", 0, rec{key: "a", value: pingValue(1, "x")}, rec{key: "b", value: pingValue(2, "x")})
		var refusing atomic.Bool
		refusing.Store(true)
		w.kafka.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
			w.kafka.KeepControl()
			if !refusing.Load() {
				return nil, nil, false
			}
			answer := req.ResponseKind().(*kmsg.ProduceResponse)
			for _, topic := range req.(*kmsg.ProduceRequest).Topics {
				at := kmsg.NewProduceResponseTopic()
				at.Topic, at.TopicID = topic.Topic, topic.TopicID
				for _, p := range topic.Partitions {
					sp := kmsg.NewProduceResponseTopicPartition()
					sp.Partition, sp.ErrorCode = p.Partition, kerr.TopicAuthorizationFailed.Code
					at.Partitions = append(at.Partitions, sp)
				}
				answer.Topics = append(answer.Topics, at)
			}
			return answer, nil, true
		})
		cfg := w.retrying(10 * time.Millisecond)
		cfg.Policy.Attempts = 1
		cfg.Concurrency = concurrency
		var got sink
		j := w.start(cfg, On(func(ctx context.Context, p ping) error {
			if p.N == 1 && InfoFrom(ctx).Attempt == 1 {
				return errBroken
			}
			return got.handle(ctx, p)
		}))
		eventually(t, "two refused copies", func() bool {
			return w.logs.FilterMessageSnippet("copy of the event is not written").Len() >= 2 && (concurrency == 0 || got.len() == 1)
		})
		if at := w.committed("t", 0); at > 0 {
			t.Errorf("committed %d before the copy was written", at)
		}
		refusing.Store(false)
		eventually(t, "both are handled", func() bool { return got.len() == 2 && w.committed("t", 0) == 2 })
		j.stop()
		if copies := w.read("t.g.retry.10ms"); len(copies) != 1 {
			t.Errorf("%d copies", len(copies))
		}
	})
}

// TestCrashBetweenCopyAndCommitHandlesTheEventAgain kills a worker that has moved an event and not committed it.
func TestCrashBetweenCopyAndCommitHandlesTheEventAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.put("t", 0, rec{key: "a", value: pingValue(1, "x")})
	cfg := w.retrying(50 * time.Millisecond)
	cfg.Policy.Attempts = 1
	cfg.Tuning.CommitInterval = time.Hour
	fail := func(ctx context.Context, _ ping) error {
		if InfoFrom(ctx).Attempt == 1 {
			return errBroken
		}
		return nil
	}
	first := w.start(cfg, On(fail))
	eventually(t, "moved", func() bool { return first.Stats().Retried == 1 })
	first.crash()
	cfg.Tuning.CommitInterval = 10 * time.Millisecond
	second := w.start(cfg, On(fail))
	eventually(t, "handled twice", func() bool { return second.Stats().Handled == 2 })
	second.stop()
	if copies := w.read("t.g.retry.50ms"); len(copies) != 2 || header(copies[0], HeaderOffset) != "0" || header(copies[1], HeaderOffset) != "0" {
		t.Errorf("copies %v", copies)
	}
}

// TestWaitingEventsSurviveARestart stops a worker while an event waits in a retry topic.
func TestWaitingEventsSurviveARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.put("t", 0, rec{key: "a", value: pingValue(1, "x")})
	const tier = 5 * time.Second // longer than any pause of the machine: the first worker is not to see the end of it
	cfg := w.retrying(tier)
	cfg.Policy.Attempts = 1
	cfg.Start = reader.AtEnd() // of its topic; the retry topic is read from its start all the same
	var seen calls
	handler := On(func(ctx context.Context, p ping) error {
		seen.add(ctx, p)
		if InfoFrom(ctx).Attempt == 1 {
			return errBroken
		}
		return nil
	})
	first := w.start(cfg, handler)
	eventually(t, "started at the end", func() bool { return w.committed("t", 0) == 1 })
	w.put("t", 0, rec{key: "a", value: pingValue(2, "x")})
	eventually(t, "moved", func() bool { return first.Stats().Retried == 1 })
	first.stop()
	if at := w.committed("t", 0); at != 2 {
		t.Errorf("committed %d", at)
	}
	second := w.start(cfg, handler)
	eventually(t, "handled", func() bool { return second.Stats().Handled == 1 })
	second.stop()
	got := seen.get(2)
	if len(got) != 2 || got[1].at.Sub(got[0].at) < tier {
		t.Errorf("got %+v", got)
	}
}

// TestEventsOfEarlierRetryTiersAreNotForgotten changes the tiers while an event waits, and then takes them away.
func TestEventsOfEarlierRetryTiersAreNotForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.source("t.g.retry.notes", 1, nil) // of somebody else
	w.put("t", 0, rec{key: "a", value: pingValue(1, "x")}, rec{key: "b", value: pingValue(2, "x")})
	cfg := w.retrying(5 * time.Second) // longer than any pause of the machine: the first worker is not to see the end of it
	cfg.Policy.Attempts = 1
	first := w.start(cfg, On(func(context.Context, ping) error { return errBroken }))
	eventually(t, "moved", func() bool { return first.Stats().Retried == 2 })
	first.stop()

	var got calls
	handle := func(ctx context.Context, p ping) error {
		if before := got.add(ctx, p); p.N == 2 && before == 0 {
			return Snooze(time.Hour)
		}
		return nil
	}
	cfg.Policy.Retry = []time.Duration{time.Hour}
	second := w.start(cfg, On(handle))
	eventually(t, "one handled, one moved", func() bool { return second.Stats().Handled == 1 && second.Stats().Retried == 1 })
	second.stop()
	if c := got.get(1); len(c) != 1 || c[0].Attempt != 2 || c[0].Retry != 1 || c[0].Topic != "t" {
		t.Errorf("got %+v", c)
	}
	cfg.Policy = Policy{Attempts: 1}
	third := w.start(cfg, On(handle))
	eventually(t, "the other's topic is read", func() bool {
		return third.Stats().Rebalances >= 2 && slices.ContainsFunc(third.State().Retries, func(r RetryState) bool { return r.Topic == "t.g.retry.1h" && r.Waiting == 1 })
	})
	third.stop()
}

// TestRetryGroupRebalancesAlone has a second member join only the group of the retry topics.
func TestRetryGroupRebalancesAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 2, false)
	j := w.start(w.retrying(time.Hour), On(func(context.Context, ping) error { return nil }))
	eventually(t, "both groups joined", func() bool { return j.Stats().Rebalances == 2 && j.Stats().Assigned == 2 })
	other := w.config("t.g.retry.1h")
	other.Group = "g.retry"
	k := w.start(other, On(func(context.Context, ping) error { return nil }))
	eventually(t, "the retry topic is shared", func() bool { return k.Stats().Assigned == 1 })
	if j.Stats().Assigned != 2 || w.logs.FilterMessageSnippet("revoking").Len() != 1 {
		t.Errorf("the worker's own topic took part: %+v", j.Stats())
	}
	k.stop()
	j.stop()
}

// TestPartitionThatRestsIsNotPolled has more events in a retry topic than are fetched at a time, the first of them due in an hour.
func TestPartitionThatRestsIsNotPolled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.source("t.g.retry.1h", 2, nil)
	var recs []rec
	for n := range int64(30) {
		recs = append(recs, rec{key: "k", value: pingValue(n, strings.Repeat("x", 1000)), at: time.Now().UnixMilli()})
	}
	for range 20 {
		w.put("t.g.retry.1h", 0, recs...)
	}
	j := w.start(w.retrying(time.Hour), On(new(sink).handle))
	eventually(t, "the partition rests, with a chunk in wait", func() bool {
		return slices.ContainsFunc(j.State().Retries, func(r RetryState) bool { return r.Waiting == 600 && !r.Next.IsZero() }) && j.Stats().FetchedBytes > 2*maxRetryFetch*3/4
	})
	began, before := time.Now(), j.Stats().Fetches
	<-time.After(time.Second)
	// Two requests wait half a second each at the broker; a chunk that is about to be taken would have it asked every 80 ms.
	polls := j.Stats().Fetches - before
	if seconds := time.Since(began).Seconds(); float64(polls) > 8*seconds { // which are more on a machine that is busy
		t.Errorf("%d fetches in %.1f seconds", polls, seconds)
	}
	j.stop()
	if s := j.Stats(); s.Handled != 0 || w.committedOf("g.retry", "t.g.retry.1h", 0) > 0 {
		t.Errorf("stats %+v", s)
	}
}

// TestStrangersInARetryTopicAreHandledOnce puts records into a retry topic that no worker wrote.
func TestStrangersInARetryTopicAreHandledOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.source("t.g.retry.20ms", 1, nil)
	w.put("t.g.retry.20ms", 0,
		rec{key: "a", value: pingValue(1, "x"), at: time.Now().Add(time.Hour).UnixMilli()}, // from a clock that is ahead
		rec{key: "b", value: pingValue(2, "x"), at: 5, headers: []headrace.Header{{Key: HeaderTopic, Value: []byte("elsewhere")}, {Key: HeaderRetryDue, Value: []byte("never")}}},
		rec{key: "c", value: []byte{9}})
	cfg := w.retrying(20 * time.Millisecond)
	cfg.Start = reader.AtEnd() // of its topic; what waits in a retry topic is never skipped
	var seen calls
	j := w.start(cfg, On(func(ctx context.Context, p ping) error {
		seen.add(ctx, p)
		if p.N == 2 {
			return Permanent(errBroken)
		}
		return nil
	}))
	eventually(t, "at their end", func() bool { return j.Stats().DeadLettered == 2 && j.Stats().Handled+j.Stats().Retried >= 1 })
	j.stop()
	if got := seen.get(2); len(got) != 1 || got[0].Topic != "t.g.retry.20ms" || got[0].Offset != 1 || got[0].Attempt != 1 {
		t.Errorf("got %+v", got)
	}
	for _, dead := range w.read("t.g.dead") {
		if header(dead, HeaderTopic) != "t.g.retry.20ms" {
			t.Errorf("dead letter %+v", dead)
		}
	}
}

// TestWithoutADeadLetterTheLastRetryTierEndsTheWorker has an event that fails on the last tier.
func TestWithoutADeadLetterTheLastRetryTierEndsTheWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.put("t", 0, rec{key: "a", value: pingValue(1, "x")})
	cfg := w.retrying(10 * time.Millisecond)
	cfg.Policy.DeadLetter = false
	failure := asError[*HandlerError](t, w.start(cfg, On(func(context.Context, ping) error { return errBroken })).wait())
	if failure.Location != (headrace.Location{Topic: "t.g.retry.10ms", Partition: 0, Offset: 0}) || failure.Attempts != 3 || !errors.Is(failure, errBroken) {
		t.Errorf("got %+v", failure)
	}
	if at := w.committedOf("g.retry", "t.g.retry.10ms", 0); at > 0 {
		t.Errorf("committed %d", at)
	}
}

func TestReasonsAreBounded(t *testing.T) {
	t.Parallel()
	var r reasons
	for n := range 3 * maxReasons {
		r.add(fmt.Sprint("reason ", n))
	}
	r.add("reason 0")
	r.add(strings.Repeat("é", maxReason))
	counts := map[string]int64{"reason 1": 1}
	r.addTo(counts)
	if len(counts) != maxReasons+1 || counts["reason 0"] != 2 || counts["reason 1"] != 2 || counts[otherReason] != 2*maxReasons+1 {
		t.Errorf("%d reasons, %v", len(counts), counts)
	}
}

func TestWorkerDoesNotStartWithoutItsRetryTopics(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 2, false)
	cfg := w.retrying(time.Minute, time.Hour)
	cfg.Tuning.CreateTopics = false
	err := w.start(cfg, On(new(sink).handle)).wait()
	for _, name := range []string{"t.g.retry.1m", "t.g.retry.1h", "t.g.dead"} {
		if err == nil || !strings.Contains(err.Error(), "headrace topics create "+name+" --partitions 2") {
			t.Errorf("error does not tell of %s: %v", name, err)
		}
	}
}
