package consumer

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/reader"
)

// commits records what was asked to be committed of each partition of topic t.
type commits struct {
	mu       sync.Mutex
	requests int
	offsets  map[int32][]int64
	epochs   []int32
}

func (w *world) watchCommits() *commits {
	c := &commits{offsets: map[int32][]int64{}}
	w.kafka.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		w.kafka.KeepControl()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.requests++
		for _, topic := range req.(*kmsg.OffsetCommitRequest).Topics {
			for _, p := range topic.Partitions {
				c.offsets[p.Partition] = append(c.offsets[p.Partition], p.Offset)
				c.epochs = append(c.epochs, p.LeaderEpoch)
			}
		}
		return nil, nil, false
	})
	return c
}

func TestStartPositionIsCommittedBeforeAnythingIsHandled(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		start reader.Position
		want  int64
	}{
		{"zero is the start", reader.Position{}, 0},
		{"end", reader.AtEnd(), 5},
		{"time", reader.AtTime(time.UnixMilli(1003)), 3},
		{"before the end", reader.BeforeEnd(2), 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.topic("t", 1, false)
			for i := range int64(5) {
				w.pings("t", 0, i, 1)
			}
			cfg := w.config("t")
			cfg.Start = tc.start
			block := make(chan struct{})
			j := w.start(cfg, On(func(ctx context.Context, _ ping) error {
				<-block
				return nil
			}))
			eventually(t, "start committed", func() bool { return w.committed("t", 0) == tc.want })
			close(block)
			j.stop()

			// What is written while nobody runs is handled by the next worker, also where the start is the end.
			at := w.committed("t", 0)
			w.pings("t", 0, 5, 1)
			var got sink
			j = w.start(cfg, On(got.handle))
			eventually(t, "the event written meanwhile", func() bool { return slices.Contains(got.numbers(), 5) })
			j.stop()
			if got.numbers()[0] != at {
				t.Errorf("went on at %d, want %d", got.numbers()[0], at)
			}
		})
	}
}

func TestCommitsAreBatchedAndCarryNoLeaderEpoch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 6, false)
	for p := range int32(6) {
		w.pings("t", p, 0, 500)
	}
	c := w.watchCommits()
	cfg := w.config("t")
	cfg.Tuning.CommitInterval = time.Hour
	j := w.start(cfg, On(new(sink).handle))
	eventually(t, "3000 events handled", func() bool { return j.Stats().Handled == 3000 })
	j.stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.requests != 2 { // the start of all partitions, and the last commit of all
		t.Errorf("%d commit requests: %v", c.requests, c.offsets)
	}
	for p := range int32(6) {
		if !slices.Equal(c.offsets[p], []int64{0, 500}) {
			t.Errorf("partition %d: committed %v", p, c.offsets[p])
		}
	}
	for _, epoch := range c.epochs {
		if epoch != -1 {
			t.Errorf("leader epoch %d was sent", epoch)
		}
	}
}

// TestCommitErrors is row 20 of the fault matrix: whatever the answer, no event is skipped and none handled twice while the worker
// stays a member.
func TestCommitErrors(t *testing.T) {
	t.Parallel()
	for _, code := range []*kerr.Error{
		kerr.CoordinatorLoadInProgress, kerr.CoordinatorNotAvailable, kerr.NotCoordinator, kerr.IllegalGeneration, kerr.UnknownMemberID,
		kerr.RebalanceInProgress, kerr.FencedInstanceID, kerr.RequestTimedOut, kerr.UnknownTopicOrPartition,
	} {
		t.Run(code.Message, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.topic("t", 1, false)
			w.pings("t", 0, 0, 50)
			var got sink
			j := w.start(w.config("t"), On(got.handle))
			eventually(t, "50 events", func() bool { return w.committed("t", 0) == 50 })
			fault := w.kafka.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: code, Count: 3})
			w.pings("t", 0, 50, 50)
			eventually(t, "all committed", func() bool { return w.committed("t", 0) == 100 })
			j.stop()
			fault.Remove()
			for i, n := range got.numbers() {
				if n != int64(i) {
					t.Fatalf("event %d is number %d", i, n)
				}
			}
			if got.len() != 100 {
				t.Errorf("%d events handled", got.len())
			}
			if j.Stats().CommitErrors == 0 {
				t.Error("no commit error counted")
			}
		})
	}
}

func TestRefusedRightsToCommitStopTheWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.pings("t", 0, 0, 1)
	w.kafka.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	err := w.start(w.config("t"), On(new(sink).handle)).wait()
	if !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("got %v", err)
	}
}

// TestLastCommitWaitsForItsCoordinator stops a worker while the coordinator does not answer well.
func TestLastCommitWaitsForItsCoordinator(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.pings("t", 0, 0, 10)
	cfg := w.config("t")
	cfg.Tuning.CommitInterval = time.Hour
	var got sink
	j := w.start(cfg, On(got.handle))
	eventually(t, "handled", func() bool { return got.len() == 10 })
	w.kafka.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.CoordinatorLoadInProgress, Count: 4})
	j.stop()
	if at := w.committed("t", 0); at != 10 {
		t.Errorf("committed %d", at)
	}
}

// TestCommitWithoutAnswerIsSaidAgain is row 21: the connection is lost when the commit has arrived, and it may be applied late. What is
// committed after it is said twice, so that it has the last word.
func TestCommitWithoutAnswerIsSaidAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.pings("t", 0, 0, 10)
	var drop atomic.Bool
	var mu sync.Mutex
	var offsets []int64
	w.kafka.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		w.kafka.KeepControl()
		mu.Lock()
		defer mu.Unlock()
		if offset := req.(*kmsg.OffsetCommitRequest).Topics[0].Partitions[0].Offset; offset == 10 {
			offsets = append(offsets, offset)
			if drop.CompareAndSwap(true, false) {
				return nil, errors.New("connection lost"), true
			}
		}
		return nil, nil, false
	})
	drop.Store(true)
	j := w.start(w.config("t"), On(new(sink).handle))
	said := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(offsets)
	}
	eventually(t, "lost, and said twice", func() bool { return said() == 3 })
	j.stop()
	// And once more that it ended in order; before that, that nothing is in hand any more, where the lost commit has said that something is.
	if n := said(); n < 4 || n > 5 || w.committed("t", 0) != 10 {
		t.Errorf("said %d times, committed %d", said(), w.committed("t", 0))
	}
}

// TestCommitWithoutAnswerIsRepeatedBeforeALaterOne: a coordinator that hangs may take a commit late, together with those that were made after
// it. What comes right after it is therefore the same again.
func TestCommitWithoutAnswerIsRepeatedBeforeALaterOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.pings("t", 0, 0, 10)
	var mu sync.Mutex
	var commits []kmsg.OffsetCommitRequestTopicPartition
	lost, release := make(chan struct{}), make(chan struct{})
	w.kafka.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		w.kafka.KeepControl()
		mu.Lock()
		defer mu.Unlock()
		commit := req.(*kmsg.OffsetCommitRequest).Topics[0].Partitions[0]
		if commit.Offset < 10 {
			return nil, nil, false
		}
		commits = append(commits, commit)
		switch len(commits) {
		case 1:
			close(lost)
			return nil, errors.New("connection lost"), true
		case 2:
			close(release)
		}
		return nil, nil, false
	})
	var got sink
	j := w.start(w.config("t"), On(func(ctx context.Context, p ping) error {
		if p.N >= 10 { // handled, and still to be committed, when the connection is lost
			<-lost
		}
		return got.handle(ctx, p)
	}))
	<-lost
	w.pings("t", 0, 10, 10)
	<-release
	eventually(t, "all committed", func() bool { return w.committed("t", 0) == 20 })
	j.stop()
	mu.Lock()
	defer mu.Unlock()
	if a, b := commits[0], commits[1]; a.Offset != b.Offset || *a.Metadata != *b.Metadata {
		t.Errorf("after %d %q, which got no answer, comes %d %q", a.Offset, *a.Metadata, b.Offset, *b.Metadata)
	}
}
