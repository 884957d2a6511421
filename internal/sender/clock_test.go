package sender

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
)

// TestTimestampsAreThoseOfTheCalls posts bursts with pauses between them, of which many fall into one batch, and reads the timestamps back.
func TestTimestampsAreThoseOfTheCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := agreeable(2)
		answer := m.script
		var mu sync.Mutex
		records := 0
		m.script = func(ctx context.Context, node int32, req *kafka.ProduceRequest) (*kafka.ProduceResponse, error) {
			mu.Lock()
			defer mu.Unlock()
			for _, p := range req.Partitions {
				records += checkTimes(t, p.Batch)
			}
			return answer(ctx, node, req)
		}
		s := newSender(m, Config{Linger: time.Second})
		topic := s.Topic("orders")
		const bursts, burst = 40, 3 * ownClock
		for range bursts {
			for range burst {
				now := time.Now().UnixMilli()
				r := &Record{Partition: AnyPartition, Key: []byte{byte(now)}, Value: Bytes(strconv.FormatInt(now, 10))}
				if err := s.Append(t.Context(), topic, r, nil); err != nil {
					t.Fatal(err)
				}
				_ = wait(t.Context(), rand.N(100*time.Microsecond))
			}
			_ = wait(t.Context(), rand.N(100*time.Millisecond))
		}
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if records != bursts*burst {
			t.Errorf("%d records arrived, not %d", records, bursts*burst)
		}
		if _ = wait(t.Context(), 10*clockTick); s.clock.now.Load() != 0 {
			t.Error("the clock goes on although nobody asks")
		}
	})
}

// checkTimes compares the timestamps in a batch with the values, which tell when the records were posted.
func checkTimes(t *testing.T, raw []byte) (records int) {
	t.Helper()
	b, _, err := batch.Next(raw)
	if err != nil {
		t.Fatal(err)
	}
	var r batch.Reader
	if err := r.Open(b, batch.Limits{}); err != nil {
		t.Fatal(err)
	}
	var rec batch.Record
	for {
		more, err := r.Next(&rec)
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			return records
		}
		posted, err := strconv.ParseInt(string(rec.Value), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		records++
		if late := posted - rec.Timestamp; late < 0 || late > clockTick.Milliseconds()+1 { // each is cut to whole milliseconds
			t.Errorf("a record posted at %d says %d", posted, rec.Timestamp)
		}
	}
}
