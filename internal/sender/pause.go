package sender

import (
	"context"
	"math/rand/v2"
	"time"
)

// wait bounds a pause by a context.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

const (
	firstBackoff = 20 * time.Millisecond
	lastBackoff  = time.Second
)

// backoff is the pause after an attempt, counted from 0: doubling, between a half and the whole of it.
func backoff(attempt int) time.Duration {
	d := lastBackoff
	if attempt < 6 {
		d = min(firstBackoff<<attempt, lastBackoff)
	}
	return d/2 + rand.N(d/2) //nolint:gosec // jitter needs no secrecy
}
