package replay

import (
	"context"
	"errors"
	"fmt"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/phrase"
	"github.com/headrace/headrace/internal/sender"
	"github.com/headrace/headrace/producer"
)

// returned is one dead letter of the window.
type returned struct {
	at       Spot
	answered bool
	marked   bool
	told     bool // its error was taken note of
	err      error
}

func (r *redriving) answer(slot int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.window[slot].answered, r.window[slot].err = true, err
}

// settle waits for the window's outcomes, and marks what is returned. The error is the first refusal.
func (r *redriving) settle(ctx context.Context) error {
	err := r.producer.Flush(ctx)
	slots, returned, refused := r.outcomes()
	if refused != nil {
		err = refused
	}
	if len(returned) > 0 {
		if markErr := r.marks.write(ctx, returned); markErr != nil {
			return errors.Join(err, fmt.Errorf("%s of topic %s are returned and not marked, so that they would be returned again: %w",
				phrase.Count(int64(len(returned)), "dead letter"), r.plan.Topic, markErr))
		}
		r.done.Events += int64(len(returned))
		r.settled(slots)
		if r.cfg.Progress != nil {
			r.cfg.Progress(r.done)
		}
	}
	if err == nil {
		r.mu.Lock()
		r.window, r.bytes = r.window[:0], 0
		r.mu.Unlock()
	}
	return err // with outcomes that may still come
}

// outcomes returns what of the window is returned and not marked, and the first refusal.
func (r *redriving) outcomes() (slots []int, returned []Spot, refused error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for slot, one := range r.window {
		switch {
		case one.err != nil && costsItself(one.err):
			if !one.told {
				r.window[slot].told = true
				r.stay(one)
			}
		case one.err != nil && refused == nil && !r.refused:
			r.refused = true
			refused = fmt.Errorf("dead letter at %s: %w", headrace.Location{Topic: r.plan.Topic, Partition: one.at.Partition, Offset: one.at.Offset}, one.err)
		case one.answered && one.err == nil && !one.marked:
			slots, returned = append(slots, slot), append(returned, one.at)
		}
	}
	return slots, returned, refused
}

// settled notes that these are marked.
func (r *redriving) settled(slots []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, slot := range slots {
		r.window[slot].marked = true
	}
}

// costsItself reports whether a refusal has to do with one event and none of the others: no topic, or not this one, takes the event, or what
// the dead letter refers to is gone.
func costsItself(err error) bool {
	_, large := errors.AsType[*producer.TooLargeError](err)
	_, headers := errors.AsType[*sender.HeadersError](err)
	_, gone := errors.AsType[*EventGoneError](err)
	return large || headers || gone
}

// stay notes that a dead letter cannot be returned. It stays open, and the others go on. It needs r.mu.
func (r *redriving) stay(one returned) {
	if r.stays++; r.stays == 1 {
		r.firstStays = fmt.Errorf("dead letter at %s: %w", headrace.Location{Topic: r.plan.Topic, Partition: one.at.Partition, Offset: one.at.Offset}, one.err)
	}
}

// left is an error when dead letters of the plan could not be returned.
func (r *redriving) left() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stays == 0 {
		return nil
	}
	return fmt.Errorf("%s cannot be returned and stay open, the first is: %w", phrase.Count(r.stays, "dead letter"), r.firstStays)
}
