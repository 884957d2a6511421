package sender

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/kafka"
)

// cutter dials connections that lose the answer to a Produce request, after the broker has given it, as often as cuts says.
type cutter struct{ cuts atomic.Int64 }

func (c *cutter) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &cutConn{Conn: conn, cutter: c}, nil
}

type cutConn struct {
	net.Conn
	cutter  *cutter
	produce atomic.Bool // the request under way
}

func (c *cutConn) Write(p []byte) (int, error) {
	// A request's first piece begins with its length and its API key. Batches, the other pieces, begin with their offset, 0.
	if len(p) >= 14 && binary.BigEndian.Uint32(p) != 0 {
		c.produce.Store(int16(binary.BigEndian.Uint16(p[4:])) == int16(kmsg.Produce))
	}
	return c.Conn.Write(p)
}

func (c *cutConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == nil && c.produce.Load() && c.cutter.cuts.Add(-1) >= 0 {
		_ = c.Close()
		return 0, errors.New("connection cut before the answer")
	}
	return n, err
}

func TestALostAnswerDoublesNothing(t *testing.T) {
	t.Parallel()
	c := fakeCluster(t, 1)
	var cut cutter
	s := open(t, c, Config{}, kafka.WithDial(cut.dial))
	ctx := within(t, time.Minute)
	for i, v := range numbered(50) {
		cut.cuts.Store(int64(i % 3))
		if r := s.Send(ctx, s.Topic(topic), record("k", v)); r.Outcome != Acked {
			t.Fatalf("record %d: %v", i, r)
		}
		if left := cut.cuts.Load(); left > 0 {
			t.Fatalf("record %d: %d cuts did not happen", i, left)
		}
	}
	inOrder(t, contents(t, c, topic), 50)
}

// inOrder checks that exactly the records 0 to n-1 are there, each once, and that those of one key are in order.
func inOrder(t *testing.T, all [][]stored, n int) {
	t.Helper()
	seen := make([]bool, n)
	total := 0
	for p, records := range all {
		last := map[string]int{}
		for _, r := range records {
			total++
			i, err := strconv.Atoi(r.value)
			if err != nil || i < 0 || i >= n {
				t.Fatalf("partition %d offset %d: %q", p, r.offset, r.value)
			}
			if seen[i] {
				t.Errorf("record %d is there twice", i)
			}
			seen[i] = true
			if before, ok := last[r.key]; ok && before > i {
				t.Errorf("key %s: record %d comes after %d", r.key, i, before)
			}
			last[r.key] = i
		}
	}
	if total != n {
		t.Errorf("%d records instead of %d", total, n)
	}
}

// chaos dials connections that die after 50 to 150 ms, whatever they are doing.
func chaos(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	tcp := conn.(*net.TCPConn)
	time.AfterFunc(50*time.Millisecond+rand.N(100*time.Millisecond), func() {
		_ = tcp.SetLinger(0) // a reset, so that what was written may not arrive
		_ = tcp.Close()
	})
	return conn, nil
}

func TestOrderOfAKeyHoldsWhileConnectionsDie(t *testing.T) {
	t.Parallel()
	const goroutines, each = 5, 10_000
	c := fakeCluster(t, 6, kfake.NumBrokers(3))
	s := open(t, c, Config{BatchBytes: 16 << 10}, kafka.WithDial(chaos))
	ctx := within(t, 2*time.Minute)
	to := s.Topic(topic)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { // leaders move all the while
		for {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
				c.ShufflePartitionLeaders()
			}
		}
	})
	acks := new(counter)
	var posters sync.WaitGroup
	for g := range goroutines {
		posters.Go(func() {
			for i := range each {
				// Each key belongs to one goroutine, and a key's records are numbered in the order it appends them.
				r := record("key-"+strconv.Itoa(g)+"-"+strconv.Itoa(i%7), strconv.Itoa(g*each+i))
				if err := s.Append(ctx, to, r, acks); err != nil {
					t.Errorf("record %d: %v", g*each+i, err)
					return
				}
				if i%200 == 199 {
					select { // so that it lasts for many connections
					case <-time.After(20 * time.Millisecond):
					case <-ctx.Done():
					}
				}
			}
		})
	}
	posters.Wait()
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	close(stop)
	wg.Wait()
	if acks.acked.Load() != goroutines*each || acks.other.Load() != 0 {
		t.Errorf("%d records acknowledged, %d not", acks.acked.Load(), acks.other.Load())
	}
	inOrder(t, contents(t, c, topic), goroutines*each)
}

// counter counts results.
type counter struct{ acked, other atomic.Int64 }

func (c *counter) Done(r Result) {
	if r.Outcome == Acked {
		c.acked.Add(1)
	} else {
		c.other.Add(1)
	}
}
