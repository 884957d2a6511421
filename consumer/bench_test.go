package consumer

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/headrace/headrace/consumer/internal/fetch"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
)

// BenchmarkEvents is a partition's own work per event: records, routing, decoding, the handler's context, the done-set. Fetching is not
// in it.
func BenchmarkEvents(b *testing.B) {
	const perChunk = 5000
	var recs []rec
	for i := range int64(perChunk) {
		recs = append(recs, rec{key: fmt.Sprintf("key-%05d", i%1000), value: pingValue(i, "a name of some length, as names are"), at: i})
	}
	w := newWorld(b)
	raw := sealed(b, batch.None, recs...)
	parsed, _, err := batch.Next(raw)
	if err != nil {
		b.Fatal(err)
	}
	for _, bm := range []struct {
		name    string
		handler Handler
	}{
		{"no-op", On(func(context.Context, ping) error { return nil })},
		{"info", On(func(ctx context.Context, _ ping) error { _ = InfoFrom(ctx); return nil })},
	} {
		b.Run(bm.name, func(b *testing.B) {
			routes, err := newRoutes(w.registry, Policy{}.withDefaults(), []Handler{bm.handler})
			if err != nil {
				b.Fatal(err)
			}
			e := &engine{cfg: Config{Group: "g", Logger: zap.NewNop()}, routes: routes, stats: new(counters), memory: newMemory(), base: context.Background()}
			e.watch = newWatch(e)
			p := newPartition(e, kafka.TopicPartition{Topic: "t"}, kafka.Member{})
			b.ReportAllocs()
			b.ResetTimer()
			for done := 0; done < b.N; done += perChunk {
				if !p.work(&fetch.Chunk{From: 0, End: perChunk, Batches: []batch.Batch{parsed}}) {
					b.Fatal("stopped")
				}
			}
		})
	}
}

// BenchmarkWorker is a worker in a group over a broker in the same process, whose cost is in the figure.
func BenchmarkWorker(b *testing.B) {
	const partitions, perBatch = 12, 1000
	w := newWorld(b)
	w.topic("t", partitions, false)
	batches := max(1, b.N/partitions/perBatch)
	for p := range int32(partitions) {
		var recs []rec
		for i := range int64(perBatch) {
			recs = append(recs, rec{key: fmt.Sprintf("key-%05d", i), value: pingValue(i, "a name of some length, as names are, and then a little more of it to fill the event up to 150 bytes"), at: i})
		}
		raw := sealed(b, batch.None, recs...)
		for range batches {
			w.putRaw("t", p, raw)
		}
	}
	total := int64(batches) * partitions * perBatch
	cfg := w.config("t")
	cfg.Tuning.CommitInterval = time.Second
	cfg.Logger = nil
	b.ReportAllocs()
	b.ResetTimer()
	j := w.start(cfg, On(func(context.Context, ping) error { return nil }))
	eventually(b, "all handled", func() bool { return j.Stats().Handled == total })
	b.StopTimer()
	b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "events/s")
	j.stop()
}
