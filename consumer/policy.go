package consumer

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Policy says what happens to an event that its handler cannot handle. The order is fixed: Attempts in place, then a tier of Retry
// after the other, then the dead letter. The zero Policy tries five times and then stops the worker.
type Policy struct {
	// Attempts is how often an event is given to its handler in place at most, the first time included. Defaults to 5.
	// An attempt that a shutdown or a rebalance interrupted is not counted. One that the process did not outlive is, see [CrashError]:
	// an event that kills its process so often becomes a dead letter, or stops the worker.
	Attempts int

	// Backoff is how long to wait between attempts. The event's key waits with it, so that its order is kept; with [Config.Concurrency] 0
	// the whole partition does.
	Backoff Backoff

	// Timeout bounds each attempt: when it has passed, the handler's context ends with the cause [ErrAttemptTimeout]. An attempt
	// that then returns an error is a failed one. Zero is no bound.
	Timeout time.Duration

	// ErrorRules give outcomes to errors that handlers pass on from elsewhere. The first one that matches an error counts; an error that none
	// matches is a failed attempt. An outcome that the handler chose itself stays.
	ErrorRules []ErrorRule

	// Retry is the delays of the retry tiers. An event that is out of attempts moves to the topic [RetryTopic] names for the first of them, is
	// tried once more when that has passed, moves on to the next, and so on; what follows the last is DeadLetter. Delays are whole
	// milliseconds, [MaxDelay] at most, and may repeat.
	//
	// Retry tiers give order up: the events behind one that moves to a retry topic, those of its key among them, go on without it. When it is due it is
	// handled beside whatever is being handled of its key in the topic. Events of a key in one retry topic are handled one at a time, in
	// the order they came there. A crash between the copy to a retry topic and the commit makes a second copy. The worker reads the retry topics itself, as a member of
	// [RetryGroup]; those of a delay that is in no policy any more as well, as long as they exist.
	//
	// Without Retry an event waits in place, however long its handler has it wait ([RetryAfter], [Snooze]). With [Config.Concurrency]
	// 0, every event behind it in the partition waits as well.
	Retry []time.Duration

	// DeadLetter sends an event that is out of attempts, or that cannot be decoded, to the topic [DeadLetterTopic] names, with its
	// original bytes and the reason, and goes on with the next. When it is false, the worker stops at such an event instead.
	DeadLetter bool
}

// Backoff is an exponential back-off. The zero Backoff waits up to 100 ms after the first attempt, doubling up to 10 s.
type Backoff struct {
	Initial    time.Duration // the ceiling of the first wait. Defaults to 100ms.
	Max        time.Duration // the ceiling of every wait. Defaults to 10s.
	Multiplier float64       // how fast the ceiling grows, at least 1. Defaults to 2.
}

const (
	defaultAttempts   = 5
	defaultInitial    = 100 * time.Millisecond
	defaultMaxBackoff = 10 * time.Second
	defaultMultiplier = 2
)

// Delay returns the longest wait after a failed attempt; attempts count from 1. It is a pure function: the wait itself is drawn
// evenly from between zero and Delay ("full jitter"), so that events which failed together are not retried together.
func (p Policy) Delay(attempt int) time.Duration {
	b := p.Backoff.withDefaults()
	if attempt < 1 {
		attempt = 1
	}
	delay := float64(b.Initial) * math.Pow(b.Multiplier, float64(attempt-1))
	if delay >= float64(b.Max) { // also when the power overflowed to infinity
		return b.Max
	}
	return time.Duration(delay)
}

func (b Backoff) withDefaults() Backoff {
	if b.Initial == 0 {
		b.Initial = defaultInitial
	}
	if b.Max == 0 {
		b.Max = max(defaultMaxBackoff, b.Initial)
	}
	if b.Multiplier == 0 {
		b.Multiplier = defaultMultiplier
	}
	return b
}

func (p Policy) withDefaults() Policy {
	if p.Attempts == 0 {
		p.Attempts = defaultAttempts
	}
	p.Backoff = p.Backoff.withDefaults()
	return p
}

// jitter draws a wait evenly from between zero and ceiling.
func jitter(ceiling time.Duration) time.Duration {
	return time.Duration(rand.Int64N(int64(ceiling) + 1)) //nolint:gosec // no secret depends on it
}

// validate reports every mistake of a policy that has its defaults; name is what the policy is called in messages.
func (p Policy) validate(name string) error {
	var errs []error
	add := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("consumer: "+name+"."+format, args...))
	}
	if p.Attempts < 1 {
		add("Attempts %d is less than 1", p.Attempts)
	}
	if p.Timeout < 0 {
		add("Timeout %v is negative", p.Timeout)
	}
	if p.Backoff.Initial < 0 || p.Backoff.Max < 0 {
		add("Backoff has a negative duration")
	}
	if p.Backoff.Max < p.Backoff.Initial {
		add("Backoff.Max %v is less than Backoff.Initial %v", p.Backoff.Max, p.Backoff.Initial)
	}
	if !(p.Backoff.Multiplier >= 1) { // also when it is not a number
		add("Backoff.Multiplier %v is less than 1", p.Backoff.Multiplier)
	}
	for i, c := range p.ErrorRules {
		if (c.Is == nil) == (c.As == nil) {
			add("ErrorRules[%d] needs one of Is and As", i)
		}
		if c.Then == nil {
			add("ErrorRules[%d].Then is not set: use Permanent, say", i)
		}
	}
	for i, delay := range p.Retry {
		if delay < time.Millisecond || delay > MaxDelay || delay%time.Millisecond != 0 {
			add("Retry[%d] %v is not a number of whole milliseconds between 1ms and %v", i, delay, MaxDelay)
		}
	}
	return errors.Join(errs...)
}
