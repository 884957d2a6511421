package kafka

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"go.uber.org/zap"
)

// Pauses between attempts grow from retryFirst to retryMost; each is cut at random down to nothing (full jitter), so
// that clients that failed together do not come back together.
const (
	retryFirst = 50 * time.Millisecond
	retryMost  = time.Second
)

// What is tried again and again is logged after a moment, and then from time to time.
const (
	retryTold  = time.Second
	retryAgain = 15 * time.Second
)

// Retry calls fn until it succeeds, fails for good (see Retriable) or ctx ends, pausing between attempts with growing
// random delays. The error when ctx ends wraps both the context's error and fn's last one. When fn's error says so, the
// metadata of the topics it names is refreshed first. The client's logger is told from time to time what it waits for.
func (c *Client) Retry(ctx context.Context, fn func(ctx context.Context) error) error {
	var last error
	pause := retryFirst
	began := time.Now()
	silent := began.Add(retryTold)
	for attempt := 1; ; attempt++ {
		err := fn(ctx)
		if err == nil {
			return nil
		}
		if last == nil || !errors.Is(err, context.Cause(ctx)) {
			last = err // an attempt that the deadline cut short says less than the one before it
		}
		if ctx.Err() == nil && !Retriable(err) {
			return err
		}
		if now := time.Now(); now.After(silent) && ctx.Err() == nil {
			silent = now.Add(retryAgain)
			c.options.logger.Warn("brokers do not answer as they should: trying again", zap.Duration("for", now.Sub(began).Round(time.Millisecond)), zap.Error(err))
		}
		c.invalidateFor(err)
		if ended := c.sleep(ctx, rand.N(pause)+1); ended != nil { //nolint:gosec // jitter
			if errors.Is(last, ended) {
				return fmt.Errorf("after %d attempts: %w", attempt, last)
			}
			return fmt.Errorf("%w after %d attempts, last: %w", ended, attempt, last)
		}
		pause = min(2*pause, retryMost)
	}
}

// invalidateFor doubts the metadata of every topic that err names together with a sign of stale metadata.
func (c *Client) invalidateFor(err error) {
	var broker *BrokerError
	switch e := err.(type) { //nolint:errorlint // walks the tree itself
	case *BrokerError:
		broker = e
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			c.invalidateFor(inner)
		}
	case interface{ Unwrap() error }:
		c.invalidateFor(e.Unwrap())
	}
	if broker != nil && broker.Topic != "" && RefreshesMetadata(broker.Err) {
		c.Invalidate(broker.Topic)
	}
}
