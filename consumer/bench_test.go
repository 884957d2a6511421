package consumer

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/fetch"
	"github.com/headrace/headrace/internal/kafka"
)

// bench is an engine without brokers, and a chunk that its partitions get again and again. Fetching is not in the figures.
type bench struct {
	*engine
	chunk fetch.Chunk
}

const perChunk = 5000

// newBench makes events of so many keys in turn.
func newBench(b *testing.B, w *world, concurrency, keys int, policy Policy, handler Handler) *bench {
	b.Helper()
	var recs []rec
	for i := range int64(perChunk) {
		recs = append(recs, rec{key: fmt.Sprintf("key-%05d", i%int64(keys)), value: pingValue(i, "a name of some length, as names are"), at: i})
	}
	parsed, _, err := batch.Next(sealed(b, batch.None, recs...))
	if err != nil {
		b.Fatal(err)
	}
	routes, err := newRoutes(w.registry, policy.withDefaults(), []Handler{handler})
	if err != nil {
		b.Fatal(err)
	}
	cfg := Config{Group: "g", Logger: zap.NewNop(), Concurrency: concurrency, Policy: policy}.withDefaults()
	e := &engine{
		cfg: cfg, routes: routes, stats: new(counters), memory: newMemory(), base: context.Background(), failed: make(chan error, 1),
		partitions: make(map[kafka.TopicPartition]*partition),
	}
	e.commits, e.watch = newCommitter(e), newWatch(e)
	if concurrency > 0 {
		e.lanes = newLanes(concurrency)
		b.Cleanup(e.lanes.stop)
	}
	stop := make(chan struct{})
	go e.watch.run(stop)
	b.Cleanup(func() { close(stop) })
	return &bench{e, fetch.Chunk{End: perChunk, Batches: []batch.Batch{parsed}}}
}

func (e *bench) partition(id int32) *partition {
	p := newPartition(e.engine, kafka.TopicPartition{Topic: "t", Partition: id}, kafka.Member{})
	p.limits.limit.Store(math.MaxInt64)
	p.limits.low.Store(math.MaxInt64)
	p.users.Store(1)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.partitions[p.TopicPartition] = p
	e.stats.assigned.Store(int64(len(e.partitions)))
	return p
}

// run brings events through some partitions at once, and returns when they are done. It reports the processor time as well, which says
// more than the clock where others use the machine.
func (e *bench) run(b *testing.B, partitions int, events int) {
	before := processorTime()
	defer func() {
		b.ReportMetric(float64(processorTime()-before)/float64(max(events, partitions*perChunk)), "cpu-ns/event")
	}()
	var wg sync.WaitGroup
	for id := range int32(partitions) {
		p := e.partition(id)
		wg.Go(func() {
			for done := 0; done < events/partitions; done += perChunk {
				c := e.chunk
				if !p.work(&c) {
					b.Error("stopped")
				}
			}
			for e.lanes != nil && !p.quiet() {
				p.wait()
			}
		})
	}
	wg.Wait()
}

// BenchmarkEvents is a partition's own work per event: records, routing, decoding, the handler's context, the done-set.
func BenchmarkEvents(b *testing.B) {
	w := newWorld(b)
	for name, handler := range map[string]Handler{
		"no-op": On(func(context.Context, ping) error { return nil }),
		"info":  On(func(ctx context.Context, _ ping) error { _ = InfoFrom(ctx); return nil }),
	} {
		b.Run(name, func(b *testing.B) {
			e := newBench(b, w, 0, 1000, Policy{}, handler)
			b.ReportAllocs()
			b.ResetTimer()
			e.run(b, 1, b.N)
		})
	}
}

// BenchmarkLanes is what lanes cost beside the order of the log, which is a concurrency of 0, with a handler that does nothing.
func BenchmarkLanes(b *testing.B) {
	w := newWorld(b)
	for _, partitions := range []int{1, 12} {
		for _, keys := range []int{1, 80, 1000} {
			for _, concurrency := range []int{0, 1, 8, 200} {
				b.Run(fmt.Sprintf("partitions=%d/keys=%d/concurrency=%d", partitions, keys, concurrency), func(b *testing.B) {
					e := newBench(b, w, concurrency, keys, Policy{}, On(func(context.Context, ping) error { return nil }))
					b.ReportAllocs()
					b.ResetTimer()
					e.run(b, partitions, max(b.N, partitions*perChunk))
					b.ReportMetric(float64(max(b.N, partitions*perChunk))/b.Elapsed().Seconds(), "events/s")
				})
			}
		}
	}
}

// BenchmarkSlowHandlers is 200 lanes with a handler of 10 ms, fed by one partition.
func BenchmarkSlowHandlers(b *testing.B) {
	w := newWorld(b)
	e := newBench(b, w, 200, perChunk, Policy{}, On(func(context.Context, ping) error {
		<-time.After(10 * time.Millisecond)
		return nil
	}))
	b.ResetTimer()
	e.run(b, 1, max(b.N, perChunk))
	b.ReportMetric(float64((max(b.N, perChunk)+perChunk-1)/perChunk*perChunk)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkFailingKey has one of 10,000 keys fail always, in place with back-off, beside none that does. Both read the same log by
// turns, in groups of their own, so that neither has the machine to itself when it is quiet: what counts is the median of how much
// longer one took than the other, the start left out.
func BenchmarkFailingKey(b *testing.B) {
	const keys, rounds, pairs = 10_000, 100, 9
	w := newWorld(b)
	w.topic("t", 1, false)
	var recs []rec
	for i := range int64(keys) {
		recs = append(recs, rec{key: fmt.Sprintf("key-%05d", i), value: pingValue(i, "a name of some length, as names are"), at: i})
	}
	raw := sealed(b, batch.None, recs...)
	for range rounds {
		w.putRaw("t", 0, raw)
	}
	group := 0
	read := func(failing bool) (took, used time.Duration) {
		group++
		cfg := w.config("t")
		cfg.Group, cfg.Concurrency, cfg.Logger = fmt.Sprint("g", group), 8, nil
		cfg.Policy = Policy{Attempts: 1 << 30}
		cfg.Tuning.CommitInterval = time.Second
		total := int64(rounds * keys)
		if failing {
			total -= rounds
		}
		runtime.GC()
		j := w.start(cfg, On(func(_ context.Context, p ping) error {
			if failing && p.N == 7 {
				return errBroken
			}
			return nil
		}))
		defer j.stop()
		wait := func(handled int64) {
			for j.Stats().Handled < handled {
				<-time.After(100 * time.Microsecond)
			}
		}
		wait(1)
		began, before := time.Now(), processorTime()
		wait(total)
		return time.Since(began), processorTime() - before
	}
	for range b.N {
		var slower, dearer []float64
		var without, with time.Duration
		for i := range pairs {
			var took, used [2]time.Duration
			for j := range 2 {
				failing := (i + j) % 2 // first by turns
				took[failing], used[failing] = read(failing == 1)
			}
			slower = append(slower, 100*(float64(took[1])/float64(took[0])-1))
			dearer = append(dearer, 100*(float64(used[1])/float64(used[0])-1))
			without, with = without+took[0], with+took[1]
		}
		slices.Sort(slower)
		slices.Sort(dearer)
		b.ReportMetric(slower[pairs/2], "%slower")
		b.ReportMetric(dearer[pairs/2], "%cpu")
		b.ReportMetric(pairs*rounds*keys/without.Seconds(), "events/s-without")
		b.ReportMetric(pairs*rounds*keys/with.Seconds(), "events/s-with")
	}
}

// processorTime is what the process has used.
func processorTime() time.Duration {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
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
