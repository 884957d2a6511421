package sender

import (
	"context"
	"sync"
)

// waiter is the receiver of one Send.
type waiter struct{ result chan Result }

var waiters = sync.Pool{New: func() any { return &waiter{result: make(chan Result, 1)} }}

func newWaiter() *waiter {
	return waiters.Get().(*waiter) //nolint:errcheck,forcetypeassert // the pool holds nothing else
}

// Done never blocks: a waiter gets one result.
func (w *waiter) Done(r Result) { w.result <- r }

// free returns a waiter that will get no result any more, or has given it.
func (w *waiter) free() { waiters.Put(w) }

// wait returns the result, or that it is unknown when ctx ends first; the result then goes to nobody.
func (w *waiter) wait(ctx context.Context, topic string, partition int32) Result {
	select {
	case r := <-w.result:
		w.free()
		return r
	case <-ctx.Done():
		return Result{Topic: topic, Partition: partition, Offset: -1, Outcome: Unknown, Err: ctx.Err()}
	}
}
