package deadletter

import (
	"context"
	"errors"
	"fmt"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/phrase"
	"github.com/headrace/headrace/internal/sender"
	"github.com/headrace/headrace/producer"
)

// inWindow is one dead letter of the window.
type inWindow struct {
	at       Position
	answered bool
	marked   bool
	reported bool // its error was taken note of
	err      error
}

func (r *redriving) answer(slot int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.window[slot].answered, r.window[slot].err = true, err
}

// finishWindow waits for the outcomes of the window's events, and marks those that are returned. The error is the first refusal.
func (r *redriving) finishWindow(ctx context.Context) error {
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
		r.noteMarked(slots)
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
func (r *redriving) outcomes() (slots []int, returned []Position, refused error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for slot, one := range r.window {
		switch {
		case one.err != nil && onlyThisEvent(one.err):
			if !one.reported {
				r.window[slot].reported = true
				r.keepOpen(one)
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

// noteMarked remembers that the letters in these slots are marked.
func (r *redriving) noteMarked(slots []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, slot := range slots {
		r.window[slot].marked = true
	}
}

// onlyThisEvent reports whether a refusal has to do with one event and none of the others: no topic, or not this one, takes the event, or what
// the dead letter refers to is gone.
func onlyThisEvent(err error) bool {
	_, large := errors.AsType[*producer.TooLargeError](err)
	_, headers := errors.AsType[*sender.HeadersError](err)
	_, gone := errors.AsType[*EventGoneError](err)
	return large || headers || gone
}

// keepOpen remembers that a dead letter cannot be returned. It stays open, and the others go on. It needs r.mu.
func (r *redriving) keepOpen(one inWindow) {
	if r.kept++; r.kept == 1 {
		r.firstKept = fmt.Errorf("dead letter at %s: %w", headrace.Location{Topic: r.plan.Topic, Partition: one.at.Partition, Offset: one.at.Offset}, one.err)
	}
}

// errOfKept is an error when dead letters of the plan could not be returned.
func (r *redriving) errOfKept() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept == 0 {
		return nil
	}
	return fmt.Errorf("%s cannot be returned and stay open, the first is: %w", phrase.Count(r.kept, "dead letter"), r.firstKept)
}
