package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headrace/headrace"
)

var errBroken = errors.New("broken")

func TestFailedAttemptsAreRepeatedInPlaceAndInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.pings("t", 0, 0, 5)
	var got sink
	var attempts []int
	j := w.start(w.config("t"), On(func(ctx context.Context, p ping) error {
		if p.N == 2 {
			attempts = append(attempts, InfoFrom(ctx).Attempt)
			if len(attempts) < 3 {
				return errBroken
			}
		}
		return got.handle(ctx, p)
	}))
	eventually(t, "5 events handled", func() bool { return got.len() == 5 })
	j.stop()
	if !slices.Equal(attempts, []int{1, 2, 3}) || !slices.Equal(got.ns, []int64{0, 1, 2, 3, 4}) {
		t.Errorf("attempts %v, handled %v", attempts, got.ns)
	}
	if s := j.Stats(); s.Failed != 2 || s.Handled != 5 {
		t.Errorf("stats %+v", s)
	}
}

func TestWorkerStopsAtAnEventThatNobodyCanHandle(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		policy   Policy
		fail     func(context.Context) error
		attempts int
		is       func(error) bool
	}{
		{"out of attempts", Policy{Attempts: 3, Backoff: Backoff{Initial: 1}}, func(context.Context) error { return errBroken }, 3, func(err error) bool { return errors.Is(err, errBroken) }},
		{"permanent", Policy{}, func(context.Context) error { return fmt.Errorf("wrapped: %w", Permanent(errBroken)) }, 1, func(err error) bool { return errors.Is(err, errBroken) }},
		{"panic", Policy{Attempts: 1}, func(context.Context) error { panic("oh no") }, 1, func(err error) bool {
			p, ok := errors.AsType[*PanicError](err)
			return ok && p.Value == "oh no" && strings.Contains(string(p.Stack), "attempt_test.go")
		}},
		{"panic with an error", Policy{Attempts: 1}, func(context.Context) error { panic(errBroken) }, 1, func(err error) bool { return errors.Is(err, errBroken) }},
		{"timeout", Policy{Attempts: 2, Timeout: 5 * time.Millisecond, Backoff: Backoff{Initial: 1}}, func(ctx context.Context) error {
			<-ctx.Done()
			if !errors.Is(context.Cause(ctx), ErrAttemptTimeout) {
				return Permanent(errors.New("wrong cause"))
			}
			return ctx.Err()
		}, 2, func(err error) bool { return errors.Is(err, ErrAttemptTimeout) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.topic("t", 1, false)
			w.pings("t", 0, 0, 5)
			var got sink
			j := w.start(w.config("t"), On(func(ctx context.Context, p ping) error {
				if p.N == 3 {
					return tc.fail(ctx)
				}
				return got.handle(ctx, p)
			}).With(tc.policy))
			failure := asError[*HandlerError](t, j.wait())
			if failure.Location != (headrace.Location{Topic: "t", Partition: 0, Offset: 3}) || failure.Event != "test.Ping" || failure.Attempts != tc.attempts || !tc.is(failure) {
				t.Errorf("got %+v", failure)
			}
			if at := w.committed("t", 0); at != 3 {
				t.Errorf("committed %d, want 3: what came before the event", at)
			}
			if !slices.Equal(got.ns, []int64{0, 1, 2}) {
				t.Errorf("handled %v, want nothing after the event", got.ns)
			}
		})
	}
}

func TestTimeoutOfAnAttemptThatSucceedsAnyhowIsNoFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.pings("t", 0, 0, 1)
	j := w.start(w.config("t"), On(func(ctx context.Context, _ ping) error {
		<-ctx.Done()
		return nil
	}).With(Policy{Timeout: time.Millisecond}))
	eventually(t, "handled", func() bool { return j.Stats().Handled == 1 })
	j.stop()
	if s := j.Stats(); s.Failed != 0 {
		t.Errorf("stats %+v", s)
	}
}

// TestStopDuringBackoffSpendsNoAttempt stops a worker that waits an hour for its next attempt.
func TestStopDuringBackoffSpendsNoAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, true)
	w.pings("t", 0, 0, 2)
	cfg := w.config("t")
	cfg.Policy = Policy{DeadLetter: true, Attempts: 2, Backoff: Backoff{Initial: 1000 * time.Hour, Max: 1000 * time.Hour}}
	var got sink
	j := w.start(cfg, On(func(ctx context.Context, p ping) error {
		if p.N == 1 {
			return errBroken
		}
		return got.handle(ctx, p)
	}))
	eventually(t, "a failed attempt", func() bool { return j.Stats().Failed == 1 })
	j.stop()
	if at := w.committed("t", 0); at != 1 {
		t.Errorf("committed %d, want 1", at)
	}
	if dead := w.read("t.g.dead"); len(dead) != 0 {
		t.Errorf("dead letters: %v", dead)
	}
}

// TestFailureDuringTheDrainIsNotTheEvents lets a handler fail its last attempt because the process stops.
func TestFailureDuringTheDrainIsNotTheEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, true)
	w.pings("t", 0, 0, 1)
	cfg := w.config("t")
	cfg.Policy = Policy{DeadLetter: true, Attempts: 1}
	entered, release := make(chan struct{}), make(chan struct{})
	j := w.start(cfg, On(func(context.Context, ping) error {
		close(entered)
		<-release
		return errors.New("my database connection closes, because the process stops")
	}))
	<-entered
	j.cancel()
	eventually(t, "worker stopping", func() bool { return w.logs.FilterMessage("stopping").Len() > 0 })
	close(release)
	if err := j.wait(); err != nil {
		t.Errorf("run: %v", err)
	}
	if at := w.committed("t", 0); at > 0 {
		t.Errorf("committed %d", at)
	}
	if dead := w.read("t.g.dead"); len(dead) != 0 {
		t.Errorf("dead letters: %v", dead)
	}
	if s := j.Stats(); s.Interrupted != 1 || s.Failed != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestGoexitInAHandlerStopsTheWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.pings("t", 0, 0, 1)
	err := w.start(w.config("t"), On(func(context.Context, ping) error {
		goexit()
		return nil
	})).wait()
	if failure := asError[*HandlerError](t, err); failure.Location != (headrace.Location{Topic: "t", Partition: 0, Offset: 0}) {
		t.Errorf("got %+v", failure)
	}
	if at := w.committed("t", 0); at > 0 {
		t.Errorf("committed %d", at)
	}
}

func TestDrainLetsTheHandlerFinish(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.pings("t", 0, 0, 3)
	entered, release := make(chan struct{}), make(chan struct{})
	var canceled atomic.Bool
	j := w.start(w.config("t"), On(func(ctx context.Context, p ping) error {
		if p.N == 1 {
			close(entered)
			<-release
			canceled.Store(ctx.Err() != nil)
		}
		return nil
	}))
	<-entered
	j.cancel()
	eventually(t, "worker stopping", func() bool { return w.logs.FilterMessage("stopping").Len() > 0 })
	close(release)
	if err := j.wait(); err != nil {
		t.Fatal(err)
	}
	if canceled.Load() {
		t.Error("context ended before the drain timeout")
	}
	if at := w.committed("t", 0); at != 2 {
		t.Errorf("committed %d, want 2: the event that was running, and none after it", at)
	}
}

func TestDrainTimeoutEndsTheContextWithItsCause(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, true)
	w.pings("t", 0, 0, 1)
	cfg := w.config("t")
	cfg.Policy = Policy{Attempts: 1, DeadLetter: true}
	cfg.Tuning.DrainTimeout = 20 * time.Millisecond
	entered, cause := make(chan struct{}), make(chan error, 1)
	j := w.start(cfg, On(func(ctx context.Context, _ ping) error {
		close(entered)
		<-ctx.Done()
		cause <- context.Cause(ctx)
		return ctx.Err()
	}))
	<-entered
	j.stop()
	if err := <-cause; !errors.Is(err, ErrStopping) {
		t.Errorf("cause %v", err)
	}
	if at := w.committed("t", 0); at > 0 {
		t.Errorf("committed %d", at)
	}
	if dead := w.read("t.g.dead"); len(dead) != 0 {
		t.Errorf("dead letters: %v", dead)
	}
}

func TestHandlerThatIgnoresItsContextIsNamedAndNotAcknowledged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.grace = quickGrace
	w.topic("t", 1, false)
	w.pings("t", 0, 0, 2)
	cfg := w.config("t")
	cfg.Tuning.DrainTimeout = 10 * time.Millisecond
	entered, release := make(chan struct{}), make(chan struct{})
	j := w.start(cfg, On(func(_ context.Context, p ping) error {
		if p.N == 1 {
			close(entered)
			<-release
		}
		return nil
	}))
	defer close(release)
	<-entered
	j.cancel()
	stuck := asError[*StuckError](t, j.wait())
	if stuck.Location != (headrace.Location{Topic: "t", Partition: 0, Offset: 1}) || stuck.Event != "test.Ping" {
		t.Errorf("got %+v", stuck)
	}
	if at := w.committed("t", 0); at != 1 {
		t.Errorf("committed %d, want 1", at)
	}
}
