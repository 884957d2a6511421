package consumer

import (
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"
)

// complete brings about what comes after an attempt that was not simply good. It returns false when the lane's turn ends here.
func (l *lane) complete(t *task, err error) (more bool) {
	p := l.partition
	if l.lanes != nil {
		t = l.regain(t)
	}
	for {
		stuck := l.word.Load() & flagStuck
		if stuck != 0 {
			err = l.refuse(t, err)
		}
		v := judge(t, err, p.stopped.Load())
		wait := max(v.step.after, jitter(v.step.jitter))
		switch {
		case v.kind == verdictDone, v.kind == verdictSkip:
			known := flagExpired | stuck
			held := t.queue != nil
			if held {
				known |= flagMoved
			}
			fate := fateOf(t, v)
			l.seal(t, fate)
			if !l.advance(known) { // it has just been given up
				continue
			}
			l.tally(fate, v)
			if held || l.lanes == nil {
				l.done(t)
			}
			return !l.gone
		case l.lanes == nil:
			p.note(t, v, err, wait)
			return l.stay(t, v, wait)
		}
		t = l.detach()
		p.note(t, v, err, wait)
		l.depart(t, v, wait)
		l.advance(flags)
		return !l.gone
	}
}

// refuse is the end of an attempt that was given up before it ended. Whatever its handler has returned, the attempt has timed out.
func (l *lane) refuse(t *task, err error) error {
	p := l.partition
	if !errors.Is(err, errLate) {
		p.engine.stats.late.Add(1)
		p.log().Warn("handler returned after it was abandoned: its result is ignored", zap.Int64("offset", t.record.Offset),
			zap.String("event", t.event()), zap.Int("attempt", t.attempt()), zap.NamedError("result", err))
	}
	l.gone = l.lanes != nil
	return errLate
}

// longHoldUp is how long a partition may stand still for an event that was put off before the log warns of it.
const longHoldUp = time.Second

// errLate is what has become of an attempt whose handler returned after it was given up.
var errLate = fmt.Errorf("%w, and its handler returned late", ErrAttemptTimeout)

// fateOf is what has become of a task by a verdict that it is done.
func fateOf(t *task, v verdict) fate {
	switch {
	case v.kind == verdictDone:
		return fateHandled
	case t.failure == notLive:
		return fateLiveOnly
	}
	return fateSkipped
}

// seal notes a task's fate before the lane ends it, since then its memory may be another's, as it is when the task has been moved.
func (l *lane) seal(t *task, f fate) {
	if f == fateHandled {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.block == nil || l.word.Load()&flagMoved == 0 {
		t.fate = f
	}
}

// tally counts an event that is done.
func (l *lane) tally(f fate, v verdict) {
	stats := l.partition.engine.stats
	switch f {
	case fateHandled:
		l.handled++
	case fateLiveOnly:
		stats.liveOnly.Add(1)
	default:
		stats.skipped.Add(1)
		if v.outcome.ending == endSkip {
			stats.reasons.add(v.outcome.reason)
		}
	}
}

// depart sends a task whose key is held on its way, so that the lane is free.
func (l *lane) depart(t *task, v verdict, wait time.Duration) {
	p := t.partition
	switch v.kind {
	case verdictAgain:
		t.again(v)
		p.postpone(t, wait)
	case verdictMove, verdictDead:
		if p.enter() {
			p.mu.Lock()
			t.queue.writing = true
			t.queue.waitUntil(time.Time{})
			p.mu.Unlock()
			p.wake()
			go p.send(t, v)
		}
	case verdictStop:
		p.fail(v.failure.err)
	case verdictDone, verdictSkip, verdictLeave:
	}
}

// send writes the copy of a held key's event, which may take long, and then opens the key.
func (p *partition) send(t *task, v verdict) {
	defer p.leave()
	if !p.copyAway(t, v) {
		return
	}
	if next := p.pop(t); next != nil {
		p.lanes.push(p, next)
	}
}

// copyAway writes the event's copy to the topic that the verdict sends it to, and returns true once Kafka has acknowledged it. It
// returns false when the partition is given up first.
func (p *partition) copyAway(t *task, v verdict) bool {
	if v.kind == verdictMove {
		return p.moveToRetry(t, v)
	}
	if p.span != nil && p.span.failed == OnFailureReport {
		p.report(t, v.failure)
		return true
	}
	t.fate = fateDead
	return p.deadLetter(t, v.failure)
}

// stay is depart where events are handled in the order of the log: the partition waits with the task.
func (l *lane) stay(t *task, v verdict, wait time.Duration) (more bool) {
	p := t.partition
	l.again() // so that the attempt that is over has no lease to end
	l.waits.Store(true)
	defer l.waits.Store(false)
	p.holdUp(t, v, wait)
	defer p.goOn()
	switch v.kind {
	case verdictAgain:
		if !p.aside(wait) {
			return false
		}
		t.again(v)
		return true
	case verdictMove, verdictDead:
		turn := p.yieldTurn()
		if !p.copyAway(t, v) || !p.retakeTurn(turn) {
			return false
		}
		l.advance(flags)
		l.done(t)
		return true
	case verdictStop:
		p.fail(v.failure.err)
	case verdictDone, verdictSkip, verdictLeave:
	}
	return false
}

// holdUp says that the partition stands still for an event, and which.
func (p *partition) holdUp(t *task, v verdict, wait time.Duration) {
	now := time.Now()
	if t.record.Offset != p.heldUpBy || p.heldUpSince.IsZero() {
		p.heldUpBy, p.heldUpSince = t.record.Offset, now
	}
	s := &WaitingState{Offset: t.record.Offset, Event: t.event(), Attempt: v.step.spent.attempts + 1, Since: p.heldUpSince}
	var reason int32
	switch {
	case v.kind == verdictMove, v.kind == verdictDead:
		reason = pausedCopy
	case v.kind != verdictAgain:
		return
	case v.failure == early:
		reason = pausedDue
	case v.spent, v.outcome.ending == endSnooze:
		reason = pausedEvent
	default:
		reason = pausedOutage
	}
	if v.kind == verdictAgain {
		s.Until = now.Add(wait)
	}
	p.waits.Store(s)
	p.paused.set(reason)
}

// goOn is the end of what holdUp began.
func (p *partition) goOn() {
	p.waits.Store(nil)
	p.paused.set(notPaused)
}

// again makes the next attempt the one at hand.
func (t *task) again(v verdict) {
	t.spent = v.step.spent
	if t.failure == early {
		t.failure = nil
		return
	}
	t.outages++
	if v.spent {
		t.outages = 0
	}
}

// note counts and logs what became of an attempt.
func (p *partition) note(t *task, v verdict, err error, wait time.Duration) {
	if v.failure == early {
		return
	}
	stats := p.engine.stats
	switch {
	case v.kind == verdictLeave:
		stats.interrupted.Add(1)
	case v.spent:
		stats.failed.Add(1)
	case v.outcome.ending == endSnooze:
		stats.snoozed.Add(1)
	}
	if v.kind != verdictAgain {
		return
	}
	log := p.log().With(zap.Int64("offset", t.record.Offset), zap.String("event", t.event()), zap.Duration("wait", wait), zap.Error(err))
	switch {
	case v.spent:
		log.Warn("attempt failed", zap.Int("attempt", t.attempt()), zap.Int("of", t.policy().Attempts))
	case v.outcome.ending == endSnooze && p.waitsWhole() && wait >= longHoldUp:
		log.Warn("event snoozed by its handler: with Concurrency 0 or ByPartition every event behind it in its partition waits as well")
	case v.outcome.ending == endSnooze:
		log.Debug("event snoozed by its handler")
	default:
		log.Warn("event waits for an outage to end", zap.Int("in a row", t.outages+1))
	}
}
