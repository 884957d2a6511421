package admin

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/record"
)

// Write sends the records as one batch of a new idempotent producer, to the partitions they name.
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
	}
	if err := client.ProduceSync(ctx, out...).FirstErr(); err != nil {
		tb.Fatalf("write %s: %v", topic, err)
	}
}
