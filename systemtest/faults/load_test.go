package faults

import (
	"slices"
	"time"
)

// baseline breaks nothing: what the other rows' figures are to be compared with, and proof that the checker has nothing to say
// when there is nothing to tell.
func baseline(t *trial) {
	const all = 100_000
	f := t.flow(plan{partitions: 6, keys: 600, perTick: 100, payload: 200})
	start := time.Now()
	f.until(2*time.Minute, "100,000 events are acknowledged", func() bool { return f.acked() >= all })
	rate := float64(f.acked()) / time.Since(start).Seconds()
	f.finish()
	f.figure("events/s", "%.0f", rate)
	f.percentiles()
	t.require(f.verdict.Repeated == 0, "%d events were handled again", f.verdict.Repeated)
}

// percentiles notes the time from Post to acknowledgment.
func (f *flow) percentiles() {
	f.mu.Lock()
	defer f.mu.Unlock()
	slices.Sort(f.delays)
	for _, p := range []struct {
		name string
		part float64
	}{{"p50", 0.5}, {"p99", 0.99}, {"p99.9", 0.999}} {
		if n := len(f.delays); n > 0 {
			f.figure(p.name, "%s", round(f.delays[int(p.part*float64(n-1))]))
		}
	}
}
