package consumer

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/consumer/internal/progress"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/schema"
)

// TestAStuckHandlerKeepsNoOtherPartitionFromItsStart loses the session while a handler of one partition ignores the end of its context: the
// other partitions go on at once, and that one when its handler has returned.
func TestAStuckHandlerKeepsNoOtherPartitionFromItsStart(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, concurrency int) {
		w := newWorld(t)
		w.grace = quickGrace
		w.topic("t", 3, false)
		for p := range int32(3) {
			w.pings("t", p, int64(p)*100, 1)
		}
		cfg := w.config("t")
		cfg.Concurrency = concurrency
		release := make(chan struct{})
		let := sync.OnceFunc(func() { close(release) })
		defer let()
		var got sink
		j := w.start(cfg, On(func(ctx context.Context, p ping) error {
			if p.N == 0 {
				<-release
			}
			return got.handle(ctx, p)
		}))
		eventually(t, "two partitions handled, one at it", func() bool { return got.len() == 2 && w.committed("t", 2) == 1 })
		w.kafka.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Err: kerr.IllegalGeneration})
		eventually(t, "partitions lost and taken again", func() bool { s := j.Stats(); return s.Lost == 3 && s.Assigned == 3 })
		w.pings("t", 1, 101, 1)
		w.pings("t", 2, 201, 1)
		eventually(t, "the others handled", func() bool { return got.len() == 4 })
		if at := w.committed("t", 0); at != 0 {
			t.Errorf("committed %d", at)
		}
		let()
		eventually(t, "the one that was stuck handled again", func() bool { return w.committed("t", 0) == 1 })
		j.stop()
	})
}

// TestAPartitionWithoutALeaderKeepsNoOtherFromItsStart has one partition whose leader gives no offsets.
func TestAPartitionWithoutALeaderKeepsNoOtherFromItsStart(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]func(*world){
		"new": func(*world) {},
		"left by a worker that died": func(w *world) {
			for p := range int32(2) {
				w.plant(p, &progress.Note{Mark: progress.Mark{Working: true, Reach: 3}})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kfake.NumBrokers(2))
			w.topic("t", 2, false)
			for p := range int32(2) {
				w.pings("t", p, int64(p)*100, 3)
			}
			plant(w)
			fault := w.kafka.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Partitions: []int32{0}, Err: kerr.LeaderNotAvailable, Count: -1})
			var got sink
			j := w.start(w.config("t"), On(got.handle))
			eventually(t, "the other handled", func() bool { return w.committed("t", 1) == 3 })
			fault.Remove()
			eventually(t, "both handled", func() bool { return w.committed("t", 0) == 3 })
			j.stop()
		})
	}
}

// TestALeaderThatHangsKeepsNoOtherFromItsStart has a broker that takes requests and does not answer them.
func TestALeaderThatHangsKeepsNoOtherFromItsStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kfake.NumBrokers(2))
	w.topic("t", 2, false)
	for p := range int32(2) {
		w.pings("t", p, int64(p)*100, 3)
		w.plant(p, &progress.Note{Mark: progress.Mark{Working: true, Reach: 3}})
	}
	hung := w.kafka.LeaderFor("t", 0)
	if err := w.kafka.MoveTopicPartition("t", 1, 1-hung); err != nil {
		t.Fatal(err)
	}
	let := make(chan struct{})
	w.kafka.ControlKey(int16(kmsg.ListOffsets), func(kmsg.Request) (kmsg.Response, error, bool) {
		w.kafka.KeepControl()
		if w.kafka.CurrentNode() == hung {
			w.kafka.SleepControl(func() { <-let })
		}
		return nil, nil, false
	})
	var got sink
	j := w.start(w.config("t"), On(got.handle))
	eventually(t, "the other handled", func() bool { return w.committed("t", 1) == 3 })
	close(let)
	eventually(t, "both handled", func() bool { return w.committed("t", 0) == 3 })
	j.stop()
}

// TestATopicInTroubleKeepsNoOtherFromItsStart has a topic whose metadata is not to be had, or whose offsets are in the hands of a transaction.
func TestATopicInTroubleKeepsNoOtherFromItsStart(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]kfake.Fault{
		"offsets pending":   {Keys: []kmsg.Key{kmsg.OffsetFetch}, Err: kerr.UnstableOffsetCommit},
		"commits refused":   {Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.UnknownTopicOrPartition},
		"offsets not there": {Keys: []kmsg.Key{kmsg.ListOffsets}, Err: kerr.OffsetNotAvailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.topic("t", 1, false)
			w.topic("u", 1, false)
			w.pings("t", 0, 0, 3)
			w.pings("u", 0, 100, 3)
			fault.Topic, fault.Count = "t", -1
			trouble := w.kafka.Fault(fault)
			var got sink
			j := w.start(w.config("t", "u"), On(got.handle))
			eventually(t, "the other handled", func() bool { return w.committed("u", 0) == 3 })
			trouble.Remove()
			eventually(t, "both handled", func() bool { return w.committed("t", 0) == 3 })
			j.stop()
		})
	}
}

// TestARetryTopicThatWaitsKeepsNoSuspectFromItsTurn has suspects in a retry topic, of which the second is due in an hour, and in the topic itself.
func TestARetryTopicThatWaitsKeepsNoSuspectFromItsTurn(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, concurrency int) {
		w := newWorld(t)
		w.topic("t", 1, false)
		cfg := w.retrying(time.Hour)
		cfg.Concurrency = concurrency
		waiting := RetryTopic("t", "g", time.Hour)
		w.topic(waiting, 1, false)
		w.topic(DeadLetterTopic("t", "g"), 1, false)
		now := time.Now()
		for i, due := range []time.Time{now.Add(-time.Minute), now.Add(time.Hour)} {
			r := rec{value: pingValue(int64(100+i), "w"), at: now.UnixMilli()}
			from := origin{TopicPartition: kafka.TopicPartition{Topic: "t"}, offset: int64(i), time: -1, spent: spent{attempts: 1}}
			failed := &failure{kind: kindHandler, attempts: 1, reason: errors.New("failed")}
			r.headers = append(retryHeaders(from, 1, 1, due), deathHeaders(from, "g", schema.RefID(pingID), failed, now.Add(-time.Minute))...)
			w.put(waiting, 0, r)
		}
		w.unkeyed(0, 2)
		suspects := &progress.Note{Mark: progress.Mark{Working: true, Reach: 2, Deaths: 1}}
		w.plantIn("g", kafka.TopicPartition{Topic: "t"}, suspects)
		w.plantIn(RetryGroup("g"), kafka.TopicPartition{Topic: waiting}, suspects)
		// The topic begins when the retry topic has had its turn.
		fault := w.kafka.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: "t", Err: kerr.LeaderNotAvailable, Count: -1})
		var got sink
		j := w.start(cfg, On(got.handle))
		eventually(t, "the event that is due handled", func() bool { return w.committedOf(RetryGroup("g"), waiting, 0) == 1 })
		fault.Remove()
		eventually(t, "the topic handled", func() bool { return w.committed("t", 0) == 2 })
		j.stop()
		if n := got.len(); n != 3 {
			t.Errorf("%d events handled", n)
		}
	})
}
