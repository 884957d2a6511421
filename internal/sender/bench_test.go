package sender

import (
	"context"
	"strconv"
	"testing"

	"github.com/headrace/headrace/internal/kafka"
)

// agreeable is a cluster that acknowledges everything at once.
func agreeable(partitions int) *model {
	m := newModel(1, partitions, 0, 1<<20)
	m.script = func(_ context.Context, _ int32, req *kafka.ProduceRequest) (*kafka.ProduceResponse, error) {
		return &kafka.ProduceResponse{Partitions: make([]kafka.ProduceResult, len(req.Partitions))}, nil
	}
	return m
}

// uncounted is a receiver that does nothing, as a func of the producer's is.
type uncounted func(error)

func (u uncounted) Done(r Result) { u(r.Err) }

func BenchmarkAppend(b *testing.B) {
	for _, partitions := range []int{1, 12, 100} {
		b.Run(strconv.Itoa(partitions), func(b *testing.B) {
			s := newSender(agreeable(partitions), Config{})
			keys := make([][]byte, 1024)
			for i := range keys {
				keys[i] = []byte("customer-" + strconv.Itoa(i))
			}
			r := &Record{Partition: AnyPartition, Value: Bytes(make([]byte, 150))}
			to, topic, ctx := uncounted(func(error) {}), s.Topic("orders"), context.Background()
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				r.Key = keys[i&1023]
				if err := s.Append(ctx, topic, r, to); err != nil {
					b.Fatal(err)
				}
				i++
			}
			if err := s.Close(ctx); err != nil {
				b.Fatal(err)
			}
		})
	}
}
