package consumer

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// lease is the context that a lane's attempts with a time limit share. An attempt that is over in time leaves it as it is, for the next
// one of the partition, so that the healthy path makes no context and no timer.
type lease struct {
	context.Context
	partition *partition // nil when another lease is needed; only the lane's goroutine uses it
	end       context.CancelCauseFunc
}

// ErrNoLease is what [Extend] returns when there is nothing to extend: outside of a handler, and when the handler has returned.
var ErrNoLease = errors.New("no attempt to extend: the context is not that of a handler that runs")

// ErrLeaseOver is what [Extend] returns when the attempt's time had run out before.
var ErrLeaseOver = errors.New("attempt timed out before it was extended")

// Extend gives the attempt that ctx, a handler's context or one made from it, belongs to until d from now, whatever was left of
// [Policy.Timeout]: a handler that makes progress calls it again and again, and one that hangs is found out soon. d may shorten the
// rest, and is positive. Without a Timeout the attempt has no limit, and Extend changes nothing.
//
// It returns [ErrLeaseOver] when the time had run out, and [ErrNoLease] when ctx is not that of a handler that runs. Safe for concurrent
// use.
func Extend(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return fmt.Errorf("extend an attempt by %v: the duration is not positive", d)
	}
	e, ok := ctx.Value(eventKey{}).(*event)
	if !ok {
		return ErrNoLease
	}
	return e.extend(d)
}

func (e *event) extend(d time.Duration) error {
	l := e.lane
	l.mu.Lock()
	defer l.mu.Unlock()
	word := l.word.Load()
	deadline := time.Duration(e.deadline.Load())
	now := time.Since(l.epoch)
	switch {
	case placeOfWord(word) != e.at:
		return ErrNoLease
	case deadline == 0:
		return nil
	case word&flagExpired != 0, now >= deadline:
		return ErrLeaseOver
	}
	e.deadline.Store(int64(now + d))
	return nil
}

// Deadline is the end of the lease, or of what Run was given.
func (e *event) Deadline() (time.Time, bool) {
	at, ok := e.Context.Deadline()
	if d := time.Duration(e.deadline.Load()); d != 0 && (!ok || e.lane.epoch.Add(d).Before(at)) {
		return e.lane.epoch.Add(d), true
	}
	return at, ok
}

// Err tells the end of the lease apart from other ends, as a context with a deadline does.
func (e *event) Err() error {
	err := e.Context.Err()
	if err != nil && errors.Is(context.Cause(e.Context), ErrAttemptTimeout) {
		return context.DeadlineExceeded
	}
	return err
}

// grant returns the context for an attempt with a time limit.
func (l *lane) grant(p *partition) context.Context {
	if l.lease.partition != p {
		l.renew(p)
	}
	return l.lease.Context
}

func (l *lane) renew(p *partition) {
	l.endLease()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lease.partition = p
	l.lease.Context, l.lease.end = context.WithCancelCause(p.ctx)
}

// endLease lets the shared context go.
func (l *lane) endLease() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lease.end != nil {
		l.lease.end(nil)
	}
	l.lease = lease{}
}

// checkLease ends the lease of the attempt at hand when its time has run out. It needs l.mu.
func (l *lane) checkLease(place uint64, now time.Time) {
	e := l.leased.Load()
	if e == nil || e.at != place || now.Sub(l.epoch) < time.Duration(e.deadline.Load()) || l.word.Load()&flagExpired != 0 {
		return
	}
	if l.flag(place, 0, flagExpired) {
		l.expired = now
		l.lease.end(ErrAttemptTimeout)
	}
}
