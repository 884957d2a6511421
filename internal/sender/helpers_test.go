package sender

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/kafka"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const topic = "orders"

// fakeCluster starts an embedded cluster with one topic.
func fakeCluster(t testing.TB, partitions int32, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(partitions, topic)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// open returns a sender to the cluster, closed at the end of the test.
func open(t testing.TB, c *kfake.Cluster, cfg Config, opts ...kafka.Option) *Sender {
	t.Helper()
	client, err := kafka.Open(headrace.Cluster{Brokers: c.ListenAddrs()}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(client, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_ = s.Close(ctx)
		client.Close()
	})
	return s
}

// within is a context for one test, which ends it far below the go command's own limit and far above what a busy machine needs.
func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func record(key string, value string) *Record {
	r := &Record{Partition: AnyPartition, Value: Bytes(value)}
	if key != "" {
		r.Key = []byte(key)
	}
	return r
}

// stored is what a partition holds, read by a protocol of our own so that nothing of the client under test is trusted.
type stored struct {
	partition  int32
	offset     int64
	key, value string
	producerID int64
	epoch      int16
	sequence   int32
}

// contents reads all of a topic with raw fetches.
func contents(t testing.TB, c *kfake.Cluster, topic string) [][]stored {
	t.Helper()
	client, err := kafka.Open(headrace.Cluster{Brokers: c.ListenAddrs()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	info := c.TopicInfo(topic)
	infos := c.PartitionInfos(topic)
	all := make([][]stored, len(infos))
	for i := range infos {
		for next := int64(0); next < infos[i].HighWatermark; {
			req := kmsg.NewPtrFetchRequest()
			req.MaxBytes, req.MaxWaitMillis, req.MinBytes = 64<<20, 100, 1
			rt := kmsg.NewFetchRequestTopic()
			rt.Topic, rt.TopicID = topic, info.TopicID
			rp := kmsg.NewFetchRequestTopicPartition()
			rp.Partition, rp.FetchOffset, rp.PartitionMaxBytes = int32(i), next, 64<<20
			rt.Partitions = append(rt.Partitions, rp)
			req.Topics = append(req.Topics, rt)
			resp, err := client.Request(within(t, time.Minute), c.LeaderFor(topic, int32(i)), req)
			if err != nil {
				t.Fatal(err)
			}
			raw := resp.(*kmsg.FetchResponse).Topics[0].Partitions[0].RecordBatches
			if len(raw) == 0 {
				t.Fatalf("partition %d: nothing at offset %d below %d", i, next, infos[i].HighWatermark)
			}
			for len(raw) > 0 {
				var b kmsg.RecordBatch
				if err := b.ReadFrom(raw); err != nil {
					t.Fatal(err)
				}
				raw = raw[12+b.Length:]
				records, err := kfake.BatchRecords(b)
				if err != nil {
					t.Fatal(err)
				}
				for j, r := range records {
					all[i] = append(all[i], stored{
						partition: int32(i), offset: b.FirstOffset + int64(r.OffsetDelta), key: string(r.Key), value: string(r.Value),
						producerID: b.ProducerID, epoch: b.ProducerEpoch, sequence: b.FirstSequence + int32(j),
					})
				}
				next = b.FirstOffset + int64(b.LastOffsetDelta) + 1
			}
		}
	}
	return all
}

// values flattens what contents returned, in order of partition and offset.
func values(all [][]stored) []string {
	var flat []string
	for _, p := range all {
		for _, r := range p {
			flat = append(flat, r.value)
		}
	}
	return flat
}

// numbered returns "0" … "n-1".
func numbered(n int) []string {
	var s []string
	for i := range n {
		s = append(s, strconv.Itoa(i))
	}
	return s
}

// results collects what receivers are told.
type results chan Result

func (r results) Done(got Result) { r <- got }

func (r results) next(t testing.TB) Result {
	t.Helper()
	select {
	case got := <-r:
		return got
	case <-time.After(time.Minute):
		t.Fatal("no result within a minute")
		return Result{}
	}
}

func (r Result) String() string {
	return fmt.Sprintf("%s/%d@%d %v: %v", r.Topic, r.Partition, r.Offset, r.Outcome, r.Err)
}
