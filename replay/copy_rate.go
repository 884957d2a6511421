package replay

import (
	"context"

	"golang.org/x/time/rate"
)

// limits hold a copy back; a nil limiter does not.
type limits struct {
	events, bytes *rate.Limiter
	batchEvents   int // the most events that should leave at once
	pace          *pacer
}

func newLimits(cfg *CopyConfig) limits {
	l := limits{batchEvents: cfg.pace.batch}
	if cfg.Rate > 0 {
		burst := max(1, cfg.Rate/10)
		l.events = rate.NewLimiter(rate.Limit(cfg.Rate), burst)
		l.batchEvents = min(burst, l.batchEvents)
	}
	if cfg.BytesRate > 0 {
		l.bytes = rate.NewLimiter(rate.Limit(cfg.BytesRate), max(1, cfg.BytesRate/10))
	}
	return l
}

// wait returns when a batch may leave, or with ctx's error.
func (l *limits) wait(ctx context.Context, events, bytes int) error {
	if err := spend(ctx, l.events, events); err != nil {
		return err
	}
	return spend(ctx, l.bytes, bytes)
}

// spend takes n, which may be more than the limiter gives out at once.
func spend(ctx context.Context, limiter *rate.Limiter, n int) error {
	for limiter != nil && n > 0 {
		some := min(n, limiter.Burst())
		if err := limiter.WaitN(ctx, some); err != nil {
			return err
		}
		n -= some
	}
	return nil
}
