package consumer

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"go.uber.org/zap"

	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/schema"
)

var errGoexit = errors.New("handler ended its goroutine (runtime.Goexit, or FailNow of a test)")

// handle brings one record to its end: handled, skipped or dead-lettered. It returns false when the record is left as it is, because
// the partition is taken away or the worker stops; then it is not done.
func (p *partition) handle(rec *batch.Record) bool {
	t, ok := p.route(rec)
	if !ok || t == nil {
		return ok
	}
	e := p.current.begin(p.ctx, rec, p.input.ref, t.event)
	policy := &t.route.policy
	for attempt, outages := 1, 0; ; {
		err := p.try(e, t, policy)
		if err == nil {
			p.engine.stats.handled.Add(1)
			return true
		}
		if p.stopped.Load() { // the failure may be of the stop's making: it counts for nothing
			p.engine.stats.interrupted.Add(1)
			return false
		}
		var decode *decodeError
		if errors.As(err, &decode) {
			if undecodable(decode.err) {
				return p.giveUp(rec, policy, &failure{kind: kindDecode, event: t.event, err: &DecodeError{At: p.atOffset(rec.Offset), Err: decode.err}, reason: decode.err})
			}
			outages++
			if !p.waitOut(rec, decode.err, outages) {
				return false
			}
			continue
		}
		p.engine.stats.failed.Add(1)
		if isPermanent(err) || attempt >= policy.Attempts {
			return p.giveUp(rec, policy, &failure{
				kind: kindHandler, event: t.event, attempts: attempt, reason: err,
				err: &HandlerError{At: p.atOffset(rec.Offset), Event: eventName(t.event), Attempts: attempt, Err: err},
			})
		}
		wait := jitter(policy.Delay(attempt))
		p.log().Warn("attempt failed", zap.Int64("offset", rec.Offset), zap.String("event", t.event),
			zap.Int("attempt", attempt), zap.Int("of", policy.Attempts), zap.Duration("wait", wait), zap.Error(err))
		if !p.pause(wait) {
			return false
		}
		attempt++
		p.current.retry(attempt)
	}
}

// try is one attempt. A panic is an error.
func (p *partition) try(e *event, t *target, policy *Policy) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	if policy.Timeout == 0 {
		return t.call(e, &p.input)
	}
	ctx, cancel := context.WithTimeoutCause(e, policy.Timeout, ErrAttemptTimeout)
	defer cancel()
	err = t.call(ctx, &p.input)
	if err != nil && errors.Is(err, context.DeadlineExceeded) && errors.Is(context.Cause(ctx), ErrAttemptTimeout) {
		return fmt.Errorf("%w after %v: %w", ErrAttemptTimeout, policy.Timeout, err)
	}
	return err
}

// route finds the handler of a record and sets p.input. Without a target the record is at its end if ok, and left if not.
func (p *partition) route(rec *batch.Record) (t *target, ok bool) {
	var header func(string) ([]byte, bool)
	if rec.HeaderCount() > 0 {
		header = rec.Header
	}
	ref, body, err := schema.ParseWire(rec.Value, header)
	p.input = input{ref: ref, body: body, key: rec.Key}
	switch {
	case errors.Is(err, schema.ErrTombstone):
		t = p.router.to(tombstone)
	case err != nil:
		return nil, p.undecodable(rec, err)
	}
	for outages := 1; t == nil; outages++ {
		t, err = p.router.find(p.going, ref)
		switch {
		case err == nil:
		case p.going.Err() != nil:
			return nil, false
		case undecodable(err):
			return nil, p.undecodable(rec, err)
		case !p.waitOut(rec, err, outages):
			return nil, false
		}
	}
	if t.route == nil {
		return nil, p.unhandled(rec, t.event)
	}
	return t, true
}

// undecodable ends a record whose bytes name no schema that can be had.
func (p *partition) undecodable(rec *batch.Record, err error) bool {
	return p.giveUp(rec, &p.engine.cfg.Policy, &failure{kind: kindDecode, reason: err, err: &DecodeError{At: p.atOffset(rec.Offset), Err: err}})
}

// unhandled ends an event nobody handles.
func (p *partition) unhandled(rec *batch.Record, event string) bool {
	switch p.engine.cfg.Unhandled {
	case UnhandledSkip:
		p.engine.stats.skipped.Add(1)
		return true
	case UnhandledDeadLetter:
		return p.deadLetter(rec, &failure{kind: kindUnhandled, event: event, reason: fmt.Errorf("no handler for %s", eventName(event))})
	case UnhandledStop:
	}
	p.engine.fail(&UnhandledError{At: p.atOffset(rec.Offset), Event: event, Schema: p.input.ref})
	return false
}

// failure is why an event is given up.
type failure struct {
	kind     string
	event    string // full name of its schema, "" when it is not known
	attempts int
	reason   error
	err      error // what stops the worker when there is no dead letter
}

// giveUp ends an event that no further attempt can help.
func (p *partition) giveUp(rec *batch.Record, policy *Policy, f *failure) bool {
	if policy.DeadLetter {
		return p.deadLetter(rec, f)
	}
	p.engine.fail(f.err)
	return false
}

// outage is how long an event waits for something that is not its fault.
var outage = Policy{Backoff: Backoff{Initial: 200 * time.Millisecond, Max: 10 * time.Second}}

// waitOut waits for the end of an outage, a little longer each time. It returns false when the partition stops.
func (p *partition) waitOut(rec *batch.Record, err error, outages int) bool {
	wait := jitter(outage.Delay(outages))
	p.log().Warn("event waits for an outage to end", zap.Int64("offset", rec.Offset), zap.Int("in a row", outages), zap.Duration("wait", wait), zap.Error(err))
	return p.pause(wait)
}

// pause returns false when the partition stops first: an event whose partition is given up is not tried again here.
func (p *partition) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return !p.stopped.Load()
	case <-p.going.Done():
		return false
	}
}

func (p *partition) log() *zap.Logger {
	return p.engine.cfg.Logger.With(zap.String("topic", p.Topic), zap.Int32("partition", p.Partition))
}
