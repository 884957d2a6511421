package fetch

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/zap"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/kafka"
)

// TestTheNextChunkComesWhileOneIsWorkedOn: a reader that holds a chunk finds the next one waiting, and no more than that one is fetched
// ahead.
func TestTheNextChunkComesWhileOneIsWorkedOn(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t", "u"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := kafka.Open(headrace.Cluster{Brokers: cluster.ListenAddrs()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	const batches, record = 4, 12 // each batch is more than one request asks for
	for range batches {
		produce(t, client, "t", sealed(t, 0, minAsk/record))
		produce(t, client, "u", sealed(t, 0, minAsk/record))
	}

	f := New(Config{Client: client, Logger: zap.NewNop(), BufferBytes: minAsk, PartitionBytes: minAsk})
	t.Cleanup(f.Stop)
	out := make(chan Delivery, 1)
	feed := NewFeed(kafka.TopicPartition{Topic: "t"}, [16]byte{}, 0, out)
	f.Add(feed)

	first := next(t, out)
	feed.Taken()
	second := next(t, out) // while first is not released
	if first.Chunk.End != second.Chunk.From || len(second.Chunk.Batches) == 0 {
		t.Errorf("the chunk ahead is %d to %d, behind one that ends at %d", second.Chunk.From, second.Chunk.End, first.Chunk.End)
	}
	// The second was not said to be taken, so nobody fetches on: not even while the same broker is asked for another topic, again and again.
	others := make(chan Delivery, 1)
	other := NewFeed(kafka.TopicPartition{Topic: "u"}, [16]byte{}, 0, others)
	f.Add(other)
	for range batches {
		d := next(t, others)
		other.Taken()
		d.Chunk.Release()
	}
	select {
	case d := <-out:
		t.Errorf("chunk of %d to %d came although one waits", d.Chunk.From, d.Chunk.End)
	default:
	}
	first.Chunk.Release()
	feed.Taken()
	third := next(t, out)
	if third.Chunk.From != second.Chunk.End {
		t.Errorf("the third chunk begins at %d, the second ends at %d", third.Chunk.From, second.Chunk.End)
	}
}

func next(t *testing.T, out <-chan Delivery) Delivery {
	t.Helper()
	select {
	case d := <-out:
		if d.Err != nil {
			t.Fatal(d.Err)
		}
		return d
	case <-time.After(2 * time.Minute):
		t.Fatal("nothing fetched")
		return Delivery{}
	}
}

func produce(t *testing.T, client *kafka.Client, name string, raw []byte) {
	t.Helper()
	err := client.Retry(t.Context(), func(ctx context.Context) error {
		topic, err := client.Topic(ctx, name)
		if err != nil {
			return err
		}
		node := topic.Partitions[0].Leader
		answer, err := client.Produce(ctx, node, &kafka.ProduceRequest{Partitions: []kafka.ProduceBatch{{Topic: name, Batch: raw}}})
		if err != nil {
			return err
		}
		return answer.Partitions[0].Err
	})
	if err != nil {
		t.Fatal(err)
	}
}
