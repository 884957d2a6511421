package consumer

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/consumer/internal/progress"
	"github.com/headrace/headrace/internal/kafka"
)

// stored is what the group has of partition 0 of topic t.
func (w *world) stored() kafka.CommittedOffset {
	w.t.Helper()
	offsets, err := w.client.FetchOffsets(w.t.Context(), "g", kafka.TopicPartition{Topic: "t"})
	if err != nil {
		w.t.Fatal(err)
	}
	return offsets[0]
}

// note is what the group remembers of partition 0 of topic t.
func (w *world) note() progress.Note {
	w.t.Helper()
	topic, err := w.client.Topic(w.t.Context(), "t")
	if err != nil {
		w.t.Fatal(err)
	}
	c := w.stored()
	n, err := progress.Decode(progress.Log{Cluster: w.client.ClusterID(), Topic: topic.ID}, c.Offset, c.Metadata)
	if err != nil {
		w.t.Fatalf("metadata %q at %d: %v", c.Metadata, c.Offset, err)
	}
	return n
}

// seek commits an offset of a partition of topic t from outside of the group, as tools do.
func (w *world) seek(partition int32, offset int64, metadata string) {
	w.t.Helper()
	_, err := w.client.CommitOffsets(w.t.Context(), kafka.Member{Group: "g", Generation: -1},
		kafka.OffsetCommit{Topic: "t", Partition: partition, Offset: offset, Metadata: metadata})
	if err != nil {
		w.t.Fatal(err)
	}
}

// plant commits a note of a partition of topic t, as a worker that has died would have left it.
func (w *world) plant(partition int32, n *progress.Note) {
	w.t.Helper()
	w.plantIn("g", kafka.TopicPartition{Topic: "t", Partition: partition}, n)
}

// plantIn is plant for any partition and group.
func (w *world) plantIn(group string, tp kafka.TopicPartition, n *progress.Note) {
	w.t.Helper()
	topic, err := w.client.Topic(w.t.Context(), tp.Topic)
	if err != nil {
		w.t.Fatal(err)
	}
	metadata, _ := new(progress.Encoder).Encode(progress.Log{Cluster: w.client.ClusterID(), Topic: topic.ID, Partition: tp.Partition}, n, 4096)
	_, err = w.client.CommitOffsets(w.t.Context(), kafka.Member{Group: group, Generation: -1},
		kafka.OffsetCommit{Topic: tp.Topic, Partition: tp.Partition, Offset: n.Done.Prefix(), Metadata: metadata})
	if err != nil {
		w.t.Fatal(err)
	}
}

// laned is a config with lanes, whose worker can die and come back at once.
func (w *world) laned(lanes int) Config {
	cfg := w.config("t")
	cfg.Concurrency = lanes
	cfg.Tuning.InstanceID = "one"
	cfg.Tuning.DrainTimeout = time.Millisecond
	return cfg
}

// unkeyed writes events without a key, numbered from first, which can be handled in any order.
func (w *world) unkeyed(first, count int64) {
	w.t.Helper()
	recs := make([]rec, count)
	for i := range recs {
		recs[i] = rec{value: pingValue(first+int64(i), "w"), at: 1000}
	}
	w.put("t", 0, recs...)
}

// TestACrashRepeatsOnlyTheGap has one event in hand while 200 beyond it are done, and kills the worker.
func TestACrashRepeatsOnlyTheGap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.unkeyed(0, 201)
	var got, again sink
	j := w.start(w.laned(4), On(func(ctx context.Context, p ping) error {
		if p.N == 3 {
			<-ctx.Done()
			return ctx.Err()
		}
		return got.handle(ctx, p)
	}))
	eventually(t, "most of the others are told", func() bool {
		if w.committed("t", 0) != 3 {
			return false
		}
		n := w.note()
		return n.Done.End() == 201 && n.Done.Open(0, 201) <= 40
	})
	j.crash()
	n := w.note()
	if !n.Mark.Working {
		t.Errorf("mark %+v", n.Mark)
	}
	var gap []int64
	for o := range int64(201) {
		if !n.Done.Has(o) {
			gap = append(gap, o)
		}
	}
	j = w.start(w.laned(4), On(again.handle))
	eventually(t, "all done", func() bool { return w.committed("t", 0) == 201 })
	j.stop()
	slices.Sort(again.ns)
	if !slices.Equal(again.ns, gap) || !slices.Contains(gap, 3) || len(gap) > 40 {
		t.Errorf("handled %d, and then %v of %v", got.len(), again.ns, gap)
	}
	if n := w.note(); n.Mark != (progress.Mark{}) || len(n.Done.Beyond()) > 0 {
		t.Errorf("an orderly end with nothing left says %+v", n)
	}
}

// TestMetadataMovesWithThePartition gives a partition with a gap to another worker, in order: nothing is repeated, and what was held up
// is handled there.
func TestMetadataMovesWithThePartition(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.unkeyed(0, 100)
	cfg := w.laned(4)
	cfg.Tuning.InstanceID = ""
	cfg.Policy = Policy{Attempts: 1 << 20, Backoff: Backoff{Initial: time.Hour, Max: time.Hour}}
	var got, again sink
	j := w.start(cfg, On(func(ctx context.Context, p ping) error {
		if p.N%10 == 0 {
			return errBroken
		}
		return got.handle(ctx, p)
	}))
	eventually(t, "the others", func() bool { return got.len() == 90 })
	j.stop()
	if n := w.note(); n.Mark != (progress.Mark{}) || n.Done.Open(0, 100) != 10 {
		t.Errorf("mark %+v, %d not done", n.Mark, n.Done.Open(0, 100))
	}
	j = w.start(cfg, On(again.handle))
	eventually(t, "all done", func() bool { return w.committed("t", 0) == 100 })
	j.stop()
	slices.Sort(again.ns)
	if !slices.Equal(again.ns, []int64{0, 10, 20, 30, 40, 50, 60, 70, 80, 90}) {
		t.Errorf("handled again: %v", again.ns)
	}
}

// TestOffsetsOfToolsStand has tools commit in place of workers, with metadata of their own or none: the worker goes on where they say.
func TestOffsetsOfToolsStand(t *testing.T) {
	t.Parallel()
	for name, metadata := range map[string]string{
		"none": "", "a note": "reset by ann", "a newer version": "hr2:AAAA", "ours, of another offset": "hr1:CFocUQ8AAKkCqwI", "a bomb": "hr1:" + strings.Repeat("A", 4000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.topic("t", 1, false)
			w.unkeyed(0, 50)
			var got sink
			j := w.start(w.config("t"), On(got.handle))
			eventually(t, "all done", func() bool { return w.committed("t", 0) == 50 })
			j.stop()
			w.seek(0, 20, metadata)
			var again sink
			j = w.start(w.config("t"), On(again.handle))
			eventually(t, "all done", func() bool { return w.committed("t", 0) == 50 })
			j.stop()
			if ns := again.numbers(); len(ns) != 30 || ns[0] != 20 {
				t.Errorf("handled again: %v", ns)
			}
		})
	}
}

// TestMetadataOfAHostileHandSkipsNothingToCome commits, with the right checksum, that offsets are done which nobody has written yet.
func TestMetadataOfAHostileHandSkipsNothingToCome(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.unkeyed(0, 10)
	n := progress.Note{Done: progress.NewDone(0), Mark: progress.Mark{Working: true, Reach: 1 << 62, Deaths: 9}}
	n.Done.Mark(5, 1<<61)
	w.plant(0, &n)
	var got sink
	j := w.start(w.config("t"), On(got.handle))
	eventually(t, "the first five", func() bool { return w.committed("t", 0) == 10 })
	w.unkeyed(10, 10)
	eventually(t, "all done", func() bool { return w.committed("t", 0) == 20 })
	j.stop()
	if ns := got.numbers(); len(ns) != 15 || ns[5] != 10 {
		t.Errorf("handled %v", ns)
	}
}

// TestBrokersThatTakeLittleMetadata refuse more than some bytes, or any: the worker learns it, takes no new events while it cannot say
// what is done, and goes on when it can.
func TestBrokersThatTakeLittleMetadata(t *testing.T) {
	t.Parallel()
	for _, room := range []int{0, 40, 100} {
		t.Run(fmt.Sprint(room, " bytes"), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.topic("t", 1, false)
			for i := range int64(20) {
				w.unkeyed(i*500, 500)
			}
			var longest int
			var mu sync.Mutex
			w.kafka.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
				w.kafka.KeepControl()
				commit := req.(*kmsg.OffsetCommitRequest)
				if p := commit.Topics[0].Partitions[0]; p.Metadata != nil && len(*p.Metadata) > room {
					return refusal(commit, kerr.OffsetMetadataTooLarge), nil, true
				}
				mu.Lock()
				defer mu.Unlock()
				longest = max(longest, len(*commit.Topics[0].Partitions[0].Metadata))
				return nil, nil, false
			})
			free := make(chan struct{})
			var got sink
			j := w.start(w.laned(8), On(func(ctx context.Context, p ping) error {
				if p.N%37 == 5 && p.N < 4000 { // gaps that do not fit
					select {
					case <-free:
					case <-time.After(time.Duration(rand.IntN(20)) * time.Millisecond):
					}
				}
				return got.handle(ctx, p)
			}))
			eventually(t, "some are handled", func() bool { return got.len() > 100 })
			close(free)
			eventually(t, "all done", func() bool { return w.committed("t", 0) == 10_000 })
			j.stop()
			if ns := got.numbers(); len(ns) != 10_000 {
				t.Errorf("%d events handled", len(ns))
			}
			mu.Lock()
			defer mu.Unlock()
			if longest > room {
				t.Errorf("%d bytes", longest)
			}
		})
	}
}

// refusal answers a commit with an error for each partition.
func refusal(req *kmsg.OffsetCommitRequest, err *kerr.Error) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.OffsetCommitResponse)
	for _, topic := range req.Topics {
		answer := kmsg.NewOffsetCommitResponseTopic()
		answer.Topic, answer.TopicID = topic.Topic, topic.TopicID
		for _, p := range topic.Partitions {
			part := kmsg.NewOffsetCommitResponseTopicPartition()
			part.Partition, part.ErrorCode = p.Partition, err.Code
			answer.Partitions = append(answer.Partitions, part)
		}
		resp.Topics = append(resp.Topics, answer)
	}
	return resp
}

// TestAStuckEventStopsTheIntake lets every second event of a partition hang: what is done beyond them soon does not fit, and from then
// on the partition takes no new events.
func TestAStuckEventStopsTheIntake(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	const events = 20_000
	for i := range int64(events / 500) {
		w.unkeyed(i*500, 500)
	}
	cfg := w.laned(2)
	cfg.Policy = Policy{Attempts: 1 << 20, Backoff: Backoff{Initial: time.Hour, Max: time.Hour}}
	w.kafka.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		w.kafka.KeepControl()
		commit := req.(*kmsg.OffsetCommitRequest)
		if p := commit.Topics[0].Partitions[0]; p.Metadata != nil && len(*p.Metadata) > 100 {
			return refusal(commit, kerr.OffsetMetadataTooLarge), nil, true
		}
		return nil, nil, false
	})
	var got sink
	j := w.start(cfg, On(func(ctx context.Context, p ping) error {
		<-time.After(100 * time.Microsecond) // slower than the worker learns what brokers take
		if rand.IntN(2) == 0 {
			return errBroken
		}
		return got.handle(ctx, p)
	}))
	p := func() *partition { return j.engine.Load().owned()[0] }
	eventually(t, "the partition is full", func() bool {
		return j.engine.Load() != nil && len(j.engine.Load().owned()) == 1 && p().limits.full.Load()
	})
	eventually(t, "the intake stops", func() bool {
		before := got.len()
		<-time.After(50 * time.Millisecond)
		return got.len() == before
	})
	if n := got.len(); n >= events/2-1000 {
		t.Errorf("%d events handled", n)
	}
	j.stop()
}
