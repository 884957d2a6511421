package kafka

import (
	"bytes"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// want lists partitions to fetch from their beginning.
func want(topic string, partitions ...int32) []FetchPartition {
	var list []FetchPartition
	for _, p := range partitions {
		list = append(list, FetchPartition{Topic: topic, Partition: p, LeaderEpoch: -1})
	}
	return list
}

// fetched gives the records of an answer by partition, and releases it.
func fetched(t *testing.T, resp *FetchResponse) map[int32][]byte {
	t.Helper()
	records := make(map[int32][]byte)
	for _, p := range resp.Partitions {
		if p.Err != nil {
			t.Error(p.Err)
		}
		records[p.Partition] = bytes.Clone(p.Records)
	}
	resp.Release()
	resp.Release()
	return records
}

func TestFetchReportsEachPartitionsError(t *testing.T) {
	t.Parallel()
	ctx, fake := testContext(t), testCluster(t, kfake.NumBrokers(1))
	client := testClient(t, plainCluster(fake))
	if _, err := produceOne(ctx, client, "flights", 0, testBatch(0, "one")); err != nil {
		t.Fatal(err)
	}
	req := &FetchRequest{Session: new(FetchSession), Partitions: append(want("flights", 0, 1), want("flihgts", 0)...)}
	req.Partitions[1].Offset = 99
	for range 2 {
		resp, err := client.Fetch(ctx, 0, req)
		if err != nil {
			t.Fatal(err)
		}
		byKey := make(map[TopicPartition]FetchedPartition)
		for _, p := range resp.Partitions {
			byKey[TopicPartition{p.Topic, p.Partition}] = p
		}
		if p := byKey[TopicPartition{"flights", 0}]; p.Err != nil || len(p.Records) == 0 || p.HighWatermark != 1 {
			t.Errorf("good partition is %+v", p)
		}
		if err := byKey[TopicPartition{"flights", 1}].Err; !errors.Is(err, kerr.OffsetOutOfRange) || !strings.Contains(err.Error(), "partition 1") {
			t.Errorf("partition beyond its end has error %v", err)
		}
		if err := byKey[TopicPartition{"flihgts", 0}].Err; !errors.Is(err, kerr.UnknownTopicOrPartition) {
			t.Errorf("partition of no topic has error %v", err)
		}
		resp.Release()
	}
}

func fetchAnswer() *kmsg.FetchResponse {
	resp := kmsg.NewPtrFetchResponse()
	resp.ThrottleMillis, resp.SessionID = 20, 77
	topic := kmsg.NewFetchResponseTopic()
	topic.Topic = "flights"
	p := kmsg.NewFetchResponseTopicPartition()
	p.Partition, p.HighWatermark, p.LastStableOffset, p.LogStartOffset = 3, 100, 90, 10
	p.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{{ProducerID: 5, FirstOffset: 50}, {ProducerID: 6, FirstOffset: 60}}
	p.PreferredReadReplica, p.RecordBatches = 2, testBatch(40, "one", "two")
	q := kmsg.NewFetchResponseTopicPartition()
	q.Partition, q.ErrorCode, q.PreferredReadReplica = 4, kerr.NotLeaderForPartition.Code, -1
	q.CurrentLeader.LeaderID, q.CurrentLeader.LeaderEpoch = 8, 9
	topic.Partitions = append(topic.Partitions, p, q)
	resp.Topics = append(resp.Topics, topic)
	return resp
}

func TestFetchAnswerIsReadWhole(t *testing.T) {
	t.Parallel()
	for version := supported(1).min; version <= supported(1).max; version++ {
		answer := fetchAnswer()
		answer.Version = version
		m := newFetchMessage(&FetchRequest{Partitions: want("flights", 3, 4)}, 1<<20, new(sync.Pool))
		if err := m.parse(version, answer.AppendTo(nil)); err != nil {
			t.Fatal(err)
		}
		got := m.response(1)
		if got.Throttle != 20*time.Millisecond || m.sessionID != 77 || len(got.Partitions) != 2 {
			t.Fatalf("version %d: answer is %+v", version, got)
		}
		if diff := cmp.Diff(FetchedPartition{
			Topic: "flights", Partition: 3, HighWatermark: 100, LastStableOffset: 90, LogStartOffset: 10,
			Aborted: []AbortedTransaction{{5, 50}, {6, 60}}, PreferredReplica: 2, Leader: -1, LeaderEpoch: -1,
			Records: testBatch(40, "one", "two"),
		}, got.Partitions[0]); diff != "" {
			t.Error(diff)
		}
		q := got.Partitions[1]
		if !errors.Is(q.Err, kerr.NotLeaderForPartition) || (version >= 12 && (q.Leader != 8 || q.LeaderEpoch != 9)) {
			t.Errorf("version %d: moved partition is %+v", version, q)
		}
	}
}

func TestFetchAnswerCutAnywhereIsAnError(t *testing.T) {
	t.Parallel()
	for version := supported(1).min; version <= supported(1).max; version++ {
		answer := fetchAnswer()
		answer.Version = version
		whole := answer.AppendTo(nil)
		for n := range whole {
			m := newFetchMessage(&FetchRequest{Partitions: want("flights", 3, 4)}, 1<<20, new(sync.Pool))
			if err := m.parse(version, whole[:n]); err == nil {
				t.Errorf("version %d: %d of %d bytes are accepted", version, n, len(whole))
			}
		}
	}
}

func TestFetchAnswerThatCountsMoreThanItHoldsIsAnError(t *testing.T) {
	t.Parallel()
	answer := fetchAnswer()
	answer.Version = 11
	body := answer.AppendTo(nil)
	const topics, partitions, aborted = 10, 10 + 4 + 9, 10 + 4 + 9 + 4 + 4 + 2 + 24
	for name, at := range map[string]int{"topics": topics, "partitions": partitions, "aborted transactions": aborted} {
		hostile := bytes.Clone(body)
		copy(hostile[at:], []byte{0x07, 0xff, 0xff, 0xff})
		m := newFetchMessage(&FetchRequest{Partitions: want("flights", 3, 4)}, 1<<20, new(sync.Pool))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := m.parse(11, hostile)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("2^27 %s in %d bytes are accepted", name, len(hostile))
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 {
			t.Errorf("2^27 %s made it allocate %d bytes", name, n)
		}
	}
}

func FuzzFetchAnswer(f *testing.F) {
	for _, version := range []int16{11, 12} {
		answer := fetchAnswer()
		answer.Version = version
		f.Add(version == 12, answer.AppendTo(nil))
	}
	f.Fuzz(func(_ *testing.T, compact bool, body []byte) {
		version := int16(11)
		if compact {
			version = 12
		}
		m := newFetchMessage(&FetchRequest{Partitions: want("flights", 3)}, 1<<20, new(sync.Pool))
		if m.parse(version, body) == nil {
			m.response(1)
		}
	})
}

func TestReleasedBufferServesTheNextAnswer(t *testing.T) {
	t.Parallel()
	answer := fetchAnswer()
	answer.Version = 12
	frame := fakeRequest{key: int16(kmsg.Fetch), version: 12}.reply(answer)
	reader := frameReader{request: "Fetch", limit: 1 << 20}
	var buf []byte
	first, err := reader.read(bytes.NewReader(frame), &buf)
	if err != nil {
		t.Fatal(err)
	}
	second, err := reader.read(bytes.NewReader(frame), &buf)
	if err != nil {
		t.Fatal(err)
	}
	if &first[0] != &second[0] || !bytes.Equal(second, frame[4:]) {
		t.Error("second answer is in other memory, or other bytes")
	}
	m := newFetchMessage(&FetchRequest{Partitions: want("flights", 3, 4)}, 1<<20, new(sync.Pool))
	m.pooled = &buf
	if err := m.parse(12, second[5:]); err != nil {
		t.Fatal(err)
	}
	resp := m.response(1)
	resp.Release()
	if resp.Partitions[0].Records != nil {
		t.Error("records are still there after Release")
	}
}
