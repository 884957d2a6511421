package consumer

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/consumer/internal/progress"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/reader"
)

// grow adds partitions to a topic.
func (w *world) grow(topic string, total int32) {
	w.t.Helper()
	errs, err := w.client.CreatePartitions(w.t.Context(), kafka.MorePartitions{Topic: topic, Total: total})
	if err != nil {
		w.t.Fatal(errs, err)
	}
}

// TestAddedPartitionsBeginAtTheirFirstEvent: what was written to them before the group took them is as new to it as the rest, wherever the
// group itself started.
func TestAddedPartitionsBeginAtTheirFirstEvent(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		start reader.Position
		live  bool
	}{
		{"at the end, a worker lives", reader.AtEnd(), true},
		{"at the end, no worker lives", reader.AtEnd(), false},
		{"at an offset", reader.AtOffset(3), true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.metadata = 20 * time.Millisecond
			w.topic("t", 2, false)
			w.pings("t", 0, 0, 3)
			w.pings("t", 1, 0, 3)
			cfg := w.config("t")
			cfg.Start = tc.start
			var got sink
			j := w.start(cfg, On(got.handle))
			eventually(t, "the start is committed", func() bool { return w.committed("t", 0) == 3 && w.committed("t", 1) == 3 })
			if !tc.live {
				j.stop()
			}
			w.grow("t", 4)
			w.pings("t", 2, 100, 10)
			w.pings("t", 3, 200, 10)
			if !tc.live {
				j = w.start(cfg, On(got.handle))
			}
			eventually(t, "the added partitions", func() bool { return got.len() >= 20 })
			w.grow("t", 5)
			w.pings("t", 4, 300, 10)
			eventually(t, "the partition added after them", func() bool { return got.len() >= 30 })
			j.stop()
			numbers := got.numbers()
			slices.Sort(numbers)
			if want := slices.Concat(from(100, 10), from(200, 10), from(300, 10)); !slices.Equal(numbers, want) {
				t.Errorf("handled %v", numbers)
			}
		})
	}
}

// TestANewGroupsPartitionsAreNotAdded: two workers of a new group begin with some partitions each, one before the other. For both of them
// the topic is old.
func TestANewGroupsPartitionsAreNotAdded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const partitions = 4
	w.topic("t", partitions, false)
	for p := range int32(partitions) {
		w.pings("t", p, 0, 5)
	}
	cfg := w.config("t")
	cfg.Start, cfg.Tuning.SessionTimeout = reader.AtEnd(), time.Second
	var got sink
	// The first worker's commits for all but one partition arrive; the last one has none when the second worker takes it.
	w.kafka.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		w.kafka.KeepControl()
		r := req.(*kmsg.OffsetCommitRequest)
		for i := range r.Topics {
			r.Topics[i].Partitions = slices.DeleteFunc(r.Topics[i].Partitions, func(p kmsg.OffsetCommitRequestTopicPartition) bool { return p.Partition == 3 })
		}
		return nil, nil, false
	})
	j := w.start(cfg, On(got.handle))
	eventually(t, "three starts are committed", func() bool { return w.committed("t", 0) == 5 && w.committed("t", 1) == 5 && w.committed("t", 2) == 5 })
	j.crash()
	if at := w.committed("t", 3); at != -1 {
		t.Fatalf("partition 3 has a commit at %d", at)
	}
	next := w.config("t")
	next.Start = reader.AtEnd()
	j = w.start(next, On(got.handle))
	eventually(t, "all partitions are placed", func() bool {
		s := j.State()
		return len(s.Partitions) == partitions && !slices.ContainsFunc(s.Partitions, func(p PartitionState) bool { return p.Position != 5 })
	})
	j.cancel()
	_ = j.wait()
	if got.len() != 0 {
		t.Errorf("handled %v, all of it from before the group", got.numbers())
	}
}

func TestWhichPartitionsAGroupHad(t *testing.T) {
	t.Parallel()
	log := progress.Log{Cluster: "c", Topic: [16]byte{1}}
	commit := func(partition int32, offset int64, began int32) kafka.CommittedOffset {
		of := log
		of.Partition = partition
		metadata := ""
		if began > 0 {
			metadata, _ = new(progress.Encoder).Encode(of, &progress.Note{Done: progress.NewDone(offset), Partitions: began}, 4096)
		}
		return kafka.CommittedOffset{Topic: "t", Partition: partition, Offset: offset, Metadata: metadata}
	}
	other := commit(0, 9, 0)
	other.Metadata, _ = new(progress.Encoder).Encode(progress.Log{Cluster: "c", Topic: [16]byte{2}}, &progress.Note{Done: progress.NewDone(9), Partitions: 1}, 4096)
	for _, tc := range []struct {
		name    string
		commits []kafka.CommittedOffset
		had     []bool // of six partitions
	}{
		{"a new group", []kafka.CommittedOffset{commit(0, -1, 0)}, []bool{true, true, true, true, true, true}},
		{"a group that has begun in some", []kafka.CommittedOffset{commit(0, 5, 6), commit(1, 5, 6)}, []bool{true, true, true, true, true, true}},
		{"partitions added", []kafka.CommittedOffset{commit(0, 5, 3), commit(1, 5, 3), commit(2, 0, 3)}, []bool{true, true, true, false, false, false}},
		{"some of the added have begun", []kafka.CommittedOffset{commit(0, 5, 3), commit(4, 5, 6)}, []bool{true, true, true, false, false, false}},
		{"some have expired", []kafka.CommittedOffset{commit(2, 5, 4)}, []bool{true, true, true, true, false, false}},
		{"an older release or another client", []kafka.CommittedOffset{commit(0, 5, 0), commit(2, 5, 0)}, []bool{true, true, true, false, false, false}},
		{"both", []kafka.CommittedOffset{commit(0, 5, 0), commit(1, 5, 0), commit(3, 0, 6)}, []bool{true, true, false, false, false, false}},
		{"of a topic that is gone", []kafka.CommittedOffset{other}, []bool{true, true, true, true, true, true}},
	} {
		rand.Shuffle(len(tc.commits), func(i, j int) { tc.commits[i], tc.commits[j] = tc.commits[j], tc.commits[i] })
		had := hadBefore(tc.commits, log)
		for p, want := range tc.had {
			if had.has(int32(p)) != want {
				t.Errorf("%s: partition %d: %t", tc.name, p, !want)
			}
		}
	}
}
