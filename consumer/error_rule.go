package consumer

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// ErrorRule gives an outcome to a kind of error, for errors that handlers pass on from elsewhere:
//
//	ErrorRules: []consumer.ErrorRule{
//		{Is: sql.ErrNoRows, Then: consumer.Permanent},
//		{As: throttled, Then: func(err error) error { return consumer.RetryAfter(time.Minute, err) }},
//		{Is: errKnown, Then: func(error) error { return consumer.Skip("known already") }},
//	}
//
// Exactly one of Is and As, and Then, are needed.
type ErrorRule struct {
	// Is matches the errors that it is found in by [errors.Is].
	Is error

	// As matches the errors it returns true for; [errors.As] is what it is for. A *[PanicError], and an error that is
	// [ErrAttemptTimeout], can be matched as well.
	As func(error) bool

	// Then returns the outcome of an attempt that failed with such an error: [Permanent] itself, or a function that calls
	// [RetryAfter], [Snooze] or [Skip]. Another error is a failed attempt, and so is a panic; nil is done. It must not block.
	Then func(error) error
}

func (r ErrorRule) matches(err error) bool {
	if r.As != nil {
		return r.As(err)
	}
	return errors.Is(err, r.Is)
}

// classify gives an error the outcome of the first rule that matches it. An outcome that the handler has chosen itself stays. A rule that
// panics makes a failed attempt of it, as a handler does.
func (p *Policy) classify(err error) (outcome error) {
	if err == nil || len(p.ErrorRules) == 0 || chosen(err) {
		return err
	}
	defer func() {
		if v := recover(); v != nil {
			outcome = fmt.Errorf("%w; %w", err, &PanicError{Value: v, Stack: debug.Stack(), what: "an ErrorRule of its policy"})
		}
	}()
	for _, r := range p.ErrorRules {
		if r.matches(err) {
			return r.Then(err)
		}
	}
	return err
}
