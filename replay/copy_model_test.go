package replay

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/reader"
)

var errKilled = errors.New("killed")

// A copy that is killed at random moments, with what it remembers, while the broker loses requests, loses answers to what it has
// appended, and gets requests of processes that have died long after, brings every event over once and in order.
func TestCopyKilledAtRandomIsExact(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, raw bool) {
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 1))
		w := newCopyWorld(t, 3)
		w.fill(random, 700)
		plan := w.plan(raw)
		plan.Spans[1].From += int64(random.IntN(50))
		plan.Spans[2].To -= int64(random.IntN(50))
		evil := newEvil(w, rand.New(rand.NewPCG(seed, 2)))
		keep := func(reader.Record) bool { return true }
		if !raw {
			plan.Filter.Key = "k[2-6]"
			keep = func(r reader.Record) bool { return string(r.Key) >= "k2" }
		}
		cfg := w.config(plan)
		for kill := 0; kill < 12; kill++ {
			cfg.pace.batch = []int{3, 10, 40, 0}[random.IntN(4)] // so that they are cut elsewhere each time
			out, err := w.runAndKill(cfg, evil, time.Duration(random.IntN(100))*time.Millisecond, random.IntN(2) == 0)
			if err != nil && !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
			if out.Done && err == nil {
				break
			}
		}
		evil.stop()
		out := w.copy(cfg)
		want := w.wanted(plan, keep)
		w.compare(want)
		events := int64(len(want[0]) + len(want[1]) + len(want[2]))
		if out.Events != events || out.Events+out.Filtered != out.Total {
			t.Errorf("outcome is %+v, want %d events", out, events)
		}
		evil.returnAll() // what still comes now is refused
		w.compare(want)
		t.Logf("%d requests lost, %d of them arrived later", evil.lost, evil.late)
	})
}

// runAndKill runs a copy for a while. When hard, the checkpoint is then as it was at some moment before the end, as SIGKILL leaves it.
func (w *copyWorld) runAndKill(cfg CopyConfig, evil *evil, after time.Duration, hard bool) (Outcome, error) {
	ctx, kill := context.WithCancelCause(w.t.Context())
	defer kill(nil)
	evil.mu.Lock()
	evil.kill = kill
	evil.mu.Unlock()
	var snapshot []byte
	var wait sync.WaitGroup
	ended := make(chan struct{})
	wait.Go(func() {
		select {
		case <-ended:
		case <-time.After(after):
		}
		snapshot, _ = os.ReadFile(w.file)
		kill(errKilled)
	})
	wait.Go(evil.returnSome)
	out, err := Copy(ctx, cfg)
	close(ended)
	wait.Wait()
	if hard && snapshot != nil && err != nil {
		if err := os.WriteFile(w.file, snapshot, 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	return out, err
}

// evil is what happens between the copy and the broker.
type evil struct {
	w *copyWorld

	mu       sync.Mutex
	random   *rand.Rand
	on       bool
	kill     context.CancelCauseFunc // of the copy that runs
	pass     int                     // requests of our own that are under way
	captured []*kmsg.ProduceRequest
	lost     int
	late     int
}

func newEvil(w *copyWorld, random *rand.Rand) *evil {
	e := &evil{w: w, random: random, on: true}
	w.broker.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		w.broker.KeepControl()
		if e.loses(request.(*kmsg.ProduceRequest)) {
			return nil, errKilled, true // closes the connection
		}
		return nil, nil, false
	})
	for _, err := range faults() {
		w.broker.Fault(kfake.Fault{
			Keys: []kmsg.Key{kmsg.Produce}, Topic: copyTarget, Err: err, Count: -1,
			When: func(kmsg.Request) bool { return e.chance(30) },
		})
	}
	return e
}

func (e *evil) chance(of int) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.on || e.random.IntN(of) != 0 {
		return false
	}
	if e.random.IntN(3) == 0 {
		e.kill(errKilled) // at the very moment
	}
	return true
}

// loses reports whether a request is not to arrive. It may, later.
func (e *evil) loses(request *kmsg.ProduceRequest) bool {
	if !e.chance(8) {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.pass > 0 {
		return false
	}
	e.lost++
	e.captured = append(e.captured, copyOf(request))
	return true
}

func copyOf(request *kmsg.ProduceRequest) *kmsg.ProduceRequest {
	again := kmsg.NewPtrProduceRequest()
	again.Acks, again.TimeoutMillis = request.Acks, request.TimeoutMillis
	for _, topic := range request.Topics {
		topic.Partitions = slices.Clone(topic.Partitions)
		for i := range topic.Partitions {
			topic.Partitions[i].Records = slices.Clone(topic.Partitions[i].Records)
		}
		again.Topics = append(again.Topics, topic)
	}
	return again
}

func (e *evil) stop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.on = false
}

// returnSome lets one of the lost requests arrive.
func (e *evil) returnSome() {
	e.mu.Lock()
	if len(e.captured) == 0 {
		e.mu.Unlock()
		return
	}
	request := e.captured[len(e.captured)-1]
	e.captured = e.captured[:len(e.captured)-1]
	e.late++
	e.pass++
	pause := time.Duration(e.random.IntN(20)) * time.Millisecond
	e.mu.Unlock()
	<-time.After(pause)
	err := e.w.arrive(request)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.pass--
	injected := func(fault *kerr.Error) bool { return errors.Is(err, fault) }
	if err != nil && !slices.ContainsFunc(faults(), injected) {
		e.w.t.Errorf("a request that arrives late: %v", err)
	}
}

func (e *evil) returnAll() {
	for {
		e.mu.Lock()
		left := len(e.captured)
		e.mu.Unlock()
		if left == 0 {
			return
		}
		e.returnSome()
	}
}

// faults are what the broker answers now and then; all but the last after it has appended.
func faults() []*kerr.Error {
	return []*kerr.Error{kerr.RequestTimedOut, kerr.NotEnoughReplicasAfterAppend, kerr.NotLeaderForPartition}
}
