// Package measure runs one job in this process and says what it cost.
package measure

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/headrace/headrace/systemtest/bench/contender"
	"github.com/headrace/headrace/systemtest/bench/flight"
	"github.com/headrace/headrace/systemtest/bench/order"
)

// Result is what a job cost, over the events after the warm-up.
type Result struct {
	Events          int     `json:"events"`
	EventsPerSecond float64 `json:"events_per_s"`
	CPUNanos        float64 `json:"cpu_ns_per_event"` // user and system time of this process
	Allocs          float64 `json:"allocs_per_event"` // of the Go heap
	PeakRSS         int64   `json:"peak_rss_bytes"`
	RSSAtStart      int64   `json:"rss_at_start_bytes"` // after the warm-up
	RSSAtEnd        int64   `json:"rss_at_end_bytes"`
	P50             float64 `json:"p50_us"` // of Send; 0 in other tasks
	P99             float64 `json:"p99_us"`
	P999            float64 `json:"p999_us"`
}

// Run runs job until its events are done.
func Run(ctx context.Context, job contender.Job) (Result, error) {
	c, ok := contender.All()[job.Contender]
	if !ok {
		return Result{}, fmt.Errorf("no contender %q", job.Contender)
	}
	read := c.Consume
	if job.Flights != "" {
		read = c.ConsumeFlights
	}
	switch job.Task {
	case "produce":
		return produce(ctx, job, c)
	case "send":
		return send(ctx, job, c)
	case "consume":
		return consume(ctx, job, read)
	case "copy":
		return copyTopic(ctx, job, c)
	case "chain":
		return consume(ctx, job, c.Chain)
	}
	return Result{}, fmt.Errorf("no task %q", job.Task)
}

// open makes the events of the job and opens its producer.
func open(job contender.Job, c contender.Contender) (contender.Producer, error) {
	if job.Flights == "" {
		return c.Produce(job, order.NewFeed(job.Size))
	}
	feed, err := flight.Read(job.Flights)
	if err != nil {
		return nil, err
	}
	return c.ProduceFlights(job, feed)
}

func produce(ctx context.Context, job contender.Job, c contender.Contender) (Result, error) {
	p, err := open(job, c)
	if err != nil {
		return Result{}, err
	}
	posters := make([]contender.Post, job.Goroutines)
	for i := range posters {
		posters[i] = p.Poster()
	}
	post := func(events int) error {
		var all sync.WaitGroup
		for g, poster := range posters {
			all.Go(func() {
				for i := range events / len(posters) {
					poster(g*1_000_003 + i)
				}
			})
		}
		all.Wait()
		return p.Flush(ctx)
	}
	if err := post(job.WarmUp); err != nil {
		return Result{}, err
	}
	begun := start()
	if err := post(job.Events); err != nil {
		return Result{}, err
	}
	result := begun.stop(job.Events)
	return result, p.Close()
}

func send(ctx context.Context, job contender.Job, c contender.Contender) (Result, error) {
	p, err := open(job, c)
	if err != nil {
		return Result{}, err
	}
	for i := range job.WarmUp {
		if err := p.Send(ctx, i); err != nil {
			return Result{}, err
		}
	}
	took := make([]time.Duration, job.Events)
	begun := start()
	for i := range took {
		at := time.Now()
		if err := p.Send(ctx, i); err != nil {
			return Result{}, err
		}
		took[i] = time.Since(at)
	}
	result := begun.stop(job.Events)
	slices.Sort(took)
	at := func(q float64) float64 {
		return float64(took[min(int(q*float64(len(took))), len(took)-1)].Nanoseconds()) / 1e3
	}
	result.P50, result.P99, result.P999 = at(0.5), at(0.99), at(0.999)
	return result, p.Close()
}

func consume(ctx context.Context, job contender.Job, run func(context.Context, contender.Job, func() bool) error) (Result, error) {
	var count atomic.Int64
	var begun meter
	var result Result
	err := run(ctx, job, func() bool {
		if job.Pause > 0 { // the work of a slow handler
			<-time.After(job.Pause)
		}
		switch n := int(count.Add(1)); n {
		case job.WarmUp:
			begun = start()
		case job.WarmUp + job.Events:
			result = begun.stop(job.Events)
			return false
		}
		return true
	})
	if err == nil && result.Events == 0 {
		err = fmt.Errorf("it ended after %d of %d events", count.Load(), job.WarmUp+job.Events)
	}
	return result, err
}

// copyTopic measures a copy from its beginning to its end, and fails when the target does not hold every event once.
func copyTopic(ctx context.Context, job contender.Job, c contender.Contender) (Result, error) {
	begun := start()
	if err := c.Copy(ctx, job); err != nil {
		return Result{}, err
	}
	result := begun.stop(job.Events)
	arrived, err := contender.Holds(ctx, job.Brokers, job.To)
	if err == nil && arrived != job.Events {
		err = fmt.Errorf("the target holds %d of %d events", arrived, job.Events)
	}
	return result, err
}

// meter is the state of the process when measuring began.
type meter struct {
	at     time.Time
	cpu    time.Duration
	allocs uint64
	rss    int64
}

func start() meter {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	cpu, _ := usage()
	return meter{at: time.Now(), cpu: cpu, allocs: m.Mallocs, rss: residentNow()}
}

func (b meter) stop(events int) Result {
	wall := time.Since(b.at)
	cpu, rss := usage()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	n := float64(events)
	return Result{
		Events: events, EventsPerSecond: n / wall.Seconds(), CPUNanos: float64((cpu - b.cpu).Nanoseconds()) / n,
		Allocs: float64(m.Mallocs-b.allocs) / n, PeakRSS: rss, RSSAtStart: b.rss, RSSAtEnd: residentNow(),
	}
}

// usage returns the CPU time that the process and those it has started have taken, and the largest resident set that one of them has had,
// in bytes.
func usage() (cpu time.Duration, rss int64) {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0, 0
	}
	var children syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_CHILDREN, &children) != nil {
		return 0, 0
	}
	cpu = time.Duration(u.Utime.Nano() + u.Stime.Nano() + children.Utime.Nano() + children.Stime.Nano())
	return cpu, max(u.Maxrss, children.Maxrss) << 10
}

// residentNow returns the resident set as it is now, in bytes; 0 where the system does not tell.
func residentNow() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		return 0
	}
	return resident * int64(os.Getpagesize())
}
