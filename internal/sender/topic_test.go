package sender

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
)

func TestRecordsGoWhereKeyAndCallerSay(t *testing.T) {
	t.Parallel()
	c := fakeCluster(t, 12)
	s := open(t, c, Config{})
	ctx := within(t, time.Minute)
	to := s.Topic(topic)
	// Partitions that Kafka's Java client chooses of 12: toPositive(murmur2(key)) % 12.
	for _, key := range []string{"N14228", "N24211", "kafka", "a"} {
		want := kafka.PartitionForKey([]byte(key), 12)
		if r := s.Send(ctx, to, record(key, key)); r.Err != nil || r.Partition != want {
			t.Errorf("key %s: %v, want partition %d", key, r, want)
		}
	}
	r := record("N14228", "explicit")
	r.Partition = 7
	if got := s.Send(ctx, to, r); got.Err != nil || got.Partition != 7 {
		t.Errorf("explicit partition: %v", got)
	}
	r.Partition = 12
	var no *PartitionError
	if got := s.Send(ctx, to, r); got.Outcome != Failed || !errors.As(got.Err, &no) || *no != (PartitionError{topic, 12, 12}) {
		t.Errorf("partition 12 of 12: %v", got)
	}
}

// TestRecordsWithoutKeyFillOneBatchAndMoveOn is KIP-480.
func TestRecordsWithoutKeyFillOneBatchAndMoveOn(t *testing.T) {
	t.Parallel()
	c := fakeCluster(t, 4)
	s := open(t, c, Config{Linger: time.Minute})
	ctx := within(t, time.Minute)
	used := map[int32]bool{}
	for round := 0; round < 200 && len(used) < 4; round++ { // by chance a few do not suffice
		outcomes := make([]outcome, 10)
		for i := range outcomes {
			if err := s.Append(ctx, s.Topic(topic), record("", strconv.Itoa(i)), &outcomes[i]); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		for i := range outcomes {
			if got, want := outcomes[i].result.Partition, outcomes[0].result.Partition; got != want {
				t.Fatalf("round %d: one batch went to partitions %d and %d", round, want, got)
			}
		}
		used[outcomes[0].result.Partition] = true
	}
	if len(used) != 4 {
		t.Errorf("200 batches went to %d of 4 partitions", len(used))
	}
}

func TestTimeHeadersAndTombstonesArriveAsGiven(t *testing.T) {
	t.Parallel()
	m := newModel(1, 1, 0, 1<<20)
	var raw []byte
	m.script = func(_ context.Context, node int32, req *kafka.ProduceRequest) (*kafka.ProduceResponse, error) {
		raw = append([]byte(nil), req.Partitions[0].Batch...)
		return &kafka.ProduceResponse{Partitions: []kafka.ProduceResult{{BaseOffset: 41}}}, nil
	}
	s := newSender(m, Config{Linger: time.Hour / 100})
	at := time.Date(2013, 1, 1, 10, 0, 0, 123456789, time.UTC)
	headers := []headrace.Header{{Key: "a", Value: []byte("1")}, {Key: "a", Value: []byte{}}, {Key: "b"}}
	if err := s.Append(context.Background(), s.Topic(topic), &Record{Key: []byte("k"), Headers: headers, Time: at}, nil); err != nil {
		t.Fatal(err)
	}
	before := time.Now().UnixMilli()
	if r := s.Send(context.Background(), s.Topic(topic), &Record{Key: []byte{}, Value: Bytes{}}); r.Offset != 42 {
		t.Errorf("the second record of a batch at 41: %v", r)
	}
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	b, _, err := batch.Next(raw)
	if err != nil {
		t.Fatal(err)
	}
	var reader batch.Reader
	if err := reader.Open(b, batch.Limits{}); err != nil {
		t.Fatal(err)
	}
	var rec batch.Record
	if _, err := reader.Next(&rec); err != nil {
		t.Fatal(err)
	}
	if rec.Timestamp != at.UnixMilli() || rec.Value != nil || string(rec.Key) != "k" {
		t.Errorf("tombstone: %+v", rec)
	}
	if diff := cmp.Diff(headers, rec.Headers(nil)); diff != "" {
		t.Error(diff)
	}
	if _, err := reader.Next(&rec); err != nil {
		t.Fatal(err)
	}
	if rec.Value == nil || rec.Key == nil || rec.Timestamp < before || rec.Timestamp > time.Now().UnixMilli() {
		t.Errorf("empty key and value, time of the call: %+v", rec)
	}
}

func TestATopicThatDoesNotExistIsNamed(t *testing.T) {
	t.Parallel()
	c := fakeCluster(t, 1)
	s := open(t, c, Config{})
	r := s.Send(within(t, time.Minute), s.Topic("ordres"), record("k", "v"))
	if r.Outcome != Failed || r.Err == nil || !strings.Contains(r.Err.Error(), "ordres") {
		t.Errorf("got %v", r)
	}
}

func TestATopicThatAppearsIsFound(t *testing.T) {
	t.Parallel()
	c := fakeCluster(t, 1)
	s := open(t, c, Config{})
	ctx := within(t, time.Minute)
	_ = s.Send(ctx, s.Topic("late"), record("k", "v"))
	if err := c.CreateTopic("late", 2, nil); err != nil {
		t.Fatal(err)
	}
	if r := s.Send(ctx, s.Topic("late"), record("k", "v")); r.Outcome != Acked {
		t.Errorf("got %v", r)
	}
}

// TestNewPartitionsAreUsed once metadata is old enough to be looked at again.
func TestNewPartitionsAreUsed(t *testing.T) {
	t.Parallel()
	c := fakeCluster(t, 2)
	s := open(t, c, Config{})
	ctx := within(t, time.Minute)
	to := s.Topic(topic)
	if r := s.Send(ctx, to, record("k", "v")); r.Err != nil {
		t.Fatal(r)
	}
	client, err := kafka.Open(headrace.Cluster{Brokers: c.ListenAddrs()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	req := kmsg.NewPtrCreatePartitionsRequest()
	rt := kmsg.NewCreatePartitionsRequestTopic()
	rt.Topic, rt.Count = topic, 5
	req.Topics, req.TimeoutMillis = append(req.Topics, rt), 1000
	if _, err := client.Request(ctx, kafka.AnyNode, req); err != nil {
		t.Fatal(err)
	}
	to.mu.Lock()
	to.looked = time.Now().Add(-2 * metadataAge)
	to.mu.Unlock()
	for {
		r := record("k", "v")
		r.Partition = 4
		got := s.Send(ctx, to, r)
		if got.Outcome == Acked {
			break
		}
		var no *PartitionError
		if !errors.As(got.Err, &no) {
			t.Fatal(got)
		}
		r.Partition = 0
		if got := s.Send(ctx, to, r); got.Err != nil { // keeps the topic in use
			t.Fatal(got)
		}
	}
}

// TestALeaderThatMovesAndABrokerThatGoesAreFollowed while other partitions go on.
func TestALeaderThatMovesAndABrokerThatGoesAreFollowed(t *testing.T) {
	t.Parallel()
	c := fakeCluster(t, 3, kfake.NumBrokers(3))
	s := open(t, c, Config{})
	ctx := within(t, time.Minute)
	n := 0
	for range 5 {
		for node := range int32(3) {
			if err := c.MoveTopicPartition(topic, 0, node); err != nil {
				t.Fatal(err)
			}
			r := record("", strconv.Itoa(n))
			r.Partition = 0
			if got := s.Send(ctx, s.Topic(topic), r); got.Outcome != Acked {
				t.Fatalf("with the leader moved to %d: %v", node, got)
			}
			n++
		}
	}
	if err := c.RemoveNode(2); err != nil {
		t.Fatal(err)
	}
	for p := range int32(3) {
		r := record("", strconv.Itoa(n))
		r.Partition = p
		if got := s.Send(ctx, s.Topic(topic), r); got.Outcome != Acked {
			t.Fatalf("with broker 2 gone, to partition %d: %v", p, got)
		}
		n++
	}
	inOrder(t, contents(t, c, topic), n)
}

func TestARefusedProducerIDFailsTheRecords(t *testing.T) {
	t.Parallel()
	c := fakeCluster(t, 1)
	s := open(t, c, Config{})
	ctx := within(t, time.Minute)
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Err: kerr.ClusterAuthorizationFailed, TopLevel: true})
	if r := s.Send(ctx, s.Topic(topic), record("k", "v")); r.Outcome != Failed || !errors.Is(r.Err, kerr.ClusterAuthorizationFailed) {
		t.Fatalf("got %v", r)
	}
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Err: kerr.CoordinatorLoadInProgress, TopLevel: true, Count: 3})
	if r := s.Send(ctx, s.Topic(topic), record("k", "v")); r.Outcome != Acked {
		t.Fatalf("after a refusal that passes: %v", r)
	}
}
