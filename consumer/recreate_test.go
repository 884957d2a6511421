package consumer

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/reader"
)

// recreate deletes a topic and creates it again.
func (w *world) recreate(name string, partitions int32) {
	w.t.Helper()
	if err := w.kafka.DeleteTopic(name); err != nil {
		w.t.Fatal(err)
	}
	if err := w.kafka.CreateTopic(name, partitions, nil); err != nil {
		w.t.Fatal(err)
	}
}

// warned counts the log entries that say a topic was made anew, each of which names the topic and both ids.
func (w *world) warned(topic string) (count int) {
	w.t.Helper()
	for _, entry := range w.logs.FilterMessageSnippet("topic was deleted and created again").All() {
		fields := entry.ContextMap()
		if fields["topic"] != topic {
			continue
		}
		if before, now := fields["old topic id"], fields["new topic id"]; before == now || before == "" || now == "" {
			w.t.Errorf("old id %v, new id %v", before, now)
		}
		count++
	}
	return count
}

func from(first, count int64) (numbers []int64) {
	for i := range count {
		numbers = append(numbers, first+i)
	}
	return numbers
}

// TestTopicRecreatedUnderALiveWorker: the new log is longer than the old offset by the time the worker looks, so that nothing but the
// topic's id tells.
func TestTopicRecreatedUnderALiveWorker(t *testing.T) {
	t.Parallel()
	for _, concurrency := range []int{0, 4} {
		w := newWorld(t)
		w.topic("t", 1, false)
		w.pings("t", 0, 0, 300)
		cfg := w.config("t")
		cfg.Concurrency = concurrency
		var got sink
		j := w.start(cfg, On(got.handle))
		eventually(t, "the old topic's events", func() bool { return w.committed("t", 0) == 300 })

		w.recreate("t", 1)
		w.pings("t", 0, 1000, 1000)
		eventually(t, "the new topic's events", func() bool { return got.len() >= 1300 && w.committed("t", 0) == 1000 })
		j.stop()
		numbers := got.numbers()
		slices.Sort(numbers)
		if want := slices.Concat(from(0, 300), from(1000, 1000)); !slices.Equal(numbers, want) {
			t.Errorf("handled %d events, from %d to %d", len(numbers), numbers[0], numbers[len(numbers)-1])
		}
		if n := w.warned("t"); n != 1 {
			t.Errorf("%d warnings", n)
		}
	}
}

// TestClosingCommitDoesNotReachTheNewTopic is a worker that is told to stop while it has not noticed yet: its only fetch waits behind a
// handler.
func TestClosingCommitDoesNotReachTheNewTopic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.pings("t", 0, 0, 4)
	w.pings("t", 0, 4, 1)
	w.pings("t", 0, 5, 1)
	cfg := w.config("t")
	cfg.Tuning.CommitInterval = time.Hour
	release, reached := make(chan struct{}), make(chan struct{})
	j := w.start(cfg, On(func(_ context.Context, p ping) error {
		if p.N == 4 {
			close(reached)
			<-release
		}
		return nil
	}))
	<-reached
	w.recreate("t", 1)
	w.pings("t", 0, 1000, 6)
	c := w.watchCommits()
	j.cancel()
	close(release)
	if err := j.wait(); err != nil {
		t.Errorf("worker ended with: %v", err)
	}
	c.mu.Lock()
	if len(c.offsets[0]) > 0 {
		t.Errorf("committed %v of the old topic", c.offsets[0])
	}
	c.mu.Unlock()

	var got sink
	j = w.start(w.config("t"), On(got.handle))
	eventually(t, "the new topic's events", func() bool { return got.len() >= 6 })
	j.stop()
	if numbers := got.numbers(); !slices.Equal(numbers, from(1000, 6)) {
		t.Errorf("handled %v", numbers)
	}
}

// TestOffsetOfTheOldTopicIsNotTaken is a commit that was on its way while the topic was deleted and created, which no check before it
// prevents.
func TestOffsetOfTheOldTopicIsNotTaken(t *testing.T) {
	t.Parallel()
	for _, start := range []reader.Position{reader.AtStart(), reader.AtEnd()} {
		w := newWorld(t)
		w.topic("t", 2, false)
		w.pings("t", 0, 0, 5)
		j := w.start(w.config("t"), On(new(sink).handle))
		eventually(t, "the old topic's events", func() bool { return w.committed("t", 0) == 5 })
		j.stop()
		kept := w.stored()
		if kept.Metadata == "" {
			t.Fatal("a commit does not name its topic")
		}

		w.recreate("t", 2)
		w.pings("t", 0, 1000, 20)
		w.seek(0, kept.Offset, kept.Metadata)
		cfg := w.config("t")
		cfg.Start = start
		var got sink
		j = w.start(cfg, On(got.handle))
		eventually(t, "the new topic is begun", func() bool { return w.warned("t") == 1 })
		want := from(1000, 20)
		if start == reader.AtEnd() {
			want = nil
			eventually(t, "the end is committed", func() bool { return w.committed("t", 0) == 20 })
		}
		w.pings("t", 0, 2000, 1)
		eventually(t, "its events", func() bool { return slices.Contains(got.numbers(), 2000) })
		j.stop()
		if numbers := got.numbers(); !slices.Equal(numbers, append(want, 2000)) {
			t.Errorf("from %v: handled %v", start, numbers)
		}
	}
}

// TestTopicAwayForAWhile: the worker waits, says so, and takes the new topic up.
func TestTopicAwayForAWhile(t *testing.T) {
	t.Parallel()
	for _, noticed := range []string{"by its fetches alone", "by the group's leader"} {
		t.Run(noticed, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.metadata = time.Hour
			if noticed == "by the group's leader" {
				w.metadata = 20 * time.Millisecond
			}
			w.topic("t", 2, false)
			w.topic("other", 1, false)
			w.pings("t", 0, 0, 5)
			w.pings("t", 1, 5, 5)
			var got sink
			j := w.start(w.config("t", "other"), On(got.handle))
			eventually(t, "the old topic's events", func() bool { return w.committed("t", 0) == 5 && w.committed("t", 1) == 5 })

			if err := w.kafka.DeleteTopic("t"); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the worker says so", func() bool {
				return w.logs.FilterMessageSnippet("topic does not exist").Len() > 0
			})
			if noticed == "by its fetches alone" {
				eventually(t, "its state says so", func() bool {
					return slices.ContainsFunc(j.State().Partitions, func(p PartitionState) bool { return strings.Contains(p.Paused, "topic to be created") })
				})
			}
			w.pings("other", 0, 500, 1)
			eventually(t, "other topics go on", func() bool { return slices.Contains(got.numbers(), 500) })
			if err := w.kafka.CreateTopic("t", 2, nil); err != nil {
				t.Fatal(err)
			}
			w.pings("t", 0, 1000, 10)
			w.pings("t", 1, 1010, 10)
			eventually(t, "the new topic's events", func() bool { return got.len() >= 31 })
			j.stop()
			numbers := got.numbers()
			slices.Sort(numbers)
			if want := slices.Concat(from(0, 10), []int64{500}, from(1000, 20)); !slices.Equal(numbers, want) {
				t.Errorf("handled %v", numbers)
			}
			if n := w.warned("t"); n != 1 {
				t.Errorf("%d warnings", n)
			}
		})
	}
}

// TestLaggingBrokerIsNotBelieved: one of three brokers still names the old topic, or none, while the others have the new one. As long as
// they do not agree nothing is begun, and what was begun goes on.
func TestLaggingBrokerIsNotBelieved(t *testing.T) {
	t.Parallel()
	for _, lag := range []string{"the old topic", "no topic"} {
		t.Run(lag, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kfake.NumBrokers(3))
			w.topic("t", 1, false)
			w.pings("t", 0, 0, 5)
			old := w.kafka.TopicInfo("t").TopicID
			var got sink
			j := w.start(w.config("t"), On(got.handle))
			eventually(t, "the old topic's events", func() bool { return w.committed("t", 0) == 5 })

			var lagging atomic.Bool
			var asked atomic.Int64
			lagging.Store(true)
			w.kafka.ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
				w.kafka.KeepControl()
				r := req.(*kmsg.MetadataRequest)
				if !lagging.Load() || w.kafka.CurrentNode() != 2 || len(r.Topics) != 1 || *r.Topics[0].Topic != "t" {
					return nil, nil, false
				}
				asked.Add(1)
				resp := r.ResponseKind().(*kmsg.MetadataResponse)
				for node, addr := range w.cluster.Brokers {
					host, port, _ := net.SplitHostPort(addr)
					number, _ := strconv.Atoi(port)
					resp.Brokers = append(resp.Brokers, kmsg.MetadataResponseBroker{NodeID: int32(node), Host: host, Port: int32(number)})
				}
				topic := kmsg.NewMetadataResponseTopic()
				topic.Topic, topic.TopicID = r.Topics[0].Topic, old
				if lag == "no topic" {
					topic.TopicID, topic.ErrorCode = [16]byte{}, kerr.UnknownTopicOrPartition.Code
				} else {
					partition := kmsg.NewMetadataResponseTopicPartition()
					partition.Leader, partition.Replicas, partition.ISR = 0, []int32{0}, []int32{0}
					topic.Partitions = append(topic.Partitions, partition)
				}
				resp.Topics = append(resp.Topics, topic)
				return resp, nil, true
			})
			w.recreate("t", 1)
			lagged := asked.Load() + 5
			eventually(t, "the lagging broker is asked", func() bool { return asked.Load() > lagged })
			if n := w.warned("t"); n != 0 {
				t.Errorf("%d warnings while the brokers do not agree", n)
			}
			lagging.Store(false)
			w.pings("t", 0, 1000, 5)
			eventually(t, "the new topic's events", func() bool { return got.len() == 10 })

			lagging.Store(true)
			w.client.Invalidate("t")
			if err := w.kafka.MoveTopicPartition("t", 0, (w.kafka.PartitionInfo("t", 0).Leader+1)%2); err != nil {
				t.Fatal(err)
			}
			w.pings("t", 0, 2000, 5)
			eventually(t, "the new topic's next events", func() bool { return got.len() >= 15 })
			lagging.Store(false)
			j.stop()
			if numbers := got.numbers(); !slices.Equal(numbers, slices.Concat(from(0, 5), from(1000, 5), from(2000, 5))) {
				t.Errorf("handled %v", numbers)
			}
			if n := w.warned("t"); n != 1 {
				t.Errorf("%d warnings", n)
			}
		})
	}
}
