package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/reader"
)

const (
	copySource = "orders"
	copyTarget = "orders.again"
	copyID     = "replay-1"
)

// copyWorld is a broker with a topic to copy and one to copy to.
type copyWorld struct {
	t       *testing.T
	broker  *kfake.Cluster
	cluster headrace.Cluster
	client  *kgo.Client
	file    string
	parts   int32
}

func newCopyWorld(t *testing.T, partitions int32) *copyWorld {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, copySource, copyTarget, "more"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	w := &copyWorld{
		t: t, broker: broker, cluster: headrace.Cluster{Brokers: broker.ListenAddrs()},
		file: filepath.Join(t.TempDir(), "copy.json"), parts: partitions,
	}
	w.client = w.writer()
	return w
}

func (w *copyWorld) writer(opts ...kgo.Opt) *kgo.Client {
	w.t.Helper()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(w.broker.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(client.Close)
	return client
}

func (w *copyWorld) put(client *kgo.Client, records ...*kgo.Record) {
	w.t.Helper()
	if err := client.ProduceSync(w.t.Context(), records...).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
}

// fill writes n events into each partition of the source, in batches of all sizes and codecs.
func (w *copyWorld) fill(random *rand.Rand, n int) {
	w.t.Helper()
	var clients []*kgo.Client
	for _, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.ZstdCompression(), kgo.Lz4Compression()} {
		clients = append(clients, w.writer(kgo.ProducerBatchCompression(codec)))
	}
	for partition := range w.parts {
		for i := 0; i < n; {
			some := min(1+random.IntN(40), n-i)
			records := make([]*kgo.Record, some)
			for j := range records {
				records[j] = copyRecord(random, copySource, partition, i+j)
			}
			w.put(clients[random.IntN(len(clients))], records...)
			i += some
		}
	}
}

func copyRecord(random *rand.Rand, topic string, partition int32, i int) *kgo.Record {
	r := &kgo.Record{
		Topic: topic, Partition: partition, Timestamp: time.UnixMilli(1700000000000 + int64(random.IntN(1000))),
		Key: fmt.Appendf(nil, "k%d", i%7), Value: bytes.Repeat(fmt.Appendf(nil, "value %d ", i), 1+random.IntN(9)),
	}
	switch random.IntN(8) {
	case 0:
		r.Value = nil
	case 1:
		r.Key = nil
	case 2:
		r.Value = []byte{}
	case 3:
		r.Headers = []kgo.RecordHeader{{Key: "trace", Value: []byte("abc")}, {Key: "none"}, {Key: "trace", Value: []byte{}}}
	}
	return r
}

// plan copies everything that the source holds now.
func (w *copyWorld) plan(raw bool, topics ...string) Plan {
	w.t.Helper()
	p := Plan{Version: PlanVersion, ID: copyID, Target: Target{Topic: copyTarget, Raw: raw}}
	if topics == nil {
		topics = []string{copySource}
	}
	for _, topic := range topics {
		ranges, err := reader.Resolve(w.t.Context(), w.cluster, topic, nil, reader.Range{To: reader.AtEnd()})
		if err != nil {
			w.t.Fatal(err)
		}
		for _, r := range ranges {
			p.Spans = append(p.Spans, Span{Topic: topic, Partition: r.Partition, OffsetRange: r.OffsetRange})
		}
	}
	return p
}

func (w *copyWorld) config(plan Plan) CopyConfig {
	return CopyConfig{
		From: w.cluster, Plan: plan, Checkpoint: w.file, Audit: Auditing{Off: true},
		pace: pace{save: 3 * time.Millisecond, patience: 300 * time.Millisecond, pause: 5 * time.Millisecond},
	}
}

func (w *copyWorld) copy(cfg CopyConfig) Outcome {
	w.t.Helper()
	out, err := Copy(w.t.Context(), cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	if !out.Done || out.Passed != out.Total {
		w.t.Fatalf("the copy says that it is not done: %+v", out)
	}
	return out
}

// events is what a topic holds, by partition.
func (w *copyWorld) events(topic string) [][]reader.Record {
	w.t.Helper()
	found := make([][]reader.Record, w.parts)
	err := reader.Read(w.t.Context(), reader.Config{
		Cluster: w.cluster, Topic: topic, Range: reader.Range{To: reader.AtEnd()},
	}, func(r reader.Record) error {
		r.Key, r.Value = bytes.Clone(r.Key), bytes.Clone(r.Value)
		var headers []headrace.Header
		for _, h := range r.Headers {
			headers = append(headers, headrace.Header{Key: h.Key, Value: bytes.Clone(h.Value)})
		}
		r.Headers = headers
		found[r.Partition] = append(found[r.Partition], r)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

// wanted is what the target has to hold of a plan's spans, and in which order.
func (w *copyWorld) wanted(plan Plan, keep func(reader.Record) bool) [][]reader.Record {
	w.t.Helper()
	want := make([][]reader.Record, w.parts)
	for _, span := range plan.Spans {
		for _, r := range w.events(span.Topic)[span.Partition] {
			if !span.Contains(r.Offset) || keep != nil && !keep(r) {
				continue
			}
			if !plan.Target.Raw {
				for _, h := range [][2]string{
					{HeaderReplay, plan.ID},
					{HeaderTopic, span.Topic},
					{HeaderPartition, fmt.Sprint(span.Partition)},
					{HeaderOffset, fmt.Sprint(r.Offset)},
					{HeaderHops, "1"},
				} {
					r.Headers = append(r.Headers, headrace.Header{Key: h[0], Value: []byte(h[1])})
				}
			}
			want[span.Partition] = append(want[span.Partition], r)
		}
	}
	return want
}

// compare wants the target to hold exactly this, in this order, but for its own offsets.
func (w *copyWorld) compare(want [][]reader.Record) {
	w.t.Helper()
	got := w.events(copyTarget)
	for partition := range want {
		for i := range want[partition] {
			want[partition][i].Topic, want[partition][i].Offset = copyTarget, int64(i)
		}
		for i := range got[partition] {
			got[partition][i].Offset = int64(i)
		}
		if len(got[partition]) != len(want[partition]) {
			w.t.Errorf("partition %d: target holds %d events, want %d", partition, len(got[partition]), len(want[partition]))
		} else if diff := cmp.Diff(want[partition], got[partition]); diff != "" {
			w.t.Errorf("partition %d (-want +got):\n%.2000s", partition, diff)
		}
	}
}

// produce writes a batch into partition 0 of the target under a producer's identity, as its first.
func (w *copyWorld) produce(raw []byte, producer int64, epoch int16) {
	w.t.Helper()
	batch.Stamp(raw, producer, epoch, 0, false)
	w.produceTo(copyTarget, raw)
}

func (w *copyWorld) produceTo(topic string, raw []byte) {
	w.t.Helper()
	client, err := kafka.Open(w.cluster)
	if err != nil {
		w.t.Fatal(err)
	}
	defer client.Close()
	response, err := client.Produce(w.t.Context(), 0, &kafka.ProduceRequest{Partitions: []kafka.ProduceBatch{{Topic: topic, Batch: raw}}})
	if err == nil {
		err = response.Partitions[0].Err
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// arrive hands the broker a request for the target that somebody has sent before.
func (w *copyWorld) arrive(request *kmsg.ProduceRequest) error {
	client, err := kafka.Open(w.cluster)
	if err != nil {
		return err
	}
	defer client.Close()
	topic, err := client.Topic(context.Background(), copyTarget)
	if err != nil {
		return err
	}
	request.Topics[0].TopicID = topic.ID // newer requests go by it
	response, err := w.client.Broker(0).Request(context.Background(), request)
	if err != nil {
		return err
	}
	err = kerr.ErrorForCode(response.(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode)
	if errors.Is(err, kerr.OutOfOrderSequenceNumber) || errors.Is(err, kerr.DuplicateSequenceNumber) {
		return nil // it has looked at the producer's numbers
	}
	return err
}
