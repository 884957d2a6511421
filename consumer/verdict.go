package consumer

import (
	"errors"
	"time"
)

// verdict is what comes next for an event after an attempt.
type verdict struct {
	kind    verdictKind
	step    step     // what the policy says, with how long to wait; unset where it was not asked
	outcome outcome  // what the handler said
	spent   bool     // the attempt failed and counts
	failure *failure // of verdictDead and verdictStop; of verdictMove, why the event moves
}

type verdictKind int8

const (
	verdictDone  verdictKind = iota // it is handled
	verdictSkip                     // it counts as done although nobody handled it
	verdictAgain                    // another attempt where it is, later
	verdictMove                     // to a retry topic
	verdictDead                     // to the dead-letter topic
	verdictStop                     // it stops the worker
	verdictLeave                    // it stays as it is: its partition is given up
)

// failure is why an event is given up.
type failure struct {
	kind     string
	event    string // full name of its schema, "" when it is not known
	attempts int
	reason   error
	err      error // what stops the worker when there is no dead letter
}

// outage is how long an event waits for something that is not its fault.
var outage = Policy{Backoff: Backoff{Initial: 200 * time.Millisecond, Max: 10 * time.Second}}

// judge says what comes next for an event whose attempt ended with err. stopped tells that its partition is given up, so that a failure
// may be of that making. It reads the task and does nothing.
func judge(t *task, err error, stopped bool) verdict {
	switch {
	case t.failure == early:
		return t.notYet(time.Now())
	case t.failure != nil:
		return t.giveUp(t.failure)
	case err == nil:
		return verdict{kind: verdictDone}
	case stopped:
		return verdict{kind: verdictLeave}
	}
	if decode, ok := errors.AsType[*decodeError](err); ok {
		if undecodable(decode.err) {
			return t.giveUp(&failure{kind: kindDecode, event: t.event(), err: &DecodeError{Location: t.at(), Err: decode.err, replay: t.partition.engine.replayID()}, reason: decode.err})
		}
		return verdict{kind: verdictAgain, step: step{kind: stepAgain, spent: t.spent, jitter: outage.Delay(t.outages + 1)}}
	}
	policy := t.policy()
	err = policy.classify(err)
	o := outcomeOf(err)
	v := verdict{outcome: o, step: policy.next(o, t.spent)}
	v.spent = v.step.spent.attempts > t.spent.attempts
	f := &failure{
		kind: kindHandler, event: t.event(), attempts: v.step.spent.attempts, reason: err,
		err: &HandlerError{Location: t.at(), Event: eventName(t.event()), Attempts: v.step.spent.attempts, Err: err, replay: t.partition.engine.replayID()},
	}
	switch v.step.kind {
	case stepDone:
		v.kind = verdictDone
		if o.ending == endSkip {
			v.kind = verdictSkip
		}
	case stepAgain:
		v.kind = verdictAgain
	case stepMove:
		v.kind, v.failure = verdictMove, f
		if o.ending == endSnooze {
			f.kind = kindSnooze
		}
	case stepGiveUp:
		end := t.giveUp(f)
		v.kind, v.failure = end.kind, f
	}
	return v
}

// giveUp is the end of an event that no further attempt can help.
func (t *task) giveUp(f *failure) verdict {
	if f == notLive || f == notOurs {
		return verdict{kind: verdictSkip}
	}
	dead := t.policy().DeadLetter
	if f.kind == kindUnhandled {
		switch t.partition.engine.cfg.Unhandled {
		case UnhandledSkip, UnhandledSkipForeign:
			return verdict{kind: verdictSkip}
		case UnhandledDeadLetter:
			dead = true
		case UnhandledStop:
			dead = false
		}
	}
	if r := t.partition.engine.replay; r != nil {
		dead = r.passesOver(f, dead)
	}
	if dead {
		return verdict{kind: verdictDead, failure: f}
	}
	return verdict{kind: verdictStop, failure: f}
}
