package sender

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/headrace/headrace/internal/kafka"
)

// TestTopicRecreatedUnderALiveProducer: the new topic has fewer partitions and other leaders, and their epochs begin anew.
func TestTopicRecreatedUnderALiveProducer(t *testing.T) {
	t.Parallel()
	c := fakeCluster(t, 6, kfake.NumBrokers(3))
	s := open(t, c, Config{DeliveryTimeout: time.Minute})
	ctx := within(t, time.Minute)
	to := s.Topic(topic)
	leaders := map[int32]int32{}
	for p := range int32(6) {
		for range 3 { // raises the epoch
			leaders[p] = (c.PartitionInfo(topic, p).Leader + 1) % 3
			if err := c.MoveTopicPartition(topic, p, leaders[p]); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range 60 {
		if r := s.Send(ctx, to, record(strconv.Itoa(i), "old")); r.Err != nil {
			t.Fatalf("%v", r)
		}
	}
	if err := c.DeleteTopic(topic); err != nil {
		t.Fatal(err)
	}
	if err := c.CreateTopic(topic, 2, nil); err != nil {
		t.Fatal(err)
	}
	for p := range int32(2) { // to a broker that does not lead the old one, with an epoch below the old one's
		if other := (leaders[p] + 1) % 3; c.PartitionInfo(topic, p).Leader == leaders[p] {
			if err := c.MoveTopicPartition(topic, p, other); err != nil {
				t.Fatal(err)
			}
		}
	}

	// The first event, of which the sender does not know that there is another topic, goes to a partition that both have.
	first := 0
	for kafka.PartitionForKey([]byte(strconv.Itoa(first)), 6) > 1 {
		first++
	}
	var want []string
	for i := range 60 {
		key := strconv.Itoa(first + i)
		r := s.Send(ctx, to, record(key, key))
		if r.Err != nil {
			t.Fatalf("event %s: %v", key, r)
		}
		want = append(want, key)
		if i > 0 && r.Partition != kafka.PartitionForKey([]byte(key), 2) {
			t.Errorf("event %s went to partition %d of 2", key, r.Partition)
		}
	}
	got := values(contents(t, c, topic))
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the new topic has %v, acknowledged are %v", got, want)
	}
}
