package admin

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/record"
)

// Write sends the records as one batch of a new idempotent producer, to the partitions they name, with their headers and, unless it
// is 0, their timestamps.
func Write(tb testing.TB, c *kraft.Cluster, topic string, records ...record.Record) {
	tb.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Internal()...), kgo.DefaultProduceTopic(topic),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(50*time.Millisecond))
	if err != nil {
		tb.Fatalf("write %s: %v", topic, err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(tb.Context(), 2*time.Minute)
	defer cancel()
	out := make([]*kgo.Record, len(records))
	for i, r := range records {
		out[i] = &kgo.Record{Partition: r.Partition, Key: r.Key, Value: r.Value}
		if r.Timestamp > 0 {
			out[i].Timestamp = time.UnixMilli(r.Timestamp)
		}
		for _, h := range r.Headers {
			out[i].Headers = append(out[i].Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
		}
	}
	if err := client.ProduceSync(ctx, out...).FirstErr(); err != nil {
		tb.Fatalf("write %s: %v", topic, err)
	}
}
