package consumer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"
)

// try is one attempt at the task at hand.
func (l *lane) try(t *task) error {
	route := t.target.route
	if route != l.route {
		l.route, l.call = route, l.calls[route]
		if l.call == nil {
			l.call = route.call(l)
			l.calls[route] = l.call
		}
	}
	timeout := route.policy.Timeout
	if timeout == 0 {
		return l.call(l.context(t), t)
	}
	e := l.event(l.grant(t.partition), t)
	e.deadline.Store(int64(time.Since(l.epoch) + timeout))
	l.leased.Store(e)
	err := l.call(e, t)
	if err != nil && l.word.Load()&flagExpired != 0 && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		return fmt.Errorf("%w after %v: %w", ErrAttemptTimeout, timeout, err)
	}
	return err
}

// waitOut waits for the end of an outage, a little longer each time. It returns false when the partition stops.
func (p *partition) waitOut(t *task, err error, outages int) bool {
	wait := jitter(outage.Delay(outages))
	p.paused.set(pausedOutage)
	defer p.paused.set(notPaused)
	p.log().Warn("event waits for an outage to end", zap.Int64("offset", t.record.Offset), zap.Int("in a row", outages), zap.Duration("wait", wait), zap.Error(err))
	return p.aside(wait)
}

// pause returns false when the partition stops first: an event whose partition is given up is not tried again here.
func (p *partition) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return !p.stopped.Load()
	case <-p.going.Done():
		return false
	}
}

func (p *partition) log() *zap.Logger {
	return p.engine.cfg.Logger.With(zap.String("topic", p.Topic), zap.Int32("partition", p.Partition))
}
