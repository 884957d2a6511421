package sender

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// receiverFunc is a receiver that may block, for all the sender knows.
type receiverFunc func(Result)

func (f receiverFunc) Done(r Result) { f(r) }

func TestResultsOfAPartitionComeInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newModel(5, 3, 0.5, 400)
		s := newSender(m, Config{BatchBytes: 1 << 10, Linger: time.Millisecond})
		var mu sync.Mutex
		last := map[int32]int{}
		running := map[int32]bool{}
		for i := range 600 {
			r := &Record{Partition: int32(i % 3), Value: Bytes(strconv.Itoa(i))}
			err := s.Append(context.Background(), s.Topic(topic), r, receiverFunc(func(r Result) {
				mu.Lock()
				if running[r.Partition] || last[r.Partition] > i {
					t.Errorf("partition %d: record %d is told after %d, or beside it", r.Partition, i, last[r.Partition])
				}
				running[r.Partition], last[r.Partition] = true, i
				mu.Unlock()
				<-time.After(time.Millisecond)
				mu.Lock()
				running[r.Partition] = false
				mu.Unlock()
			}))
			if err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Millisecond)
		}
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// TestABlockedReceiverHoldsUpItsPartitionOnly and Flush until its context ends.
func TestABlockedReceiverHoldsUpItsPartitionOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newModel(1, 4, 0, 1<<20)
		for _, l := range m.logs {
			l.leader = 0
		}
		s := newSender(m, Config{})
		to := s.Topic(topic)
		blocked := make(chan struct{})
		var told atomic.Int32
		for p := range int32(4) {
			err := s.Append(context.Background(), to, &Record{Partition: p, Value: Bytes("block" + strconv.Itoa(int(p)))}, receiverFunc(func(Result) {
				if p < 2 {
					<-blocked
				}
				told.Add(1)
			}))
			if err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := s.Flush(ctx); err == nil {
			t.Error("Flush returned before all receivers had")
		}
		if told.Load() != 2 {
			t.Errorf("%d receivers returned, of 2 that do not block", told.Load())
		}
		for i := range 50 {
			if r := s.Send(context.Background(), to, &Record{Partition: 2 + int32(i%2), Value: Bytes(strconv.Itoa(i))}); r.Outcome != Acked {
				t.Fatal(r)
			}
		}
		// The blocked partition goes a few batches further.
		for i := range 2 * reportsAhead {
			_ = s.Append(context.Background(), to, &Record{Partition: 0, Value: Bytes(strconv.Itoa(i))}, nil)
			<-time.After(time.Second)
		}
		if got := len(m.logs[0].values); got != 1+reportsAhead-1 {
			t.Errorf("the blocked partition got %d batches ahead, not %d", got, reportsAhead-1)
		}
		close(blocked)
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if got := len(m.logs[0].values); told.Load() != 4 || got != 1+2*reportsAhead {
			t.Errorf("in the end %d receivers were told and %d records are there", told.Load(), got)
		}
	})
}

// TestReceiversMayAppend: from their own goroutine, as one that passes a record on does.
func TestReceiversMayAppend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newModel(1, 2, 0, 1<<20)
		s := newSender(m, Config{})
		to := s.Topic(topic)
		err := s.Append(context.Background(), to, &Record{Partition: 0, Value: Bytes("0")}, receiverFunc(func(Result) {
			if err := s.Append(context.Background(), to, &Record{Partition: 0, Value: Bytes("1")}, nil); err != nil {
				t.Error(err)
			}
		}))
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Second)
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if len(m.logs[0].values) != 2 {
			t.Errorf("the partition holds %q", m.logs[0].values)
		}
	})
}

func TestFailuresNobodyIsToldAreLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newModel(1, 1, 0, 1<<20)
		m.script = refuse(kerr.TopicAuthorizationFailed)
		core, logs := observer.New(zap.ErrorLevel)
		s := newSender(m, Config{Logger: zap.New(core)})
		for range 3 {
			if err := s.Append(context.Background(), s.Topic(topic), record("k", "v"), nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if logs.Len() != 1 || logs.All()[0].ContextMap()["events"] != int64(3) || logs.All()[0].ContextMap()["topic"] != topic {
			t.Errorf("logged %v", logs.All())
		}
	})
}

// TestCloseAndAppendMayRace: each record that was taken is told a result, all others are refused.
func TestCloseAndAppendMayRace(t *testing.T) {
	t.Parallel()
	for range 50 {
		m := newModel(1, 3, 0, 1<<20)
		s := newSender(m, Config{Linger: 100 * time.Microsecond})
		c := new(counter)
		var wg sync.WaitGroup
		var mu sync.Mutex
		taken := 0
		for g := range 4 {
			wg.Go(func() {
				for i := 0; ; i++ {
					value := strconv.Itoa(g*1_000_000 + i)
					if err := s.Append(context.Background(), s.Topic(topic), record(value, value), c); err != nil {
						mu.Lock()
						taken += i
						mu.Unlock()
						return
					}
				}
			})
		}
		<-time.After(time.Millisecond)
		if err := s.Close(within(t, time.Minute)); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		if got := int(c.acked.Load()); got != taken || c.other.Load() != 0 {
			t.Fatalf("%d records taken, %d acknowledged, %d not", taken, got, c.other.Load())
		}
	}
}
