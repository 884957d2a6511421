package kafka

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace"
)

// echoBroker answers heartbeats with prepared bytes, so that a benchmark measures the client and not the peer.
func echoBroker(b *testing.B) headrace.Cluster {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = listener.Close() })
	fake := &fakeBroker{listener: listener}
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go serveEcho(fake, c)
		}
	}()
	return headrace.Cluster{Brokers: []string{listener.Addr().String()}}
}

func serveEcho(fake *fakeBroker, c net.Conn) {
	defer func() { _ = c.Close() }()
	buf := make([]byte, 16<<20)
	pong := fakeRequest{key: int16(kmsg.Heartbeat), version: 4}.reply(kmsg.NewPtrHeartbeatResponse())
	for {
		if _, err := io.ReadFull(c, buf[:4]); err != nil {
			return
		}
		r := wireReader{src: buf[:4]}
		frame := buf[:r.int32()]
		if _, err := io.ReadFull(c, frame); err != nil {
			return
		}
		answer := pong
		if frame[0] == 0 && frame[1] == byte(kmsg.Heartbeat) {
			copy(answer[4:8], frame[4:8])
		} else if answer, _ = fake.standard(parseFakeRequest(frame)); answer == nil {
			r := parseFakeRequest(frame)
			answer = r.reply(kmsg.NewPtrProduceResponse())
		}
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}

// BenchmarkExchange is the smallest request there is: what an exchange costs beside its bytes. dials/op shows that
// connections are used again.
func BenchmarkExchange(b *testing.B) {
	for name, parallel := range map[string]bool{"one at a time": false, "side by side": true} {
		b.Run(name, func(b *testing.B) {
			var dials atomic.Int64
			client, err := Open(echoBroker(b), WithDial(func(ctx context.Context, network, addr string) (net.Conn, error) {
				dials.Add(1)
				return (&net.Dialer{}).DialContext(ctx, network, addr)
			}))
			if err != nil {
				b.Fatal(err)
			}
			defer client.Close()
			ctx := context.Background()
			one := func() {
				if _, err := client.Request(ctx, 1, heartbeat()); err != nil {
					b.Error(err)
				}
			}
			one()
			b.ReportAllocs()
			if parallel {
				b.SetParallelism(4)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						one()
					}
				})
			} else {
				for b.Loop() {
					one()
				}
			}
			b.ReportMetric(float64(dials.Load())/float64(b.N), "dials/op")
		})
	}
}

// BenchmarkProduce sends twelve batches of 64 KiB a request, which is what a busy sender does.
func BenchmarkProduce(b *testing.B) {
	client, err := Open(echoBroker(b))
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	req := &ProduceRequest{}
	for p := range int32(12) {
		req.Partitions = append(req.Partitions, ProduceBatch{Topic: "flights", Partition: p, Batch: make([]byte, 64<<10)})
	}
	b.SetBytes(12 * 64 << 10)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.Produce(context.Background(), 1, req); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFetchParse(b *testing.B) {
	answer := fetchAnswer()
	answer.Version = 12
	partition := answer.Topics[0].Partitions[0]
	answer.Topics[0].Partitions = nil
	for p := range int32(12) {
		partition.Partition = p
		answer.Topics[0].Partitions = append(answer.Topics[0].Partitions, partition)
	}
	body := answer.AppendTo(nil)
	req := &FetchRequest{Partitions: want("flights", 0)}
	b.ReportAllocs()
	for b.Loop() {
		m := &fetchMessage{req: req}
		if err := m.parse(12, body); err != nil {
			b.Fatal(err)
		}
	}
}
