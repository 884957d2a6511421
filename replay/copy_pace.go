package replay

import (
	"context"
	"sync"
	"time"
)

// pacer holds events back until they are due, by their timestamps.
type pacer struct {
	speed float64

	mu    sync.Mutex
	first int64     // timestamp, in ms, of the first event that any lane met in this run
	began time.Time // when it was met; zero before
}

// due is how long an event has to wait. The pace begins anew with every run: what the pause before it has cost is not made up for.
func (p *pacer) due(timestamp int64, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.began.IsZero() {
		p.first, p.began = timestamp, now
	}
	after := float64(timestamp-p.first) / p.speed * float64(time.Millisecond)
	const most = float64(1<<63 - 1)
	if after >= most/2 {
		after = most / 2 // timestamps come from outside
	}
	return max(0, p.began.Add(time.Duration(after)).Sub(now))
}

// keepPace waits until an event is due, and sends before what is due already.
func (l *lane) keepPace(ctx context.Context, timestamp int64) error {
	if l.copy.limits.pace == nil || len(l.held) > 0 {
		return nil // what the target holds is not sent
	}
	wait := l.copy.limits.pace.due(timestamp, time.Now())
	if wait <= 0 {
		return nil
	}
	if l.builder.Count() > 0 {
		if err := l.flush(ctx); err != nil {
			return err
		}
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
