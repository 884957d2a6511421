package sender

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/headrace/headrace/internal/batch"
)

// outcome is what a record's receiver was told.
type outcome struct {
	mu     sync.Mutex
	told   int
	result Result
}

func (o *outcome) Done(r Result) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.told++
	o.result = r
}

// TestAnUnluckyClusterLosesDoublesAndReordersNothing runs the sender against the model: whatever is acknowledged is there
// once, where the answer says; what failed is not there; what is unknown is there once at most; and in each partition the order
// is that of appending.
func TestAnUnluckyClusterLosesDoublesAndReordersNothing(t *testing.T) {
	t.Parallel()
	tally := map[Outcome]int{}
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		partitions := rapid.IntRange(1, 4).Draw(rt, "partitions")
		trouble := rapid.Float64Range(0, 0.7).Draw(rt, "trouble")
		records := rapid.IntRange(1, 150).Draw(rt, "records")
		cfg := Config{
			Codec:           rapid.SampledFrom([]batch.Codec{batch.None, batch.LZ4}).Draw(rt, "codec"),
			Linger:          rapid.SampledFrom([]time.Duration{-1, time.Millisecond, 30 * time.Millisecond}).Draw(rt, "linger"),
			BatchBytes:      1 << 10,
			DeliveryTimeout: rapid.SampledFrom([]time.Duration{200 * time.Millisecond, 2 * time.Second, time.Minute}).Draw(rt, "delivery"),
		}
		maxBatch := rapid.SampledFrom([]int{300, 1 << 20}).Draw(rt, "largest batch")
		pause := rapid.SampledFrom([]time.Duration{0, 3 * time.Millisecond, 100 * time.Millisecond}).Draw(rt, "pause")
		var problems []error
		synctest.Test(t, func(*testing.T) {
			problems = unlucky(newModel(seed, partitions, trouble, maxBatch), cfg, records, pause, tally)
		})
		if len(problems) > 0 {
			rt.Fatalf("%d problems:\n%v", len(problems), errors.Join(problems...))
		}
	})
	t.Logf("outcomes: %v", tally)
	for _, o := range []Outcome{Acked, Failed, Unknown} {
		if tally[o] == 0 {
			t.Errorf("no record was %v: the model is not unlucky enough", o)
		}
	}
}

// unlucky sends records through m and returns what is wrong in the end.
func unlucky(m *model, cfg Config, records int, pause time.Duration, tally map[Outcome]int) (problems []error) {
	s := newSender(m, cfg)
	to := s.Topic(topic)
	outcomes := make([]outcome, records)
	for i := range outcomes {
		value := strconv.Itoa(i)
		if i%13 == 5 && m.maxBatch < 1000 {
			value += strings.Repeat("x", 400) // too large for the broker, not for us
		}
		r := &Record{Partition: int32(i % len(m.logs)), Value: Bytes(value)}
		if err := s.Append(context.Background(), to, r, &outcomes[i]); err != nil {
			outcomes[i].Done(Result{Outcome: Failed, Err: err})
		}
		if i%10 == 9 {
			<-time.After(pause)
		}
	}
	if err := s.Flush(context.Background()); err != nil {
		problems = append(problems, err)
	}
	<-time.After(20 * time.Second) // late copies land
	if err := s.Close(context.Background()); err != nil {
		problems = append(problems, err)
	}
	synctest.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	problems = append(problems, m.errs...)
	for i := range outcomes {
		o := &outcomes[i]
		o.mu.Lock()
		l := m.logs[i%len(m.logs)]
		value := strconv.Itoa(i)
		at, there := l.offsets[value]
		if !there {
			at, there = l.offsets[value+strings.Repeat("x", 400)]
		}
		tally[o.result.Outcome]++
		switch {
		case o.told != 1:
			problems = append(problems, fmt.Errorf("record %d was told %d times", i, o.told))
		case o.result.Outcome == Acked && !there:
			problems = append(problems, fmt.Errorf("record %d lost", i))
		case o.result.Outcome == Acked && o.result.Offset >= 0 && o.result.Offset != at:
			problems = append(problems, fmt.Errorf("record %d said to be at %d is at %d", i, o.result.Offset, at))
		case o.result.Outcome == Failed && there:
			problems = append(problems, fmt.Errorf("record %d failed but is there: %w", i, o.result.Err))
		case (o.result.Outcome == Acked) != (o.result.Err == nil):
			problems = append(problems, fmt.Errorf("record %d: %v", i, o.result))
		}
		o.mu.Unlock()
	}
	for p, l := range m.logs {
		last := -1
		for _, v := range l.values {
			n, err := strconv.Atoi(strings.TrimRight(v, "x"))
			if err != nil || n <= last {
				problems = append(problems, fmt.Errorf("partition %d: %s after %d", p, v, last))
			}
			last = n
		}
	}
	if s.memory.free != s.cfg.BufferBytes {
		problems = append(problems, fmt.Errorf("%d bytes of the buffer were not given back", s.cfg.BufferBytes-s.memory.free))
	}
	return problems
}
