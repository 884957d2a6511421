package consumer

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/consumer/internal/progress"
)

// mortal runs workers one after another that die of some events.
type mortal struct {
	w      *world
	cfg    Config
	poison func(Info, ping) bool
	work   func(context.Context) // of other events
	first  func(Info) error      // when it returns an error, that is what the handler returns
	deaths chan struct{}

	mu      sync.Mutex
	handled map[int64]int
	tries   map[int64][]int // Info.Attempt of each time an event was poison
	most    int             // handlers at once while poison was in hand
	hand    int
}

func newMortal(w *world, cfg Config, poison func(Info, ping) bool) *mortal {
	return &mortal{w: w, cfg: cfg, poison: poison, deaths: make(chan struct{}, 1), handled: map[int64]int{}, tries: map[int64][]int{}}
}

func (m *mortal) handle(ctx context.Context, p ping) error {
	info := InfoFrom(ctx)
	if m.first != nil {
		if err := m.first(info); err != nil {
			return err
		}
	}
	m.mu.Lock()
	m.hand++
	poison := m.poison(info, p)
	if poison {
		m.tries[p.N] = append(m.tries[p.N], info.Attempt)
		m.most = m.hand
	}
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.hand--
		if ctx.Err() == nil && !poison {
			m.handled[p.N]++
		}
	}()
	if poison {
		select {
		case m.deaths <- struct{}{}:
		default:
		}
		<-ctx.Done() // nobody hears of this handler again
		return ctx.Err()
	}
	if m.work != nil {
		m.work(ctx)
	}
	return nil
}

// live runs a worker until it dies of an event, or until it has nothing left to do. It returns what Run returned.
func (m *mortal) live(over func() bool) (died bool, err error) {
	m.w.t.Helper()
	j := m.w.start(m.cfg, On(m.handle))
	ended := false
	eventually(m.w.t, "death or the end", func() bool {
		select {
		case <-m.deaths:
			died = true
		case <-j.done:
			ended = true
		default:
		}
		return died || ended || over()
	})
	switch {
	case died:
		j.crash()
	case ended:
		return false, j.err
	default:
		j.stop()
	}
	return died, nil
}

func (m *mortal) committed(offsets int64) func() bool {
	return func() bool { return m.w.committed("t", 0) == offsets }
}

// TestAnEventThatKillsIsDeadLettered has one event among many that takes its process with it: after as many deaths as its policy has
// attempts it is a dead letter, and every other event was handled.
func TestAnEventThatKillsIsDeadLettered(t *testing.T) {
	t.Parallel()
	for _, lanes := range []int{0, 1, 8} {
		t.Run(strconv.Itoa(lanes)+" lanes", func(t *testing.T) {
			t.Parallel()
			const events, killer = 300, 211
			w := newWorld(t)
			w.topic("t", 1, true)
			w.unkeyed(0, events)
			cfg := w.laned(lanes)
			cfg.Policy.DeadLetter = true // of 3 attempts
			m := newMortal(w, cfg, func(_ Info, p ping) bool { return p.N == killer })
			deaths := 0
			for {
				died, err := m.live(m.committed(events))
				if err != nil {
					t.Fatal(err)
				}
				if !died {
					break
				}
				if deaths++; deaths > 10 {
					t.Fatal("it goes on killing")
				}
			}
			if deaths != 3 {
				t.Errorf("%d deaths, want 3", deaths)
			}
			if tries := m.tries[killer]; !slices.Equal(tries, []int{1, 1, 1}) { // the third was the first time alone
				t.Errorf("attempts %v", tries)
			}
			if m.most != 1 {
				t.Errorf("%d events were in hand at the last death", m.most)
			}
			for n := range int64(events) {
				if n != killer && m.handled[n] == 0 {
					t.Errorf("event %d was never handled", n)
				}
			}
			dead := w.read(DeadLetterTopic("t", "g"))
			if len(dead) != 1 || header(dead[0], HeaderKind) != "crash" || header(dead[0], HeaderOffset) != "211" ||
				header(dead[0], HeaderDeliveryCount) != "3" {
				t.Errorf("dead letters %+v", dead)
			}
			if n := w.note(); n.Mark != (progress.Mark{}) || len(n.Done.Beyond()) > 0 {
				t.Errorf("metadata says %+v", n)
			}
		})
	}
}

// TestAnEventThatKillsFromARetryTopicIsDeadLettered: deaths count in a retry topic as they do in its source, on top of the attempts that
// the event has made before, and none of the events that wait beside it is charged.
func TestAnEventThatKillsFromARetryTopicIsDeadLettered(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, concurrency int) {
		const events, killer = 20, 11
		w := newWorld(t)
		w.topic("t", 1, true)
		w.unkeyed(0, events)
		cfg := w.laned(concurrency)
		cfg.Policy.Retry, cfg.Policy.DeadLetter, cfg.Tuning.CreateTopics = []time.Duration{time.Second}, true, true
		m := newMortal(w, cfg, func(_ Info, p ping) bool { return p.N == killer })
		m.first = func(info Info) error {
			if info.Retry == 0 {
				return errBroken
			}
			return nil
		}
		// All of them wait in the retry topic before it is read, so that none has two copies there.
		unread := w.kafka.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.JoinGroup}, Err: kerr.CoordinatorLoadInProgress, Count: -1, When: func(req kmsg.Request) bool {
			return req.(*kmsg.JoinGroupRequest).Group == "g.retry"
		}})
		if died, err := m.live(m.committed(events)); died || err != nil {
			t.Fatalf("died %t, %v", died, err)
		}
		unread.Remove()
		deaths := 0
		for ; ; deaths++ {
			died, err := m.live(func() bool { return w.committedOf("g.retry", "t.g.retry.1s", 0) == events })
			if err != nil || deaths > 10 {
				t.Fatalf("after %d deaths: %v", deaths, err)
			}
			if !died {
				break
			}
		}
		if deaths != 3 || m.most != 1 {
			t.Errorf("%d deaths, want 3; %d events in hand at the last", deaths, m.most)
		}
		dead := w.read(DeadLetterTopic("t", "g"))
		if len(dead) != 1 || header(dead[0], HeaderKind) != "crash" || header(dead[0], HeaderTopic) != "t" ||
			header(dead[0], HeaderOffset) != "11" || header(dead[0], HeaderDeliveryCount) != "6" {
			t.Errorf("dead letters %+v", dead)
		}
		for n := range int64(events) {
			if n != killer && m.handled[n] == 0 {
				t.Errorf("event %d was never handled", n)
			}
		}
	})
}

// TestABystanderInAnotherPartitionIsNotCharged has a slow event in one partition, and one in another that kills the worker each time
// before the slow one is through, unless that is handed over alone.
func TestABystanderInAnotherPartitionIsNotCharged(t *testing.T) {
	t.Parallel()
	const slow, killer = 0, 1
	w := newWorld(t)
	w.topic("t", 2, true)
	w.put("t", 0, rec{value: pingValue(slow, "w"), at: 1000})
	w.put("t", 1, rec{value: pingValue(killer, "w"), at: 1000})
	cfg := w.laned(4)
	cfg.Policy.DeadLetter = true
	m := newMortal(w, cfg, func(_ Info, p ping) bool { return p.N == killer })
	m.work = func(ctx context.Context) {
		select {
		case <-time.After(300 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	for deaths := 0; ; deaths++ {
		died, err := m.live(func() bool { return w.committed("t", 0) == 1 && w.committed("t", 1) == 1 })
		if err != nil || deaths > 10 {
			t.Fatalf("after %d deaths: %v", deaths, err)
		}
		if !died {
			break
		}
	}
	dead := w.read(DeadLetterTopic("t", "g"))
	if len(dead) != 1 || header(dead[0], HeaderPartition) != "1" || m.handled[slow] != 1 {
		t.Errorf("the slow event was handled %d times; dead letters %+v", m.handled[slow], dead)
	}
}

// TestWithoutDeadLetterAKillerStopsTheWorker names the event, and hands it over once more after an orderly restart, when its handler may
// have been mended.
func TestWithoutDeadLetterAKillerStopsTheWorker(t *testing.T) {
	t.Parallel()
	const events, killer = 40, 21
	w := newWorld(t)
	w.topic("t", 1, false)
	w.unkeyed(0, events)
	mended := false
	m := newMortal(w, w.laned(4), func(_ Info, p ping) bool { return p.N == killer && !mended })
	for deaths := 0; ; deaths++ {
		died, err := m.live(m.committed(events))
		if died && deaths < 3 {
			continue
		}
		crash := asError[*CrashError](t, err)
		if crash.Offset != killer || crash.Topic != "t" || crash.Deaths != 3 || deaths != 3 {
			t.Errorf("after %d deaths: %v", deaths, crash)
		}
		break
	}
	if at := w.committed("t", 0); at > killer {
		t.Errorf("committed %d", at)
	}
	mended = true
	if died, err := m.live(m.committed(events)); died || err != nil {
		t.Errorf("mended: died %t, %v", died, err)
	}
	if m.handled[killer] != 1 {
		t.Errorf("the killer was handled %d times", m.handled[killer])
	}
}

// TestDeathsThatAreNoEventsDoing kill workers at any moment: nothing is dead-lettered, nothing is lost, and what the group was told is
// done is not repeated.
func TestDeathsThatAreNoEventsDoing(t *testing.T) {
	t.Parallel()
	const events = 3000
	w := newWorld(t)
	w.topic("t", 1, true)
	for i := range int64(events / 500) {
		w.unkeyed(i*500, 500)
	}
	cfg := w.laned(8)
	cfg.Policy.DeadLetter = true
	var mu sync.Mutex
	handled := map[int64]int{}
	told := map[int64]bool{}
	work := func(ctx context.Context, p ping) error {
		mu.Lock()
		defer mu.Unlock()
		if told[p.N] {
			t.Errorf("event %d is handled again, though the group has been told that it is done", p.N)
		}
		handled[p.N]++
		return nil
	}
	for life := range 12 {
		before := len(handled)
		j := w.start(cfg, On(func(ctx context.Context, p ping) error {
			<-time.After(200 * time.Microsecond)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return work(ctx, p)
		}))
		eventually(t, "some work", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(handled) >= min(events, before+100+life)
		})
		j.crash()
		n := w.note()
		for o := range int64(events) {
			told[o] = n.Done.Has(o)
		}
	}
	j := w.start(cfg, On(work))
	eventually(t, "all done", func() bool { return w.committed("t", 0) == events })
	j.stop()
	if len(handled) != events {
		t.Errorf("%d events were handled", len(handled))
	}
	if dead := w.read(DeadLetterTopic("t", "g")); len(dead) > 0 {
		t.Errorf("%d dead letters", len(dead))
	}
}

// TestAStuckSuspectHoldsNoOther has suspects in two partitions that have their turns alone. The handler of the first to have its turn never
// returns.
func TestAStuckSuspectHoldsNoOther(t *testing.T) {
	t.Parallel()
	for _, lanes := range []int{0, 1, 4} {
		t.Run(strconv.Itoa(lanes)+" lanes", func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.grace = quickGrace
			w.topic("t", 2, false)
			for p := range int32(2) {
				w.pings("t", p, int64(p)*100, 3)
				w.plant(p, &progress.Note{Mark: progress.Mark{Working: true, Reach: 3, Deaths: 1}})
			}
			cfg := w.laned(lanes)
			cfg.Policy.Timeout = 10 * time.Millisecond
			release := make(chan struct{})
			defer close(release)
			var first atomic.Bool
			var got sink
			j := w.start(cfg, On(func(ctx context.Context, p ping) error {
				if !first.Swap(true) {
					<-release
				}
				return got.handle(ctx, p)
			}))
			eventually(t, "the handler is given up", func() bool { return j.Stats().Stuck == 1 })
			eventually(t, "the other partition is through", func() bool { return max(w.committed("t", 0), w.committed("t", 1)) == 3 })
			j.cancel()
		})
	}
}

// TestASuspectThatWaitsHoldsNoOther is the same for one that waits for its next attempt, for its copy to be written, or for the registry.
func TestASuspectThatWaitsHoldsNoOther(t *testing.T) {
	t.Parallel()
	const turn = "handling events that may have killed the last worker"
	for name, of := range map[string]struct {
		policy Policy
		value  []byte
		begins string // the log line by which the first is known to wait, or to have its turn
	}{
		"for its next attempt": {Policy{Attempts: 9, Backoff: Backoff{Initial: time.Hour, Max: time.Hour}}, pingValue(0, "w"), turn},
		"for its copy":         {Policy{Attempts: 3, Backoff: Backoff{Initial: time.Millisecond}, DeadLetter: true}, pingValue(0, "w"), turn},
		"for the registry":     {Policy{Attempts: 9}, encoded(pongID, pong{}), "event waits for an outage to end"},
	} {
		for _, lanes := range []int{0, 4} {
			t.Run(name+" "+strconv.Itoa(lanes)+" lanes", func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.topic("t", 2, true)
				w.put("t", 0, rec{value: of.value, at: 1000})
				w.pings("t", 1, 1, 1)
				for p := range int32(2) {
					w.plant(p, &progress.Note{Mark: progress.Mark{Working: true, Reach: 1, Deaths: 1}})
				}
				w.kafka.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: DeadLetterTopic("t", "g"), Err: kerr.NotEnoughReplicas, Count: -1})
				if _, err := w.registry.Schema(t.Context(), pingID); err != nil {
					t.Fatal(err)
				}
				w.down.Store(true)
				// The second partition begins when the suspect of the first has had its turn.
				fault := w.kafka.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Partitions: []int32{1}, Err: kerr.LeaderNotAvailable, Count: -1})
				cfg := w.laned(lanes)
				cfg.Policy = of.policy
				var got sink
				j := w.start(cfg, On(func(ctx context.Context, p ping) error {
					if p.N == 0 {
						return errors.New("not now")
					}
					return got.handle(ctx, p)
				}), On(func(context.Context, pong) error { return nil }))
				eventually(t, "the first has its turn", func() bool {
					return w.logs.FilterMessage(of.begins).Len() > 0
				})
				fault.Remove()
				eventually(t, "the second is through", func() bool { return w.committed("t", 1) == 1 })
				j.cancel()
			})
		}
	}
}

// TestSuspectsWaitForNoCommitThatCannotBe holds that an outage of the coordinator stops nobody who is above suspicion.
func TestSuspectsWaitForNoCommitThatCannotBe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	for i := range int64(20) {
		w.unkeyed(i*500, 500)
	}
	cfg := w.laned(4)
	cfg.Tuning.CommitInterval = time.Hour
	cfg.Tuning.DrainTimeout = time.Second
	fault := w.kafka.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.CoordinatorNotAvailable, Count: -1,
		When: func(req kmsg.Request) bool { // but for the start
			return req.(*kmsg.OffsetCommitRequest).Topics[0].Partitions[0].Offset > 0
		},
	})
	var got sink
	j := w.start(cfg, On(got.handle))
	eventually(t, "10000 events, far beyond what was told", func() bool { return got.len() == 10_000 })
	fault.Remove()
	j.stop()
	if at := w.committed("t", 0); at != 10_000 {
		t.Errorf("committed %d", at)
	}
}

// charges counts the commits that charge events of partition 0 of topic t with the death of a worker.
func (w *world) charges() *atomic.Int64 {
	w.t.Helper()
	topic, err := w.client.Topic(w.t.Context(), "t")
	if err != nil {
		w.t.Fatal(err)
	}
	log := progress.Log{Cluster: w.client.ClusterID(), Topic: topic.ID}
	charges := new(atomic.Int64)
	w.kafka.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		w.kafka.KeepControl()
		c := req.(*kmsg.OffsetCommitRequest).Topics[0].Partitions[0]
		if n, err := progress.Decode(log, c.Offset, *c.Metadata); err == nil && n.Mark.Working && n.Mark.Deaths > 0 {
			charges.Add(1)
		}
		return nil, nil, false
	})
	return charges
}

// TestATurnIsCommittedOnlyWhileTheCoordinatorAnswers: a commit that charges an event, and whose answer does not come, would charge it with a
// kill meanwhile although no handler has begun.
func TestATurnIsCommittedOnlyWhileTheCoordinatorAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, true)
	w.unkeyed(0, 1)
	cfg := w.laned(2)
	cfg.Policy = Policy{Attempts: 5, DeadLetter: true}
	m := newMortal(w, cfg, func(Info, ping) bool { return true })
	if died, err := m.live(func() bool { return false }); !died {
		t.Fatalf("the first worker did not die: %v", err)
	}
	charged := w.charges()
	var asked atomic.Int64
	var open atomic.Bool
	w.kafka.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.OffsetFetch}, Err: kerr.CoordinatorLoadInProgress, Count: -1,
		When: func(kmsg.Request) bool { // not while the worker finds out where to begin
			return !open.Load() && w.logs.FilterMessageSnippet("last worker died").Len() > 0 && asked.Add(1) > 0
		},
	})
	j := w.start(m.cfg, On(m.handle))
	eventually(t, "the coordinator is asked again and again", func() bool { return asked.Load() > 4 || charged.Load() > 0 })
	if charged.Load() > 0 || len(m.deaths) > 0 {
		t.Errorf("while the coordinator did not answer, %d commits charged the event, and handlers began: %t", charged.Load(), len(m.deaths) > 0)
	}
	open.Store(true)
	eventually(t, "the event is handed over", func() bool { return len(m.deaths) > 0 })
	if charged.Load() == 0 {
		t.Error("the event was handed over without a commit that says so")
	}
	j.crash()
}

// TestAnEventThatWaitsForTheRegistryIsInNobodysHands: a worker that is killed meanwhile does not count against the event.
func TestAnEventThatWaitsForTheRegistryIsInNobodysHands(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, true)
	w.unkeyed(0, 1)
	cfg := w.laned(2)
	cfg.Policy = Policy{Attempts: 5, DeadLetter: true}
	m := newMortal(w, cfg, func(Info, ping) bool { return true })
	if died, err := m.live(func() bool { return false }); !died {
		t.Fatalf("the first worker did not die: %v", err)
	}
	charged := w.charges()
	m.cfg.Registry = w.asking(patience) // which knows no schema yet
	w.down.Store(true)
	j := w.start(m.cfg, On(m.handle))
	eventually(t, "the event waits for the registry", func() bool {
		return w.logs.FilterMessage("event waits for an outage to end").Len() > 1 || charged.Load() > 0
	})
	if charged.Load() > 0 {
		t.Errorf("%d commits charged the event while it waited", charged.Load())
	}
	w.down.Store(false)
	eventually(t, "the event is handed over", func() bool { return len(m.deaths) > 0 })
	if charged.Load() == 0 {
		t.Error("the event was handed over without a commit that says so")
	}
	j.crash()
}
