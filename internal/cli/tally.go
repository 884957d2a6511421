package cli

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/headrace/headrace/producer"
)

// lineError is what is wrong with one line of input.
type lineError struct {
	number int
	err    error
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %v", e.number, e.err) }
func (e *lineError) Unwrap() error { return e.err }

// tally counts what became of events that were handed to the producer.
type tally struct {
	app    *app
	failed chan struct{} // closed when an event was not acknowledged

	mu      sync.Mutex
	total   int64
	sent    int64
	unknown int64
	lost    int64
	first   *lineError // the first line that was not acknowledged
	shown   time.Time  // when progress was last written
}

func newTally(a *app) *tally { return &tally{app: a, failed: make(chan struct{})} }

func (t *tally) posted() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.total++
}

// done takes the outcome of one line. It is called from the producer's goroutines.
func (t *tally) done(number int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.sent++
		t.progress()
		return
	}
	var failure *producer.Error
	if errors.As(err, &failure) && failure.Outcome == producer.Unknown {
		t.unknown++
	} else {
		t.lost++
	}
	if t.first == nil {
		close(t.failed)
	}
	if t.first == nil || number < t.first.number {
		t.first = &lineError{number: number, err: err}
	}
}

// progress rewrites one line of the terminal a few times a second.
func (t *tally) progress() {
	if now := time.Now(); t.app.progress && now.Sub(t.shown) > 200*time.Millisecond {
		t.shown = now
		t.app.rewrite(plural(t.sent) + " sent")
	}
}

// end says how it went. stopped is why the reading ended early: a line that does not fit, or an interruption.
func (t *tally) end(stopped, closeErr error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.shown.IsZero() {
		t.app.rewrite("")
	}
	if t.first != nil {
		return fmt.Errorf("%w\n%s", t.first, t.counts())
	}
	var bad *lineError
	switch {
	case errors.As(stopped, &bad):
		return fmt.Errorf("%w\n%s", bad, t.before())
	case errors.Is(stopped, context.Canceled):
		t.app.note("interrupted: %s", t.counts())
		return stopped
	case stopped != nil:
		return stopped
	case closeErr != nil:
		return closeErr
	}
	t.app.note("sent %s", plural(t.sent))
	return nil
}

// before tells what became of the events before a line that does not fit.
func (t *tally) before() string {
	switch t.sent {
	case 0:
		return "nothing was sent"
	case 1:
		return "the event before it was sent, nothing after it was"
	default:
		return fmt.Sprintf("the %s before it were sent, nothing after it was", plural(t.sent))
	}
}

// counts tells what became of all events that were read.
func (t *tally) counts() string {
	text := plural(t.sent) + " sent"
	if t.lost > 0 {
		text += fmt.Sprintf(", %s not sent", humanize.Comma(t.lost))
	}
	if open := t.total - t.sent - t.lost; open > 0 {
		text += fmt.Sprintf(", %s of unknown outcome (sending them again may double them)", humanize.Comma(open))
	}
	return text
}

func plural(n int64) string {
	if n == 1 {
		return "1 event"
	}
	return humanize.Comma(n) + " events"
}
