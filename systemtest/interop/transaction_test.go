package interop

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/javaclient"
	"github.com/headrace/headrace/systemtest/internal/record"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// dropAborted has Java write 200 transactions, every fifth or so aborted, and runs a worker over them: it must handle
// what Java reads as committed, in order, and see neither aborted events nor the markers of the transactions' ends.
func dropAborted(t *testing.T, b *bench) {
	const topic, transactions = "transactions", 200
	admin.CreateTopic(t, b.cluster, topic, 2, nil)
	reg := stack.Registry(t, b.registry)
	encode := encoder(t, reg, topic)

	var steps []javaclient.Step
	written, aborts := 0, 0
	for range transactions {
		steps = append(steps, javaclient.Begin)
		for range 1 + rand.IntN(20) {
			steps = append(steps, javaclient.Send(record.Record{
				Partition: int32(written % 2), Key: record.Bytes("k"), Value: encode(events.Numbered{Key: "k", Number: int64(written)}),
			}))
			written++
		}
		if rand.IntN(5) == 0 {
			aborts++
			steps = append(steps, javaclient.Abort)
		} else {
			steps = append(steps, javaclient.Commit)
		}
	}
	b.java.Write(t, topic, javaclient.Writer{Codec: "lz4", TransactionalID: "interop"}, steps...)
	want := offsets(b.java.Read(t, topic, javaclient.Committed))

	got := map[int32][]int64{}
	handled := make(chan consumer.Info)
	w := stack.Work(t, consumer.Config{
		Cluster: stack.Cluster(b.cluster), Registry: reg, Group: "transactions", Topics: []string{topic},
	}, consumer.On(func(ctx context.Context, _ events.Numbered) error {
		handled <- consumer.InfoFrom(ctx)
		return nil
	}))
	for range len(want[0]) + len(want[1]) {
		select {
		case info := <-handled:
			got[info.Partition] = append(got[info.Partition], info.Offset)
		case <-w.Ended():
			t.Fatalf("worker ended: %v", w.Wait())
		case <-time.After(time.Minute):
			t.Fatalf("no event for a minute after %d", len(got[0])+len(got[1]))
		}
	}
	committed := awaitCommitted(t, b, "transactions", topic)
	if err := w.Stop(); err != nil {
		t.Errorf("worker: %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("offsets handled differ from those Java reads as committed (-java +worker):\n%s", diff)
	}
	if diff := cmp.Diff(admin.Ends(t, b.cluster, topic), committed); diff != "" {
		t.Errorf("the group stopped before the end of the topic, whose last records are markers (-end +committed):\n%s", diff)
	}
	t.Logf("%d transactions with %d events, %d aborted: %d committed events handled, 0 aborted, 0 markers",
		transactions, written, aborts, len(want[0])+len(want[1]))
}

// awaitCommitted waits until the group has committed the end of the topic, and returns what it has committed.
func awaitCommitted(t *testing.T, b *bench, group, topic string) map[int32]int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ends := admin.Ends(t, b.cluster, topic)
	for {
		committed, err := admin.Committed(ctx, b.cluster, group, topic)
		if err != nil || cmp.Equal(ends, committed) {
			return committed
		}
	}
}

func offsets(records []record.Record) map[int32][]int64 {
	byPartition := map[int32][]int64{}
	for _, r := range records {
		byPartition[r.Partition] = append(byPartition[r.Partition], r.Offset)
	}
	return byPartition
}

// encoder registers the event's schema and returns what writes an event in the wire format, for clients that only
// know bytes.
func encoder(t *testing.T, reg *registry.Client, topic string) func(events.Numbered) record.Bytes {
	t.Helper()
	parsed, err := schema.Parse(events.Numbered{}.AvroSchema())
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
