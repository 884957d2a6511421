package producer_test

import (
	"context"
	"strconv"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/headracetest"
	"github.com/headrace/headrace/producer"
)

// blackhole is a cluster that stores nothing, so that what is measured is the client.
func blackhole(t testing.TB, partitions int32) headrace.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, orders), kfake.BlackholeProduce())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return headrace.Cluster{Brokers: c.ListenAddrs()}
}

// fast returns a topic whose events go nowhere.
func fast(t testing.TB, partitions int32) (*producer.Producer, *producer.Topic[orderPlaced]) {
	t.Helper()
	env := headracetest.Start(t)
	p := open(t, producer.Config{Cluster: blackhole(t, partitions), Registry: env.Registry, AutoRegister: true})
	return p, producer.For[orderPlaced](p, orders)
}

func BenchmarkPost(b *testing.B) {
	for _, partitions := range []int32{1, 12, 100} {
		b.Run(strconv.Itoa(int(partitions)), func(b *testing.B) {
			p, topic := fast(b, partitions)
			ctx := context.Background()
			keys := make([]string, 1024)
			for i := range keys {
				keys[i] = "customer-" + strconv.Itoa(i)
			}
			e := orderPlaced{ID: "order-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789", Amount: 1 << 40}
			done := func(headrace.Location, error) {}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				topic.Post(ctx, keys[i%len(keys)], e, done)
				i++
			}
			if err := p.Flush(ctx); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func BenchmarkSend(b *testing.B) {
	_, topic := fast(b, 12)
	ctx := context.Background()
	e := orderPlaced{ID: "order", Amount: 1}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := topic.Send(ctx, "customer", e); err != nil {
			b.Fatal(err)
		}
	}
}
