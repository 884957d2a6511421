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

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/consumer/internal/group"
	"github.com/headrace/headrace/internal/kafka"
)

// ledger checks what all workers of a group did with the events of topic t, which are numbered by partition and offset.
type ledger struct {
	t       *testing.T
	mu      sync.Mutex
	running map[int32]string // by partition: the worker whose handler runs
	last    map[int32]int64
	times   map[string]int
	total   atomic.Int64
	repeats int
}

func newLedger(t *testing.T) *ledger {
	return &ledger{t: t, running: map[int32]string{}, last: map[int32]int64{}, times: map[string]int{}}
}

// handler fails the test when two workers handle one partition at once, or an event that is not the next of its partition, unless it
// was handled before.
func (l *ledger) handler(worker string, work func(context.Context)) Handler {
	return On(func(ctx context.Context, _ ping) error {
		info := InfoFrom(ctx)
		l.mu.Lock()
		if other := l.running[info.Partition]; other != "" {
			l.t.Errorf("partition %d: %s and %s at once", info.Partition, other, worker)
		}
		l.running[info.Partition] = worker
		next := l.last[info.Partition]
		if info.Offset > next {
			l.t.Errorf("partition %d: %s handles offset %d, next is %d", info.Partition, worker, info.Offset, next)
		}
		if info.Offset == next {
			l.last[info.Partition] = next + 1
		}
		id := fmt.Sprint(info.Partition, "/", info.Offset)
		if l.times[id]++; l.times[id] > 1 {
			l.repeats++
		}
		l.mu.Unlock()

		work(ctx)

		l.mu.Lock()
		delete(l.running, info.Partition)
		l.mu.Unlock()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		l.total.Add(1)
		return nil
	})
}

func (l *ledger) distinct() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.times)
}

// TestRebalanceStorm is row 17 of the fault matrix, with orderly leaves: nothing is lost, nothing is handled twice, no partition has two
// owners, and no committed offset goes back.
func TestRebalanceStorm(t *testing.T) {
	t.Parallel()
	const partitions, events = 6, 3000
	w := newWorld(t)
	w.topic("t", partitions, false)
	l := newLedger(t)
	work := func(context.Context) { <-time.After(200 * time.Microsecond) }
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		last := map[int32]int64{}
		for ctx.Err() == nil {
			for p := range int32(partitions) {
				at := w.committed("t", p)
				if at < last[p] && at >= 0 {
					t.Errorf("partition %d: committed %d after %d", p, at, last[p])
				}
				last[p] = at
			}
			<-time.After(time.Millisecond)
		}
	})
	defer wg.Wait()
	defer cancel()

	steady := w.start(w.config("t"), l.handler("steady", work))
	wg.Go(func() {
		for i := range int64(events / partitions / 10) {
			for p := range int32(partitions) {
				w.pings("t", p, i*10, 10)
			}
		}
	})
	var jobs []*job
	for i := range 12 {
		jobs = append(jobs, w.start(w.config("t"), l.handler(fmt.Sprint("w", i), work)))
		before := l.total.Load()
		eventually(t, "some progress", func() bool { return l.total.Load() > before+20 || l.distinct() == events })
		if len(jobs) > 2 {
			jobs[0].stop()
			jobs = jobs[1:]
		}
	}
	eventually(t, "all events handled", func() bool { return l.distinct() == events })
	for _, j := range append(jobs, steady) {
		j.stop()
	}
	if l.repeats > 0 {
		t.Errorf("%d events handled twice", l.repeats)
	}
	for p := range int32(partitions) {
		if at := w.committed("t", p); at != events/partitions {
			t.Errorf("partition %d: committed %d", p, at)
		}
	}
}

// TestCrashRepeatsOnlyWhatWasNotCommitted is row 16: workers die without a word while others take over.
func TestCrashRepeatsOnlyWhatWasNotCommitted(t *testing.T) {
	t.Parallel()
	const partitions, events = 4, 2000
	w := newWorld(t)
	w.topic("t", partitions, false)
	for p := range int32(partitions) {
		w.pings("t", p, 0, events/partitions)
	}
	l := newLedger(t)
	var calls atomic.Int64
	work := func(ctx context.Context) {
		calls.Add(1)
		select {
		case <-time.After(300 * time.Microsecond):
		case <-ctx.Done():
		}
	}
	cfg := w.config("t")
	cfg.Tuning.SessionTimeout = 6 * time.Second // which no pause of the machine uses up: a survivor that is taken for dead may handle beside its successor
	survivor := w.start(cfg, l.handler("survivor", work))
	for i := range 2 {
		victim := w.start(cfg, l.handler(fmt.Sprint("victim", i), work))
		eventually(t, "victim at work", func() bool { return victim.Stats().Handled > 5 || l.distinct() == events })
		victim.crash()
	}
	eventually(t, "all events handled", func() bool { return l.distinct() == events })
	for p := range int32(partitions) { // before the end: a worker whose short session was over just then commits nothing at its end
		eventually(t, "all events committed", func() bool { return w.committed("t", p) == events/partitions })
	}
	survivor.stop()
	t.Logf("%d of %d events were handled again over 2 crashes", l.repeats, events)
}

func TestRevokedHandlerIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 2, false)
	w.pings("t", 0, 0, 1)
	w.pings("t", 1, 0, 1)
	var entered sync.WaitGroup
	entered.Add(2)
	release := make(chan struct{})
	first := w.start(w.config("t"), On(func(ctx context.Context, _ ping) error {
		entered.Done()
		<-release
		return ctx.Err()
	}))
	entered.Wait()

	var second sink
	other := w.start(w.config("t"), On(second.handle))
	eventually(t, "a partition revoked", func() bool { return w.logs.FilterMessage("revoking partitions").Len() > 0 })
	if second.len() > 0 {
		t.Error("the event was handled twice")
	}
	close(release)
	eventually(t, "partition handed over", func() bool { return other.Stats().Assigned == 1 && first.Stats().Assigned == 1 })
	first.stop()
	other.stop()
	if second.len() > 0 || w.committed("t", 0) != 1 || w.committed("t", 1) != 1 {
		t.Errorf("handled again: %d; committed %d, %d", second.len(), w.committed("t", 0), w.committed("t", 1))
	}
}

func TestRevokedHandlerIsCanceledAfterTheDrainTimeout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 2, false)
	w.pings("t", 0, 0, 1)
	w.pings("t", 1, 0, 1)
	cfg := w.config("t")
	cfg.Tuning.DrainTimeout = 50 * time.Millisecond
	causes := make(chan error, 2)
	var entered sync.WaitGroup
	entered.Add(2)
	first := w.start(cfg, On(func(ctx context.Context, _ ping) error {
		entered.Done()
		<-ctx.Done()
		causes <- context.Cause(ctx)
		return ctx.Err()
	}))
	entered.Wait()
	var second sink
	other := w.start(cfg, On(second.handle))
	if cause := <-causes; !errors.Is(cause, ErrRevoked) {
		t.Errorf("cause %v", cause)
	}
	eventually(t, "the event handled by the other", func() bool { return second.len() == 1 })
	first.stop()
	other.stop()
	if s := first.Stats(); s.Failed != 0 || s.Interrupted != 2 {
		t.Errorf("stats %+v", s)
	}
}

// TestHeartbeatsGoOnWhileAHandlerIsSlow is row 18: a handler may take as long as it likes.
func TestHeartbeatsGoOnWhileAHandlerIsSlow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.pings("t", 0, 0, 1)
	beats := w.kafka.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Observe: true, Count: -1})
	j := w.start(w.config("t"), On(func(ctx context.Context, _ ping) error {
		before := beats.Hits()
		eventually(t, "30 heartbeats beside a running handler", func() bool { return beats.Hits() > before+30 })
		return ctx.Err()
	}))
	eventually(t, "committed", func() bool { return w.committed("t", 0) == 1 })
	j.stop()
	if s := j.Stats(); s.Rebalances != 1 || s.Handled != 1 || s.Lost != 0 {
		t.Errorf("stats %+v", s)
	}
}

// TestLostMembershipEndsHandlersAndCommitsNothing is row 18 as well: the group gives the partition away while the handler runs.
func TestLostMembershipEndsHandlersAndCommitsNothing(t *testing.T) {
	t.Parallel()
	for _, code := range []*kerr.Error{kerr.UnknownMemberID, kerr.IllegalGeneration} {
		t.Run(code.Message, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.topic("t", 1, true)
			w.pings("t", 0, 0, 1)
			cfg := w.config("t")
			cfg.Policy = Policy{Attempts: 1, DeadLetter: true}
			var calls atomic.Int64
			causes := make(chan error, 1)
			entered := make(chan struct{})
			j := w.start(cfg, On(func(ctx context.Context, _ ping) error {
				if calls.Add(1) > 1 {
					return nil
				}
				close(entered)
				<-ctx.Done()
				causes <- context.Cause(ctx)
				if at := w.committed("t", 0); at > 0 {
					t.Errorf("committed %d", at)
				}
				return nil // too late: another worker may be at it
			}))
			<-entered
			lost := *j.engine.Load().owned()[0].member.Load()
			w.kafka.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Err: code})
			if cause := <-causes; !errors.Is(cause, ErrLost) || !errors.Is(cause, code) {
				t.Errorf("cause %v", cause)
			}
			if code == kerr.UnknownMemberID { // the broker knows it still, and its successor would wait for the end of its session
				if err := w.client.LeaveGroup(t.Context(), lost, "forgotten"); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, "handled again", func() bool { return w.committed("t", 0) == 1 })
			j.stop()
			if calls.Load() != 2 || len(w.read("t.g.dead")) != 0 || j.Stats().Lost != 1 {
				t.Errorf("%d calls, stats %+v", calls.Load(), j.Stats())
			}
		})
	}
}

// TestCoordinatorMoves is row 15.
func TestCoordinatorMoves(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kfake.NumBrokers(3))
	w.topic("t", 3, false)
	l := newLedger(t)
	cfg := w.config("t")
	a := w.start(cfg, l.handler("a", func(context.Context) {}))
	b := w.start(cfg, l.handler("b", func(context.Context) {}))
	for i := range int64(10) {
		for p := range int32(3) {
			w.pings("t", p, 10*i, 10)
		}
		w.kafka.RehashCoordinators()
	}
	eventually(t, "all handled", func() bool { return l.distinct() == 300 })
	a.stop()
	b.stop()
	for p := range int32(3) {
		if at := w.committed("t", p); at != 100 {
			t.Errorf("partition %d: committed %d", p, at)
		}
	}
}

func TestFencedStaticMemberStopsAndCommitsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.pings("t", 0, 0, 1)
	cfg := w.config("t")
	cfg.Tuning.InstanceID = "one"
	entered := make(chan struct{})
	older := w.start(cfg, On(func(ctx context.Context, _ ping) error {
		close(entered)
		<-ctx.Done()
		return nil
	}))
	<-entered
	var got sink
	newer := w.start(cfg, On(got.handle))
	fenced := asError[*FencedError](t, older.wait())
	if fenced.InstanceID != "one" || fenced.Group != "g" {
		t.Errorf("got %+v", fenced)
	}
	eventually(t, "handled by the newer", func() bool { return w.committed("t", 0) == 1 })
	newer.stop()
	if got.len() != 1 {
		t.Errorf("%d handled", got.len())
	}
}

// A worker that was put out goes on handling until it knows. Its first refused commit tells it, long before its next heartbeat.
func TestRefusedCommitIsAskedAboutAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.pings("t", 0, 0, 1)
	cfg := w.config("t")
	cfg.Tuning.InstanceID = "one"
	cfg.Tuning.SessionTimeout, cfg.Tuning.HeartbeatInterval, cfg.Tuning.CommitInterval = 3*time.Minute, time.Minute, 20*time.Millisecond
	var first, second sink
	older := w.start(cfg, On(first.handle))
	eventually(t, "handled by the older", func() bool { return w.committed("t", 0) == 1 })
	newer := w.start(cfg, On(second.handle))
	eventually(t, "the newer has joined", func() bool { return newer.Stats().Assigned == 1 })
	w.pings("t", 0, 1, 1)
	ended := make(chan error, 1)
	go func() { ended <- older.wait() }()
	select {
	case err := <-ended:
		_ = asError[*FencedError](t, err)
	case <-time.After(45 * time.Second): // of the minute
		t.Error("the older worker waits for its next heartbeat, though its commit was refused")
	}
	newer.stop()
}

func TestStaticMemberTakesItsPartitionsBackAfterARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 2, false)
	cfg := w.config("t")
	var left, before, after sink
	other := w.start(cfg, On(left.handle))
	eventually(t, "other alone", func() bool { return other.Stats().Assigned == 2 })
	cfg.Tuning.InstanceID = "one"
	first := w.start(cfg, On(before.handle))
	eventually(t, "both share", func() bool { return first.Stats().Assigned == 1 && other.Stats().Assigned == 1 })
	both := func(n int64) {
		t.Helper()
		w.pings("t", 0, n, 1)
		w.pings("t", 1, n, 1)
	}
	both(0)
	eventually(t, "both partitions handled", func() bool { return w.committed("t", 0) == 1 && w.committed("t", 1) == 1 })
	first.stop()
	both(1)
	eventually(t, "the other goes on with its own", func() bool { return left.len() == 2 })
	second := w.start(cfg, On(after.handle))
	eventually(t, "both partitions handled", func() bool { return w.committed("t", 0) == 2 && w.committed("t", 1) == 2 })
	second.stop()
	other.stop()
	if left.len() != 2 || before.len() != 1 || after.len() != 1 || before.seen[0].Partition != after.seen[0].Partition {
		t.Errorf("other handled %v, first %v, second %v", left.seen, before.seen, after.seen)
	}
}

func TestGroupOfAnotherProtocolIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	join := kafka.JoinRequest{
		Group: "g", SessionTimeout: time.Minute, RebalanceTimeout: time.Minute, ProtocolType: "consumer",
		Protocols: []kafka.GroupProtocol{{Name: "range", Metadata: []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}},
	}
	joined, err := w.client.JoinGroup(t.Context(), join)
	if !errors.Is(err, kerr.MemberIDRequired) {
		t.Fatal(err)
	}
	join.MemberID = joined.MemberID
	if joined, err = w.client.JoinGroup(t.Context(), join); err != nil {
		t.Fatal(err)
	}
	_, err = w.client.SyncGroup(t.Context(), kafka.SyncRequest{
		Member: kafka.Member{Group: "g", MemberID: joined.MemberID, Generation: joined.Generation}, ProtocolType: "consumer", Protocol: "range",
		Assignments: map[string][]byte{joined.MemberID: nil},
	})
	if err != nil {
		t.Fatal(err)
	}
	err = w.start(w.config("t"), On(new(sink).handle)).wait()
	mismatch := asError[*ProtocolError](t, err)
	if mismatch.Group != "g" || mismatch.Theirs != "range" || !strings.Contains(err.Error(), "cooperative-sticky") {
		t.Errorf("got %v", err)
	}
}

// Groups that are not of consumers are named as what they are: no setting of their members would let a worker in.
func TestGroupThatIsNotOfConsumersIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	connect := kafka.JoinRequest{
		Group: "g", SessionTimeout: time.Minute, RebalanceTimeout: time.Minute, ProtocolType: "connect", Protocols: []kafka.GroupProtocol{{Name: "sessioned"}},
	}
	joined, err := w.client.JoinGroup(t.Context(), connect)
	if !errors.Is(err, kerr.MemberIDRequired) {
		t.Fatal(err)
	}
	connect.MemberID = joined.MemberID
	if _, err = w.client.JoinGroup(t.Context(), connect); err != nil {
		t.Fatal(err)
	}
	shared, err := kgo.NewClient(kgo.SeedBrokers(w.cluster.Brokers...), kgo.ShareGroup("jobs"), kgo.ConsumeTopics("t"))
	if err != nil {
		t.Fatal(err)
	}
	defer shared.Close()
	eventually(t, "the share group has its member", func() bool {
		listed, err := w.client.ListGroups(t.Context())
		return err == nil && slices.ContainsFunc(listed, func(g kafka.ListedGroup) bool { return g.Group == "jobs" && g.State == "Stable" })
	})
	for group, want := range map[string]ProtocolError{
		"g":    {Type: "connect", Theirs: "Kafka Connect's workers"},
		"jobs": {Type: "share", Theirs: "a share group (KIP-932)"},
	} {
		cfg := w.config("t")
		cfg.Group = group
		err := w.start(cfg, On(new(sink).handle)).wait()
		mismatch := asError[*ProtocolError](t, err)
		if mismatch.Type != want.Type || !strings.Contains(err.Error(), want.Theirs) || !strings.Contains(err.Error(), "another Config.Group") || strings.Contains(err.Error(), "sticky") {
			t.Errorf("group %s: %v", group, err)
		}
	}
}

func TestNewPartitionsAreConsumed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.metadata = 20 * time.Millisecond
	var got sink
	j := w.start(w.config("t"), On(got.handle))
	eventually(t, "assigned", func() bool { return j.Stats().Assigned == 1 })
	req := kmsg.NewPtrCreatePartitionsRequest()
	topic := kmsg.NewCreatePartitionsRequestTopic()
	topic.Topic, topic.Count = "t", 3
	req.Topics = append(req.Topics, topic)
	if _, err := w.client.Request(t.Context(), kafka.AnyNode, req); err != nil {
		t.Fatal(err)
	}
	w.client.Invalidate("t")
	w.pings("t", 2, 0, 5)
	eventually(t, "events of the new partition", func() bool { return w.committed("t", 2) == 5 })
	j.stop()
}

// TestUnansweredHeartbeatsEndOwnership cuts a worker off from its coordinator: after the session timeout others own its partitions.
func TestUnansweredHeartbeatsEndOwnership(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.pings("t", 0, 0, 1)
	cfg := w.config("t")
	cfg.Tuning.SessionTimeout = 6 * time.Second // which no pause of the machine uses up, as that would be a second loss
	var calls atomic.Int64
	cause := make(chan error, 1)
	entered := make(chan struct{})
	j := w.start(cfg, On(func(ctx context.Context, _ ping) error {
		if calls.Add(1) == 1 {
			close(entered)
			<-ctx.Done()
			cause <- context.Cause(ctx)
		}
		return ctx.Err()
	}))
	<-entered
	var cut atomic.Bool
	cut.Store(true)
	w.kafka.ControlKey(int16(kmsg.Heartbeat), func(kmsg.Request) (kmsg.Response, error, bool) {
		w.kafka.KeepControl()
		return nil, errors.New("cut"), cut.Load()
	})
	if err := <-cause; !errors.Is(err, ErrLost) || !errors.Is(err, group.ErrExpired) {
		t.Errorf("cause %v", err)
	}
	cut.Store(false)
	eventually(t, "handled again", func() bool { return w.committed("t", 0) == 1 })
	j.stop()
	if s := j.Stats(); s.Lost != 1 || s.Interrupted != 1 || s.Assigned != 0 {
		t.Errorf("stats %+v", s)
	}
}

// TestStopInTheMiddleOfARebalance stops workers that hold partitions while others join: what they did is committed all the same.
func TestStopInTheMiddleOfARebalance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 4, false)
	l := newLedger(t)
	for p := range int32(4) {
		w.pings("t", p, 0, 300)
	}
	work := func(context.Context) { <-time.After(200 * time.Microsecond) }
	first := w.start(w.config("t"), l.handler("first", work))
	eventually(t, "first at work", func() bool { return l.distinct() > 20 })
	second := w.start(w.config("t"), l.handler("second", work))
	first.stop()
	third := w.start(w.config("t"), l.handler("third", work))
	second.stop()
	eventually(t, "all handled", func() bool { return l.distinct() == 1200 })
	third.stop()
	if l.repeats > 0 {
		t.Errorf("%d events handled twice", l.repeats)
	}
}

// TestLostWhileDrainingCommitsNothing takes membership away from a worker that is giving a partition up.
func TestLostWhileDrainingCommitsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 2, false)
	w.pings("t", 0, 0, 1)
	w.pings("t", 1, 0, 1)
	var entered sync.WaitGroup
	entered.Add(2)
	var calls atomic.Int64
	first := w.start(w.config("t"), On(func(ctx context.Context, _ ping) error {
		if calls.Add(1) > 2 {
			return nil
		}
		entered.Done()
		<-ctx.Done()
		return nil // too late
	}))
	entered.Wait()
	owned := first.engine.Load().owned()
	owner := owned[0].member.Load().MemberID
	var told atomic.Bool // that the membership is lost, with no commit on its way any more
	w.kafka.ControlKey(int16(kmsg.OffsetCommit), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		w.kafka.KeepControl()
		req := kreq.(*kmsg.OffsetCommitRequest)
		if req.MemberID != owner {
			return nil, nil, false
		}
		if told.Load() {
			t.Errorf("committed %v after membership was lost", req.Topics)
		}
		for _, topic := range req.Topics {
			for _, p := range topic.Partitions {
				if p.Offset != 0 { // the handlers return after the loss, and not before
					t.Errorf("committed offset %d of partition %d, which was handled too late", p.Offset, p.Partition)
				}
			}
		}
		return nil, nil, false
	})
	second := w.start(w.config("t"), On(new(sink).handle))
	eventually(t, "the drain has begun", func() bool { return w.logs.FilterMessage("revoking partitions").Len() > 0 })
	w.kafka.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Err: kerr.UnknownMemberID, When: func(req kmsg.Request) bool {
		return req.(*kmsg.HeartbeatRequest).MemberID == owner
	}})
	eventually(t, "lost", func() bool { return first.Stats().Lost == 2 && owned[0].lost.Load() && owned[1].lost.Load() })
	first.engine.Load().commits.mu.Lock() // what was on its way when the worker was told has arrived
	told.Store(true)
	first.engine.Load().commits.mu.Unlock()
	second.stop()
	first.stop()
}
