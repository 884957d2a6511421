package sender

import "context"

// Waiter is the receiver of one record whose sender waits for the result. The record does not linger.
type Waiter struct {
	sender *Sender
	result chan Result
}

// Waiter returns one from the sender's pool. The pool is the sender's own since a channel must not leave a testing/synctest bubble.
func (s *Sender) Waiter() *Waiter {
	if w, ok := s.waiters.Get().(*Waiter); ok {
		return w
	}
	return &Waiter{sender: s, result: make(chan Result, 1)}
}

// Done never blocks: a waiter gets one result.
func (w *Waiter) Done(r Result) { w.result <- r }

// Refuse gives w up for a record that was not taken, and returns its result.
func (w *Waiter) Refuse(t *Topic, partition int32, err error) Result {
	w.sender.waiters.Put(w)
	return Result{Topic: t.name, Partition: partition, Offset: -1, Outcome: Failed, Err: err}
}

// Wait returns the result, or that it is unknown when ctx ends first; the result then goes to nobody and w not back to the pool. w must not
// be used again.
func (w *Waiter) Wait(ctx context.Context, t *Topic, partition int32) Result {
	select {
	case r := <-w.result:
		w.sender.waiters.Put(w)
		return r
	case <-ctx.Done():
	}
	select {
	case r := <-w.result: // it came at the same moment
		w.sender.waiters.Put(w)
		return r
	default:
		return Result{Topic: t.name, Partition: partition, Offset: -1, Outcome: Unknown, Err: ctx.Err()}
	}
}
