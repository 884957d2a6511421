package replay

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A request of a process that has died may arrive when its successor has looked at the target already and found nothing. Whatever the
// successor has cut its batch to, one of the two is refused.
func TestWhatArrivesLateIsNotDoubled(t *testing.T) {
	t.Parallel()
	for name, batch := range map[string]int{"same batch": 10, "smaller": 4, "larger": 25} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newCopyWorld(t, 1)
			w.fill(rand.New(rand.NewPCG(11, 12)), 100)
			plan := w.plan(false)
			cfg := w.config(plan)

			// The first process dies when its third request has left; the request stays under way.
			ctx, kill := context.WithCancelCause(t.Context())
			var requests atomic.Int32
			var late *kmsg.ProduceRequest
			w.broker.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
				if requests.Add(1) < 3 {
					return nil, nil, false
				}
				late = copyOf(request.(*kmsg.ProduceRequest))
				late.TimeoutMillis-- // how it is told apart
				kill(errKilled)
				return nil, errKilled, true
			})
			cfg.pace.batch = 10
			out, err := Copy(ctx, cfg)
			if !errors.Is(err, errKilled) || out.Events != 20 {
				t.Fatalf("outcome is %+v, error %v, want 20 events", out, err)
			}

			// Its successor's first request is lost, and the late one arrives before it is sent again.
			arrived := make(chan error, 1)
			w.broker.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
				go func() { arrived <- w.arrive(late) }()
				return nil, errKilled, true
			})
			w.broker.Fault(kfake.Fault{
				Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotLeaderForPartition, Count: -1,
				When: func(request kmsg.Request) bool { return len(arrived) == 0 && !isLate(request, late) },
			})
			cfg.pace.batch = batch
			w.copy(cfg)
			if err := <-arrived; err != nil {
				t.Fatal(err)
			}
			w.compare(w.wanted(plan, nil))
		})
	}
}

func isLate(request kmsg.Request, late *kmsg.ProduceRequest) bool {
	return request.(*kmsg.ProduceRequest).TimeoutMillis == late.TimeoutMillis
}

// A broker that knows nothing of the producer any more, and takes none of its numbers, gets another producer.
func TestProducerThatTheBrokerRefusesIsReplaced(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, raw bool) {
		w := newCopyWorld(t, 1)
		w.fill(rand.New(rand.NewPCG(13, 14)), 200)
		plan := w.plan(raw)
		cfg := w.config(plan)
		cfg.pace.batch = 10
		var first atomic.Int64
		first.Store(-1)
		var seen atomic.Int32
		w.broker.Fault(kfake.Fault{
			Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.UnknownProducerID, Count: -1,
			When: func(request kmsg.Request) bool {
				records := request.(*kmsg.ProduceRequest).Topics[0].Partitions[0].Records
				var b kmsg.RecordBatch
				if b.ReadFrom(records) != nil {
					return false
				}
				first.CompareAndSwap(-1, b.ProducerID)
				return b.ProducerID == first.Load() && seen.Add(1) > 5
			},
		})
		w.copy(cfg)
		w.compare(w.wanted(plan, nil))
		if seen.Load() < 6 {
			t.Errorf("the first producer sent %d requests only", seen.Load())
		}
	})
}

// The target is looked at before anything is added to it: what contradicts the source is not written over.
func TestTargetThatHoldsSomethingElse(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, raw bool) {
		w := newCopyWorld(t, 1)
		w.fill(rand.New(rand.NewPCG(15, 16)), 100)
		cfg := w.config(w.plan(raw))
		c, err := newCopier(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.close()
		other := c.partitions[0].state // a stranger's records under our producer
		records := w.events(copySource)[0]
		pc := newPartitionCopier(c, 0)
		for _, r := range records[50:60] {
			dst := pc.builder.Begin(r.Time.UnixMilli(), r.Key)
			if _, err := pc.builder.End(append(dst, r.Value...), nil); err != nil {
				t.Fatal(err)
			}
		}
		batchBytes, err := pc.builder.Seal(0)
		if err != nil {
			t.Fatal(err)
		}
		w.produce(batchBytes, other.Producer, other.Epoch)
		_, err = Copy(t.Context(), cfg)
		if bad, ok := errors.AsType[*MismatchError](err); !ok || bad.Topic != copyTarget {
			t.Errorf("error is %v", err)
		}
		if n := len(w.events(copyTarget)[0]); n != 10 {
			t.Errorf("the target holds %d events, want the 10 of before", n)
		}
	})
}

// A broker forgets the producer of old events when it restarts, and would take a batch twice. So a batch that may have arrived is
// looked for, and not sent again.
func TestWhatHasArrivedIsNotSentAgain(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, raw bool) {
		w := newCopyWorld(t, 1)
		w.fill(rand.New(rand.NewPCG(13, 14)), 100)
		cfg := w.config(w.plan(raw))
		cfg.pace.batch = 10
		sent := map[uint32]int{} // by the number of the batch's first event
		w.broker.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
			w.broker.KeepControl()
			sent[binary.BigEndian.Uint32(request.(*kmsg.ProduceRequest).Topics[0].Partitions[0].Records[53:])]++
			return nil, nil, false
		})
		w.broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: copyTarget, Err: kerr.RequestTimedOut, Count: 2}) // it has appended
		w.copy(cfg)
		w.compare(w.wanted(cfg.Plan, nil))
		for number, times := range sent {
			if times > 1 {
				t.Errorf("the batch that begins with number %d was sent %d times", number, times)
			}
		}
	})
}
