package fetch

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/zap"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/kafka"
)

// TestRemovedFeedTakesNoPlace: the leader of a feed is found when the feed has been removed and the partition has another one, as
// after a membership that was lost because of the leader. The other one is still fetched for.
func TestRemovedFeedTakesNoPlace(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := kafka.Open(headrace.Cluster{Brokers: cluster.ListenAddrs()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	produce(t, client, "t", sealed(t, 0, 3))

	f := New(Config{Client: client, Logger: zap.NewNop(), BufferBytes: minAsk, PartitionBytes: minAsk})
	t.Cleanup(f.Stop)
	out := make(chan Delivery, 1)
	late, feed := NewFeed(kafka.TopicPartition{Topic: "t"}, [16]byte{}, 0, out), NewFeed(kafka.TopicPartition{Topic: "t"}, [16]byte{}, 0, out)
	f.Remove(late)
	f.Add(feed)
	first := next(t, out)
	leader, _, err := f.leader(feed)
	if err != nil {
		t.Fatal(err)
	}
	f.enter(leader, late)

	feed.Taken()
	produce(t, client, "t", sealed(t, 0, 2))
	if second := next(t, out); second.Feed != feed || second.Chunk.From != first.Chunk.End {
		t.Errorf("after a removed feed has come, %d follows %d", second.Chunk.From, first.Chunk.End)
	}
}
