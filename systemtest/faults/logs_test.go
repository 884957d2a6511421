package faults

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/record"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// compacted is a topic whose closed segments are cleaned at once.
var compacted = map[string]string{
	"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01", "segment.ms": "1000", "min.compaction.lag.ms": "0",
	"delete.retention.ms": "0",
}

// emptiedBatches makes batches without records: the cleaner keeps the last batch of an idempotent producer for its sequence numbers'
// sake although every record of it has been replaced. A worker must read on behind them.
func emptiedBatches(t *trial) {
	const writers = 6
	topic, group := t.name("events"), t.name("group")
	admin.CreateTopic(t, t.kafka(), topic, 1, compacted)
	reg := t.registry()
	encode := t.encoder(reg, topic)
	written := 0
	for range writers {
		// Each call is a producer of its own, whose only batch the next one's makes obsolete.
		var batch []record.Record
		for range 20 {
			batch = append(batch, record.Record{
				Key: fmt.Appendf(nil, "key-%d", written%4), Value: encode(events.Numbered{Key: "k", Number: int64(written)}),
			})
			written++
		}
		admin.Write(t, t.kafka(), topic, batch...)
	}
	empty := 0
	t.until(90*time.Second, "the cleaner empties the batches of all writers but the last", func() bool {
		// The newest segment is never cleaned.
		admin.Write(t, t.kafka(), topic, record.Record{Key: record.Bytes("roll"), Value: encode(events.Numbered{Key: "roll"})})
		<-time.After(1100 * time.Millisecond)
		empty, _ = admin.EmptyBatches(t, t.kafka(), topic, 0)
		return empty >= writers-1
	})
	admin.Configure(t, t.kafka(), topic, "cleanup.policy", "delete") // so that the worker finds what the other reader found
	var left []int64
	admin.ReadAll(t, t.kafka(), topic, func(r record.Record) { left = append(left, r.Offset) })
	got := t.handleAll(reg, group, topic, len(left))
	slices.Sort(got) // the keys differ, and so may the order
	t.n += len(left)
	t.compare("events", left, got)
	t.figure("emptied batches", "%d", empty)
}

// abortedTransactions writes transactions of which every fifth or so is aborted. A worker must handle what was committed, in order,
// and see neither aborted events nor the markers of the transactions' ends.
func abortedTransactions(t *trial) {
	topic, group := t.name("events"), t.name("group")
	admin.CreateTopic(t, t.kafka(), topic, 1, nil)
	reg := t.registry()
	encode := t.encoder(reg, topic)
	client, err := kgo.NewClient(kgo.SeedBrokers(t.kafka().Internal()...), kgo.DefaultProduceTopic(topic),
		kgo.TransactionalID(topic), kgo.ProducerLinger(0))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	transactions := pick(100, 500)
	aborts, written := 0, 0
	var want []int64
	for range transactions {
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		var batch []*kgo.Record
		for range 1 + t.random.IntN(20) {
			batch = append(batch, &kgo.Record{Key: []byte("k"), Value: encode(events.Numbered{Key: "k", Number: int64(written)})})
			written++
		}
		if err := client.ProduceSync(t.Context(), batch...).FirstErr(); err != nil {
			t.Fatal(err)
		}
		end := kgo.TryCommit
		if t.random.IntN(5) == 0 {
			end = kgo.TryAbort
			aborts++
		} else {
			for _, r := range batch {
				want = append(want, r.Offset)
			}
		}
		if err := client.EndTransaction(t.Context(), end); err != nil {
			t.Fatal(err)
		}
	}
	got := t.handleAll(reg, group, topic, len(want))
	t.n += written
	t.compare("committed events", want, got)
	t.figure("transactions", "%d", transactions)
	t.figure("aborted", "%d", aborts)
}

// handleAll runs a worker until it has handled so many events and committed the end of the topic's partition 0, and returns their
// offsets.
func (t *trial) handleAll(reg *registry.Client, group, topic string, n int) (got []int64) {
	t.Helper()
	handled := make(chan int64)
	w := stack.Work(t, consumer.Config{
		Cluster: t.cluster(), Registry: reg, Group: group, Topics: []string{topic}, Tuning: consumer.Tuning{CommitInterval: commitInterval},
	}, consumer.On(func(ctx context.Context, _ events.Numbered) error {
		handled <- consumer.InfoFrom(ctx).Offset
		return nil
	}))
	for len(got) < n {
		select {
		case offset := <-handled:
			got = append(got, offset)
		case <-w.Ended():
			t.Fatalf("worker ended: %v", w.Wait())
		case <-time.After(time.Minute):
			t.Fatalf("no event for a minute after %d of %d", len(got), n)
		}
	}
	end := admin.Ends(t, t.kafka(), topic)[0]
	t.until(time.Minute, fmt.Sprintf("offset %d is committed", end), func() bool {
		select {
		case extra := <-handled:
			got = append(got, extra)
		default:
		}
		committed, err := admin.Committed(t.Context(), t.kafka(), group, topic)
		return err == nil && committed[0] == end
	})
	if err := w.Stop(); err != nil {
		t.Errorf("worker: %v", err)
	}
	return got
}

// compare adds to the verdict how the offsets handled differ from those another reader found.
func (t *trial) compare(what string, want, got []int64) {
	t.Helper()
	if slices.Equal(want, got) {
		return
	}
	t.Errorf("%s handled at offsets %v, want %v", what, got, want)
	for _, offset := range want {
		if !slices.Contains(got, offset) {
			t.verdict.Lost++
		}
	}
	for _, offset := range got {
		if !slices.Contains(want, offset) {
			t.verdict.FalseOK++ // taken for an event and none
		}
	}
	if !slices.IsSorted(got) {
		t.verdict.Reordered++
	}
}

// encoder registers the event's schema and returns what writes an event in the wire format, for clients that only know bytes.
func (t *trial) encoder(reg *registry.Client, topic string) func(events.Numbered) record.Bytes {
	t.Helper()
	parsed, err := schema.Of[events.Numbered]()
	if err != nil {
		t.Fatal(err)
	}
	id, err := reg.Register(t.Context(), schema.TopicName(topic), parsed)
	if err != nil {
		t.Fatal(err)
	}
	avro, err := schema.NewEncoder[events.Numbered]()
	if err != nil {
		t.Fatal(err)
	}
	return func(e events.Numbered) record.Bytes {
		value, err := avro.Append(schema.AppendID(nil, id), &e)
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}
