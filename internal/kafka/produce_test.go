package kafka

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestProduceAnswersInTheOrderOfTheRequest(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	fake := testCluster(t, kfake.NumBrokers(1), kfake.SeedTopics(3, "alerts"))
	client := testClient(t, plainCluster(fake))
	fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "alerts", Partitions: []int32{1}, Err: kerr.NotEnoughReplicas})
	batches := []ProduceBatch{
		{Topic: "flights", Partition: 2, Batch: testBatch(0, "a", "b")},
		{Topic: "alerts", Partition: 1, Batch: testBatch(0, "refused")},
		{Topic: "flights", Partition: 0, Batch: testBatch(0, "c")},
		{Topic: "alerts", Partition: 0, Batch: testBatch(0, "d", "e", "f")},
	}
	if _, err := client.Topic(ctx, "flights"); err != nil {
		t.Fatal(err)
	}
	for round := range int64(2) {
		resp, err := client.Produce(ctx, 0, &ProduceRequest{Partitions: batches})
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range resp.Partitions {
			if r.Topic != batches[i].Topic || r.Partition != batches[i].Partition {
				t.Errorf("answer %d is for %s/%d", i, r.Topic, r.Partition)
			}
		}
		for i, want := range []int64{2 * round, 0, round, 3 * round} {
			if i == 1 && round == 0 {
				if err := resp.Partitions[1].Err; !errors.Is(err, kerr.NotEnoughReplicas) || !Retriable(err) || !strings.Contains(err.Error(), `topic "alerts" partition 1`) {
					t.Errorf("refused batch has error %v", err)
				}
				continue
			}
			if r := resp.Partitions[i]; r.Err != nil || r.BaseOffset != want {
				t.Errorf("round %d, batch %d: offset %d, %v, want %d", round, i, r.BaseOffset, r.Err, want)
			}
		}
	}
}

// The frame written by hand is what kmsg writes for the same request, at every version.
func TestProduceFrameEqualsKmsgs(t *testing.T) {
	t.Parallel()
	req := &ProduceRequest{Partitions: []ProduceBatch{
		{Topic: "b", Partition: 7, Batch: testBatch(0, "one")},
		{Topic: "a", Partition: 1, Batch: testBatch(0, strings.Repeat("x", 70_000))},
		{Topic: "b", Partition: 3, Batch: testBatch(0, "two")},
	}}
	for _, txn := range []string{"", "txn-1"} {
		req.TransactionalID = txn
		for version := supported(0).min; version <= supported(0).max; version++ {
			m := newProduceMessage(req)
			pieces, err := m.frame(version, 42, "client")
			if err != nil {
				t.Fatal(err)
			}
			want := kmsg.NewPtrProduceRequest()
			want.Version, want.Acks, want.TimeoutMillis, want.TransactionID = version, -1, 30_000, optional(txn)
			for _, topic := range []struct {
				name  string
				parts []int
			}{{"a", []int{1}}, {"b", []int{0, 2}}} {
				w := kmsg.NewProduceRequestTopic()
				w.Topic = topic.name
				for _, i := range topic.parts {
					p := req.Partitions[i]
					w.Partitions = append(w.Partitions, kmsg.ProduceRequestTopicPartition{Partition: p.Partition, Records: p.Batch})
				}
				want.Topics = append(want.Topics, w)
			}
			formatter := kmsg.NewRequestFormatter(kmsg.FormatterClientID("client"))
			if got := bytes.Join(pieces, nil); !bytes.Equal(got, formatter.AppendRequest(nil, want, 42)) {
				t.Errorf("version %d: frames differ", version)
			}
		}
	}
}

func TestProduceToldWhatTheBrokerLeavesOut(t *testing.T) {
	t.Parallel()
	b := newFakeBroker(t, answerTo(kmsg.Produce, func(_ *fakeBroker, r fakeRequest) ([]byte, error) {
		resp := kmsg.NewPtrProduceResponse()
		topic := kmsg.NewProduceResponseTopic()
		topic.Topic = "flights"
		p := kmsg.NewProduceResponseTopicPartition()
		p.Partition, p.ErrorCode, p.ErrorMessage = 1, kerr.InvalidRecord.Code, kmsg.StringPtr("no key")
		p.ErrorRecords = []kmsg.ProduceResponseTopicPartitionErrorRecord{{RelativeOffset: 4, ErrorMessage: kmsg.StringPtr("key is null")}}
		topic.Partitions = append(topic.Partitions, p)
		resp.Topics = append(resp.Topics, topic)
		return r.reply(resp), nil
	}))
	client, ctx := testClient(t, b.cluster()), testContext(t)
	resp, err := client.Produce(ctx, 1, &ProduceRequest{Partitions: []ProduceBatch{
		{Topic: "flights", Partition: 0, Batch: testBatch(0, "a")},
		{Topic: "flights", Partition: 1, Batch: testBatch(0, "b")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Partitions[0].Err; !errors.Is(err, ErrNoAnswer) || !Retriable(err) {
		t.Errorf("partition left out has error %v", err)
	}
	refused := resp.Partitions[1]
	if !errors.Is(refused.Err, kerr.InvalidRecord) || !strings.Contains(refused.Err.Error(), "no key") || refused.BaseOffset != -1 {
		t.Errorf("refused partition is %+v", refused)
	}
	if len(refused.RecordErrors) != 1 || refused.RecordErrors[0] != (RecordError{4, "key is null"}) {
		t.Errorf("record errors are %v", refused.RecordErrors)
	}
}

func TestProduceReportsTheNewLeader(t *testing.T) {
	t.Parallel()
	b := newFakeBroker(t, answerTo(kmsg.Produce, func(_ *fakeBroker, r fakeRequest) ([]byte, error) {
		resp := kmsg.NewPtrProduceResponse()
		topic := kmsg.NewProduceResponseTopic()
		topic.Topic = "flights"
		p := kmsg.NewProduceResponseTopicPartition()
		p.ErrorCode = kerr.NotLeaderForPartition.Code
		p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch = 4, 9
		topic.Partitions = append(topic.Partitions, p)
		resp.Topics = append(resp.Topics, topic)
		return r.reply(resp), nil
	}))
	result, err := produceOne(testContext(t), testClient(t, b.cluster()), "flights", 0, testBatch(0, "a"))
	if !errors.Is(err, kerr.NotLeaderForPartition) || result.Leader != 4 || result.LeaderEpoch != 9 {
		t.Errorf("result is %+v, %v", result, err)
	}
}

func TestInitProducerIDStartsAndBumps(t *testing.T) {
	t.Parallel()
	ctx, fake := testContext(t), testCluster(t)
	client := testClient(t, plainCluster(fake))
	first, err := client.InitProducerID(ctx, "", NoProducerID)
	if err != nil || first.ID < 0 || first.Epoch != 0 {
		t.Fatalf("first identity is %+v, %v", first, err)
	}
	second, err := client.InitProducerID(ctx, "", NoProducerID)
	if err != nil || second.ID == first.ID {
		t.Errorf("second identity is %+v, %v", second, err)
	}
	bumped, err := client.InitProducerID(ctx, "", first)
	if err != nil || bumped == first {
		t.Errorf("bumped identity is %+v, %v", bumped, err)
	}
	fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, TopLevel: true, Err: kerr.ClusterAuthorizationFailed})
	if _, err := client.InitProducerID(ctx, "", NoProducerID); !errors.Is(err, kerr.ClusterAuthorizationFailed) || Retriable(err) {
		t.Errorf("error is %v", err)
	}
	if _, err := client.InitProducerID(ctx, "txn-1", NoProducerID); err != nil {
		t.Errorf("with a transactional id: %v", err)
	}
}

func TestPartitionForKeyIsJavas(t *testing.T) {
	t.Parallel()
	// The hashes are those of Kafka's own UtilsTest.testMurmur2.
	for key, want := range map[string]int32{
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536,
		"a-little-bit-longer-string": -1486304829, "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971, "abc": 479470107,
	} {
		if got := int32(Murmur2([]byte(key))); got != want {
			t.Errorf("murmur2(%q) is %d, want %d", key, got, want)
		}
		if got := PartitionForKey([]byte(key), 12); got != (want&0x7fffffff)%12 {
			t.Errorf("partition of %q is %d", key, got)
		}
	}
	if got := PartitionForKey([]byte("x"), 0); got != 0 {
		t.Errorf("partition among none is %d", got)
	}
}
