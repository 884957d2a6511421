package sender

import "context"

// waiter is the receiver of one Send.
type waiter struct{ result chan Result }

// waiter returns one from the sender's pool. The pool is the sender's own since a channel must not leave a testing/synctest bubble.
func (s *Sender) waiter() *waiter {
	if w, ok := s.waiters.Get().(*waiter); ok {
		return w
	}
	return &waiter{result: make(chan Result, 1)}
}

// Done never blocks: a waiter gets one result.
func (w *waiter) Done(r Result) { w.result <- r }

// wait returns the result, or that it is unknown when ctx ends first; the result then goes to nobody and w not back to the pool.
func (s *Sender) wait(ctx context.Context, w *waiter, topic string, partition int32) Result {
	select {
	case r := <-w.result:
		s.waiters.Put(w)
		return r
	case <-ctx.Done():
	}
	select {
	case r := <-w.result: // it came at the same moment
		s.waiters.Put(w)
		return r
	default:
		return Result{Topic: topic, Partition: partition, Offset: -1, Outcome: Unknown, Err: ctx.Err()}
	}
}
