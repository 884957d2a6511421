package consumer

import (
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/sender"
	"github.com/headrace/headrace/schema"
)

// source is the topic that the partition's events come from: its own, or the one it is a retry topic of.
func (p *partition) source() string {
	if p.retry != nil {
		return p.retry.source
	}
	return p.Topic
}

// from is where an event comes from and how far it has come.
func (t *task) from() origin {
	if t.origin != nil {
		return *t.origin
	}
	return origin{TopicPartition: t.partition.TopicPartition, offset: t.record.Offset, time: t.record.Timestamp}
}

// soon is how little a wait must be for the event to be tried at once.
const soon = time.Millisecond

// early is the failure of an event that has waited for as long as events wait in its retry topic, and is to wait longer.
var early = &failure{reason: errors.New("not due yet")}

// notOurs is the failure of a record in a retry topic that another worker shares by its name. Whoever it belongs to reads the topic in a
// group of its own.
var notOurs = &failure{reason: errors.New("belongs to another topic and group")}

// awaitDue pauses the partition of a retry topic until its next event is to be looked at, and takes the event's origin from its headers.
// The partition's goroutine waits; it holds the chunk, and no lane. It returns the task, which may lie in another block then, and nil
// when the partition stops.
func (p *partition) awaitDue(t *task, c *heldChunk, r *heldReader, b batch.Batch) *task {
	now := time.Now()
	o, ours := p.retry.readOrigin(p.TopicPartition, &t.record, now)
	if !ours {
		t.ref, t.body, t.target, t.failure = schema.Ref{}, nil, nil, notOurs
		p.log().Warn("record of a retry topic belongs to another topic and group, whose retry topic has the same name: it is left to them",
			zap.Int64("offset", t.record.Offset), zap.String("to change", "the name of the topic or of the group"))
		return t
	}
	if wait := o.wake(p.retry.delay, now).Sub(now); wait > 0 {
		if t = p.moveOn(t, c, r, b); t == nil || !p.rest(wait) {
			return nil
		}
	}
	t.origin, t.spent = &o, o.spent
	if time.Until(o.due) > soon && o.hops < maxHops {
		t.failure = early
	}
	return t
}

// rest waits, and frees what lanes have done with meanwhile. It returns false when the partition stops.
func (p *partition) rest(d time.Duration) bool {
	due := time.Now().Add(d)
	p.due.Store(&due)
	defer p.due.Store(nil)
	p.paused.set(pausedDue)
	defer p.paused.set(notPaused)
	p.feed.Rest(true)
	defer p.feed.Rest(false)
	return p.aside(d)
}

// notYet says where an event that is not due goes on waiting: in a retry topic, or in place when what is left is short. Where its policy has
// no delay as short as what is left, or it has none any more, it goes to the end of the retry topic it is in.
func (t *task) notYet(now time.Time) verdict {
	wait := max(0, t.origin.due.Sub(now))
	v := verdict{kind: verdictAgain, failure: early, step: t.policy().wait(wait, 0, t.spent)}
	if delay := t.partition.retry.delay; v.step.kind == stepAgain && wait > delay {
		v.step = step{kind: stepMove, spent: t.spent, after: wait, delay: delay}
	}
	if v.step.kind == stepMove {
		v.kind = verdictMove
	}
	return v
}

// moveToRetry writes the event's copy to a retry topic and returns true when Kafka has acknowledged it. An event that the topic does not
// take, because it is too large, comes to its end. It is otherwise as deadLetter.
func (p *partition) moveToRetry(t *task, v verdict) bool {
	now, from := time.Now(), t.from()
	due := now.Add(v.step.after)
	headers := ownHeaders(&t.record)
	hops := 0
	if v.failure == early {
		due, hops = from.due, from.hops+1
		headers = append(headers, stillHeaders(from, p.engine.group, &t.record, now)...)
	} else {
		headers = append(headers, deathHeaders(from, p.engine.group, t.ref, v.failure, now)...)
	}
	r := copyOf(t, append(headers, retryHeaders(from, v.step.spent.tier, hops, due)...))
	name := RetryTopic(p.source(), p.engine.group, v.step.delay)
	r.Partition = p.retryPartition(name, from)
	if _, err := p.write(name, &r, t); uncopyable(err) {
		return p.unmovable(t, v.failure, name, err)
	} else if err != nil {
		return false
	}
	p.engine.stats.retried.Add(1)
	p.log().Info("event moved to a retry topic", zap.Int64("offset", t.record.Offset), zap.String("event", t.event()), zap.String("to", name),
		zap.Time("due", due), zap.Int("attempts", v.step.spent.attempts), zap.Error(v.failure.reason))
	return true
}

// retryPartition is the event's own. A topic that has got more partitions since the worker started may have more than its retry topic.
func (p *partition) retryPartition(name string, from origin) int32 {
	found, err := p.engine.client.Topic(p.ctx, name)
	if err != nil || len(found.Partitions) == 0 {
		return sender.AnyPartition
	}
	return from.Partition % int32(len(found.Partitions)) //nolint:gosec // partitions are numbered by int32
}
