package consumer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/fetch"
	"github.com/headrace/headrace/schema"
)

// leased has a worker handle events, numbered from 0, to their end, by a clock that no pause of the machine moves. Their policy's lease is
// planLease, and the grace behind it half as much.
func leased(t *testing.T, concurrency, events int, policy Policy, log *zap.Logger, handle func(context.Context, ping) error) *counters {
	t.Helper()
	w := newWorld(t)
	var recs []rec
	for n := range int64(events) {
		recs = append(recs, rec{key: fmt.Sprint("k", n), value: pingValue(n, "w")})
	}
	parsed, _, err := batch.Next(sealed(t, batch.None, recs...))
	if err != nil {
		t.Fatal(err)
	}
	m := &plan{
		concurrency: concurrency, tuning: Tuning{BufferBytes: 1 << 20}, log: log,
		chunks: []fetch.Chunk{{End: int64(events), Batches: []batch.Batch{parsed}}},
	}
	policy.Timeout = planLease
	routes, err := newRoutes(w.registry, policy.withDefaults(), []Handler{On(handle)})
	if err != nil {
		t.Fatal(err)
	}
	// The registry is asked here: its answers do not come from within the bubble.
	target, err := newRouter(routes).find(t.Context(), "t", schema.RefID(pingID))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(*testing.T) { m.live(routes, target, time.Hour, true) })
	if at := m.note.Done.Prefix(); at != int64(events) {
		t.Errorf("committed %d of %d", at, events)
	}
	return m.stats
}

// TestHandlerThatHasReturnedIsNotGivenUp has a handler mind its lease, and what comes after it last longer than the grace: nobody is
// stuck, and the lane stays the worker's.
func TestHandlerThatHasReturnedIsNotGivenUp(t *testing.T) {
	t.Parallel()
	slow := func(e zapcore.Entry) error {
		if e.Message == "attempt failed" {
			<-time.After(3 * planLease)
		}
		return nil
	}
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(io.Discard), zap.DebugLevel)
	attempts := 0
	s := leased(t, 1, 1, Policy{Attempts: 3, Backoff: Backoff{Initial: time.Millisecond}}, zap.New(zapcore.RegisterHooks(core, slow)),
		func(ctx context.Context, _ ping) error {
			if attempts++; attempts == 3 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		})
	if stuck, handled := s.stuck.Load(), s.handled.Load(); stuck != 0 || handled != 1 || attempts != 3 {
		t.Errorf("%d handlers count as stuck though each has returned; %d handled in %d attempts", stuck, handled, attempts)
	}
}

// TestBackoffOutlastsTheLease waits for longer than a lease and its grace, which is no handler that is stuck.
func TestBackoffOutlastsTheLease(t *testing.T) {
	t.Parallel()
	for name, concurrency := range map[string]int{"log order": 0, "lanes": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			s := leased(t, concurrency, 1, Policy{Attempts: 1000}, nil, func(context.Context, ping) error {
				if calls++; calls > 3 {
					return nil
				}
				return RetryAfter(3*planLease, errBroken)
			})
			if s.stuck.Load() != 0 || s.failed.Load() != 3 || s.handled.Load() != 1 {
				t.Errorf("%d stuck, %d failed, %d handled", s.stuck.Load(), s.failed.Load(), s.handled.Load())
			}
		})
	}
}

func TestExtendKeepsAnAttemptAlive(t *testing.T) {
	t.Parallel()
	for name, concurrency := range map[string]int{"log order": 0, "lanes": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var kept context.Context
			late := 0
			s := leased(t, concurrency, 2, Policy{Attempts: 2, Backoff: Backoff{Initial: 1}}, nil, func(ctx context.Context, p ping) error {
				if p.N == 1 {
					if late++; late > 1 {
						return nil
					}
					<-ctx.Done()
					if err := Extend(ctx, time.Second); !errors.Is(err, ErrLeaseOver) {
						t.Errorf("extended after its end: %v", err)
					}
					if deadline, ok := ctx.Deadline(); !ok || deadline.After(time.Now()) {
						t.Errorf("deadline %v, %t", deadline, ok)
					}
					return ctx.Err()
				}
				kept = ctx
				inner, cancel := context.WithCancel(ctx)
				defer cancel()
				for range 10 {
					<-time.After(planLease / 4)
					if err := Extend(inner, 2*planLease); err != nil {
						t.Errorf("extend: %v", err)
					}
				}
				return inner.Err()
			})
			if s.failed.Load() != 1 || s.stuck.Load() != 0 || s.handled.Load() != 2 {
				t.Errorf("%d failed, %d stuck, %d handled", s.failed.Load(), s.stuck.Load(), s.handled.Load())
			}
			for _, ctx := range []context.Context{kept, context.Background()} {
				if err := Extend(ctx, time.Second); !errors.Is(err, ErrNoLease) {
					t.Errorf("extended what does not run: %v", err)
				}
			}
			if err := Extend(kept, 0); err == nil {
				t.Error("extended by nothing")
			}
		})
	}
}
