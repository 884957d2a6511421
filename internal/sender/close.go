package sender

import (
	"context"
	"fmt"
	"time"
)

// endGrace is how long Close waits, after its context has ended, for exchanges that have been told to end.
const endGrace = 50 * time.Millisecond

// Flush sends what is buffered without lingering, and returns nil when every record taken before the call has its result and its
// receiver has returned, or ctx's error when ctx ends first.
func (s *Sender) Flush(ctx context.Context) error {
	all := s.all()
	done := make(chan struct{}, len(all)) // so that no partition waits for one who has left
	waits := 0
	for _, p := range all {
		if p.flush(done) {
			waits++
		}
	}
	for range waits {
		select {
		case <-done:
		case <-ctx.Done():
			return fmt.Errorf("flush: %w", ctx.Err())
		}
	}
	return nil
}

// Close takes no more records, flushes, and ends the sender's goroutines. When ctx ends first, what is left is given up, each record with
// its outcome, and ctx's error returned. Only a receiver that does not return leaves a goroutine behind. Further calls return nil at once.
func (s *Sender) Close(ctx context.Context) error {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if closed {
		return nil
	}
	for _, p := range s.all() {
		p.close()
	}
	err := s.Flush(ctx)
	s.cancel(ErrClosed)
	for _, p := range s.all() {
		p.giveUp()
	}
	idle := s.tasks.end()
	grace := time.NewTimer(endGrace)
	defer grace.Stop()
	select {
	case <-idle:
	case <-grace.C:
	}
	return err
}

// close takes no more records.
func (p *partition) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
}

// giveUp settles what is not in flight. What is in flight is settled by the end of its exchange.
func (p *partition) giveUp() {
	p.mu.Lock()
	p.closed = true
	if p.open != nil {
		p.shut()
	}
	if p.fresh != nil {
		p.discard(p.fresh)
		p.fresh = nil
	}
	waiting := p.waiting
	p.waiting = nil
	for _, x := range waiting {
		err := ErrClosed
		if x.err != nil {
			err = fmt.Errorf("%w: %w", ErrClosed, x.err)
		}
		p.abandon(x, err)
	}
	p.mu.Unlock()
	p.topic.sender.reportLater(p)
}
