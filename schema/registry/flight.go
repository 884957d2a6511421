package registry

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/headrace/headrace/internal/printable"
)

// flights lets callers who want the same thing at the same time share one call. The call runs until its last caller has left, so that
// one caller's deadline does not fail the others, and no call outlives everybody who waits for it.
type flights[K comparable, V any] struct {
	url    string // whom the calls ask, for errors
	mu     sync.Mutex
	flying map[K]*flight[V]
	wg     sync.WaitGroup
	closed bool
}

type flight[V any] struct {
	done    chan struct{}
	value   V
	err     error
	waiting int
	cancel  context.CancelFunc
	attempt attempt
}

// attempt is what a call is at, for those who leave before it ends: their deadline alone would not say who did not answer, and why.
type attempt struct {
	latest atomic.Pointer[UnavailableError]
}

type attemptKey struct{}

// note says where the call of ctx asks, for which time, and how the time before ended.
func note(ctx context.Context, url string, attempts int, last error) {
	if a, ok := ctx.Value(attemptKey{}).(*attempt); ok {
		a.latest.Store(&UnavailableError{URL: url, Attempts: attempts, Err: last})
	}
}

// leaving is the error of a caller whose context has ended.
func (a *attempt) leaving(ctx context.Context, url string) error {
	cause := context.Cause(ctx)
	if !errors.Is(cause, context.DeadlineExceeded) {
		return fmt.Errorf("schema registry %s: %w", url, cause)
	}
	latest := a.latest.Load()
	if latest == nil {
		return &UnavailableError{URL: url, Err: cause}
	}
	if latest.Err != nil {
		cause = fmt.Errorf("%w: %w", cause, latest.Err)
	}
	return &UnavailableError{URL: latest.URL, Attempts: latest.Attempts, Err: cause}
}

func (g *flights[K, V]) do(ctx context.Context, key K, call func(context.Context) (V, error)) (V, error) {
	var zero V
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return zero, ErrClosed
	}
	f, ok := g.flying[key]
	if !ok {
		// The values of the first caller's context travel on; its end does not.
		shared, cancel := context.WithCancel(context.WithoutCancel(ctx))
		f = &flight[V]{done: make(chan struct{}), cancel: cancel}
		shared = context.WithValue(shared, attemptKey{}, &f.attempt)
		if g.flying == nil {
			g.flying = map[K]*flight[V]{}
		}
		g.flying[key] = f
		g.wg.Go(func() {
			defer g.land(key, f)
			defer cancel()
			defer func() {
				// A panic here would end the process, and what is called here reads what strangers wrote.
				if p := recover(); p != nil {
					f.err = fmt.Errorf("schema registry: reading the answer panicked: %s", printable.Clip(fmt.Sprint(p)))
				}
			}()
			f.value, f.err = call(shared)
		})
	}
	f.waiting++
	g.mu.Unlock()

	select {
	case <-f.done:
		return f.value, f.err
	case <-ctx.Done():
		g.leave(key, f)
		return zero, f.attempt.leaving(ctx, g.url)
	}
}

func (g *flights[K, V]) land(key K, f *flight[V]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.flying[key] == f {
		delete(g.flying, key)
	}
	close(f.done)
}

func (g *flights[K, V]) leave(key K, f *flight[V]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f.waiting--; f.waiting == 0 {
		f.cancel()
		if g.flying[key] == f {
			// Whoever comes next must not join a call that is being cancelled.
			delete(g.flying, key)
		}
	}
}

// close cancels what is under way and waits for it.
func (g *flights[K, V]) close() {
	g.mu.Lock()
	g.closed = true
	for _, f := range g.flying {
		f.cancel()
	}
	g.mu.Unlock()
	g.wg.Wait()
}
