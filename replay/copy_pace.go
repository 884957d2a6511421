package replay

import (
	"context"
	"sync"
	"time"
)

// paceGrain is how far an event may be ahead of its time, so that not every one is waited for.
const paceGrain = 10 * time.Millisecond

// century is the longest wait, since timestamps come from outside.
const century = 100 * 365 * 24 * time.Hour

// pacer lets events leave at the pace of their timestamps, times speed. All partitions go by one clock, which begins when each of them knows
// its first event: at the oldest of those.
type pacer struct {
	speed float64

	mu    sync.Mutex
	open  int // partitions whose first event is not known yet
	ready chan struct{}
	first int64 // ms since 1970, -1 while unknown
	began time.Time
}

func newPacer(speed float64, partitions int) *pacer {
	p := &pacer{speed: speed, open: partitions, ready: make(chan struct{}), first: -1}
	if partitions == 0 {
		close(p.ready)
	}
	return p
}

// join gives the time of a partition's first event, -1 when it has none.
func (p *pacer) join(timestamp int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if timestamp >= 0 && (p.first < 0 || timestamp < p.first) {
		p.first = timestamp
	}
	if p.open--; p.open == 0 {
		p.began = time.Now()
		close(p.ready)
	}
}

// early is how much too early an event would be now.
func (p *pacer) early(ctx context.Context, timestamp int64) (time.Duration, error) {
	select {
	case <-p.ready:
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	since := float64(timestamp-p.first) / p.speed * float64(time.Millisecond)
	return time.Until(p.began.Add(time.Duration(min(since, float64(century))))), nil
}

// keepPace waits until an event with this timestamp is due. What comes before it does not wait with it.
func (pc *partitionCopier) keepPace(ctx context.Context, timestamp int64) error {
	p := pc.copy.limits.pace
	if p == nil || timestamp < 0 || len(pc.arrived) > 0 {
		return nil
	}
	if !pc.paced {
		pc.paced = true
		p.join(timestamp)
	}
	early, err := p.early(ctx, timestamp)
	if err != nil || early < paceGrain {
		return err
	}
	if err := pc.flush(ctx); err != nil {
		return err
	}
	timer := time.NewTimer(early)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// leavePace says that the partition has no first event to wait for, if it has not said which one it is.
func (pc *partitionCopier) leavePace() {
	if p := pc.copy.limits.pace; p != nil && !pc.paced {
		pc.paced = true
		p.join(-1)
	}
}
