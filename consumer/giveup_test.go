package consumer

import (
	"context"
	"io"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// TestHandlerThatHasReturnedIsNotGivenUp has a handler mind its lease, and what comes after it last longer than the grace: nobody is
// stuck, and the lane stays the worker's.
func TestHandlerThatHasReturnedIsNotGivenUp(t *testing.T) {
	t.Parallel()
	const grace = 50 * time.Millisecond // of the workers of world
	slow := func(e zapcore.Entry) error {
		if e.Message == "attempt failed" {
			<-time.After(6 * grace)
		}
		return nil
	}
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(io.Discard), zap.DebugLevel)
	w := newWorld(t)
	w.topic("t", 1, false)
	w.pings("t", 0, 0, 1)
	cfg := w.config("t")
	cfg.Logger = zap.New(zapcore.RegisterHooks(core, slow))
	cfg.Concurrency = 1
	cfg.Policy = Policy{Attempts: 3, Timeout: grace, Backoff: Backoff{Initial: time.Millisecond}}
	attempts := 0
	j := w.start(cfg, On(func(ctx context.Context, _ ping) error {
		if attempts++; attempts == 3 {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}))
	eventually(t, "handled at the third attempt", func() bool { return j.Stats().Handled == 1 })
	if stats := j.Stats(); stats.Stuck != 0 {
		t.Errorf("%d handlers count as stuck though each has returned", stats.Stuck)
	}
	j.stop()
}
