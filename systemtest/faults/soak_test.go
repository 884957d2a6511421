package faults

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/producer"

	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/process"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// soak sends and handles for a while, under connections that keep dying, and looks at what a worker process holds: memory and
// file descriptors must not grow with time.
func soak(t *trial) {
	lasts := cmp.Or(*soaks, pick(15*time.Second, 3*time.Minute))
	c := t.crew()
	c.flow(int(lasts.Seconds())*500, 3)
	worker := c.start("worker", c.job, c.journal)
	c.await(worker, 1000)
	start, closed := time.Now(), 0
	var at, memory []float64
	files := 0
	for time.Since(start) < lasts {
		<-time.After(time.Duration(300+t.random.IntN(700)) * time.Millisecond)
		closed += t.lines().HangUp()
		// The first third is the process growing to the size it needs.
		if time.Since(start) > lasts/3 {
			at, memory = append(at, time.Since(start).Hours()), append(memory, float64(resident(t, worker, "VmRSS")))
		}
		files = max(files, descriptors(t, worker))
	}
	c.await(worker, c.all)
	t.require(worker.Stop(10*time.Second), "the worker did not end by itself")
	c.finish()
	rise := slope(at, memory)
	t.require(files < 64, "the worker held %d file descriptors", files)
	// The slope of a short run is noise; what it may come to by the end of the run is not.
	t.require(rise*lasts.Hours() < 32, "the worker's memory grows by %.1f MiB an hour", rise)
	t.figure("lasted", "%s", lasts)
	t.figure("connections closed", "%d", closed)
	t.figure("memory of the worker at the end", "%.0f MiB", memory[len(memory)-1])
	if lasts >= time.Minute {
		t.figure("slope", "%+.0f MiB/h", rise)
	}
	t.figure("file descriptors at most", "%d", files)
}

// resident returns a figure of the process's memory in MiB: VmRSS now, VmHWM at its peak.
func resident(t *trial, p *process.Process, figure string) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.ID()))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if rest, ok := strings.CutPrefix(line, figure+":"); ok {
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return kib >> 10
		}
	}
	t.Fatalf("%s of process %d: none", figure, p.ID())
	return 0
}

// descriptors returns how many files and sockets the process holds open.
func descriptors(t *trial, p *process.Process) int {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.ID()))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// slope is that of the line nearest to the points.
func slope(x, y []float64) float64 {
	n := float64(len(x))
	if n < 2 {
		return 0
	}
	var sx, sy, sxx, sxy float64
	for i := range x {
		sx, sy, sxx, sxy = sx+x[i], sy+y[i], sxx+x[i]*x[i], sxy+x[i]*y[i]
	}
	return (n*sxy - sx*sy) / (n*sxx - sx*sx)
}

// slowWorker lets 100 MB wait for a worker that takes its time over each event. It fetches no more than its buffer holds, and the
// group sees it alive all the while.
func slowWorker(t *trial) {
	const size, buffer = 50_000, 8 << 20
	backlog := pick(1000, 4000)
	c := t.crew()
	c.all = backlog
	p := stack.Producer(t, producer.Config{Cluster: t.cluster(), Registry: t.registry(), AutoRegister: true})
	numbered := producer.For[events.Numbered](p, c.job.Topic)
	payload := make([]byte, size)
	for i := range payload {
		payload[i] = byte(t.random.IntN(256))
	}
	for i := range backlog {
		key := fmt.Sprintf("key-%d", i%300)
		number := c.log.Next(key)
		numbered.Post(t.Context(), key, events.Numbered{Key: key, Number: int64(number), Payload: payload}, func(_ headrace.Location, err error) {
			c.log.Ended(key, number, outcome(err))
		})
	}
	c.sent <- p.Flush(t.Context())
	c.job.Work, c.job.BufferBytes = 60*time.Millisecond, buffer
	worker := c.start("worker", c.job, c.journal)
	start := time.Now()
	c.await(worker, backlog)
	took := time.Since(start)
	peak := resident(t, worker, "VmHWM")
	t.require(worker.Stop(10*time.Second), "the worker did not end by itself")
	c.finish()
	t.require(t.verdict.Repeated == 0, "%d events were handled again: the group took the worker for dead", t.verdict.Repeated)
	t.require(peak < 128, "the worker's memory grew to %d MiB for a buffer of %d MiB", peak, buffer>>20)
	t.figure("backlog", "%d MB", backlog*size/1_000_000)
	t.figure("handled in", "%s", round(took))
	t.figure("peak memory of the worker", "%d MiB with a buffer of %d MiB", peak, buffer>>20)
}
