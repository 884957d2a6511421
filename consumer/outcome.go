package consumer

import (
	"errors"
	"fmt"
	"time"
)

// MaxDelay is the longest wait that a handler or a [Policy] can ask for. [RetryAfter] and [Snooze] cut a longer one to it.
const MaxDelay = 30 * 24 * time.Hour

// minSnooze is the shortest wait of Snooze, which spends no attempt: without one, a handler could keep its event, and a processor,
// busy for ever.
const minSnooze = 10 * time.Millisecond

// What a handler returns is the outcome of the attempt: nil is done, an error is a failed attempt, and the functions below make
// errors that say something else. They are found in an error by [errors.As], so that they may be wrapped and joined. Of several, the
// first in this order counts: Permanent, RetryAfter, Snooze, Skip.

// Permanent marks an error as one that no further attempt can mend: the event goes to its dead letter, or stops the worker, at once.
// Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

// RetryAfter marks an error as a failed attempt whose next one does not begin before d has passed, as a Retry-After header says it.
// A negative d is none, so that the policy's own wait is left; a d above [MaxDelay] is MaxDelay. RetryAfter(d, nil) is nil.
//
// Where the event's policy has retry tiers ([Policy.Retry]) and d is at least the shortest of their delays, it waits in a retry topic; this
// gives up no attempt it has left. It waits there for a hundred times the longest of the delays at most. Otherwise it waits in place:
// with [Config.Concurrency] above zero, other keys go on beside it; with zero, the default, every event behind it in its partition waits
// for d as well, and [PartitionState] says so in WaitsFor.
func RetryAfter(d time.Duration, err error) error {
	if err == nil {
		return nil
	}
	return &retryAfterError{err: err, after: min(max(d, 0), MaxDelay)}
}

// Snooze puts an event off: it is handled again when d has passed, and no attempt is spent. It waits where one of [RetryAfter] would,
// which with [Config.Concurrency] 0 and no retry tiers holds up its whole partition. A d below 10 ms is 10 ms, one above [MaxDelay] is MaxDelay.
// Nothing ends an event that is put off for ever.
func Snooze(d time.Duration) error {
	return &snoozeError{min(max(d, minSnooze), MaxDelay)}
}

// Skip says that there is nothing to do for an event. It counts as done, in [Stats] under Skipped and under its reason instead of
// Handled. Give few reasons, constants say: they are counted one by one.
func Skip(reason string) error { return &skipError{reason} }

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

type retryAfterError struct {
	err   error
	after time.Duration
}

func (e *retryAfterError) Error() string { return e.err.Error() }
func (e *retryAfterError) Unwrap() error { return e.err }

type snoozeError struct{ d time.Duration }

func (e *snoozeError) Error() string { return fmt.Sprintf("snoozed for %v", e.d) }

type skipError struct{ reason string }

func (e *skipError) Error() string { return "skipped: " + e.reason }

// ending is what an attempt came to.
type ending int8

const (
	endDone ending = iota
	endSkip
	endSnooze
	endFailure   // an attempt is spent
	endPermanent // an attempt is spent, and no other is made
)

// outcome is what a handler said by the error it returned.
type outcome struct {
	ending ending
	after  time.Duration // the next attempt does not begin before; 0 leaves it to the policy
	reason string        // of a skip
}

// outcomeOf reads the error of an attempt.
func outcomeOf(err error) outcome {
	if err == nil {
		return outcome{ending: endDone}
	}
	if _, ok := errors.AsType[*permanentError](err); ok {
		return outcome{ending: endPermanent}
	}
	if later, ok := errors.AsType[*retryAfterError](err); ok {
		return outcome{ending: endFailure, after: later.after}
	}
	if snooze, ok := errors.AsType[*snoozeError](err); ok {
		return outcome{ending: endSnooze, after: snooze.d}
	}
	if skip, ok := errors.AsType[*skipError](err); ok {
		return outcome{ending: endSkip, reason: skip.reason}
	}
	return outcome{ending: endFailure}
}

// chosen reports whether a handler has chosen its outcome itself, by one of the functions above.
func chosen(err error) bool {
	_, later := errors.AsType[*retryAfterError](err)
	return later || outcomeOf(err).ending != endFailure
}
