package consumer

import (
	"errors"
	"fmt"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/sender"
)

// The dead letter of a large event is as large, and goes into a batch of its own.
const (
	copyBatchBytes  = batch.RecordBytes + 2*batch.CopyBytes
	copyBufferBytes = 2 * copyBatchBytes
)

const (
	maxStart   = 1 << 10 // of a value, in a dead letter that refers to its record
	maxShort   = 1 << 10 // a key that goes with it
	maxReferee = 256     // of the error, which must not make it too large again
)

// uncopyable reports whether no other attempt to write a copy can do better: it is too large for its topic, compressed or not, or has more
// headers than are read again.
func uncopyable(err error) bool {
	_, large := errors.AsType[*sender.TooLargeError](err)
	_, headers := errors.AsType[*sender.HeadersError](err)
	return large || headers
}

// refer makes a dead letter one that refers to the task's record, which is not copied. more are headers beside those of its death; why is
// nil for a record that could not be read.
func refer(letter *sender.Record, t *task, more, death []headrace.Header, why error) {
	p := t.partition
	letter.Headers = more
	for _, h := range death {
		switch h.Key {
		case HeaderStack:
			continue
		case HeaderMessage:
			h.Value = []byte(clip(string(h.Value), maxReferee))
			if why != nil {
				h.Value = fmt.Appendf(h.Value, "; not copied: %s", clip(why.Error(), maxReferee))
			}
		}
		letter.Headers = append(letter.Headers, h)
	}
	value := t.record.Value
	letter.Headers = append(letter.Headers,
		headrace.Header{Key: HeaderReference, Value: fmt.Appendf(nil, "%s/%d@%d", p.Topic, p.Partition, t.record.Offset)},
		headrace.Header{Key: HeaderStart, Value: value[:min(len(value), maxStart)]})
	letter.Value = nil
	if len(letter.Key) > maxShort {
		letter.Key = nil
	}
}

func isReference(r *sender.Record) bool {
	n := len(r.Headers)
	return n > 1 && r.Value == nil && r.Headers[n-2].Key == HeaderReference
}

// unmovable ends an event that is too large for the retry topic that it was to wait in: there is no other place for it to wait.
func (p *partition) unmovable(t *task, f *failure, name string, why error) bool {
	if f.event == "" {
		same := *f
		same.event, f = t.event(), &same
	}
	reason := fmt.Errorf("%w; it cannot wait in retry topic %s: %w", f.reason, name, why)
	end := &failure{kind: kindHandler, event: f.event, attempts: max(f.attempts, t.spent.attempts), reason: reason, err: &HandlerError{
		Location: t.at(), Event: eventName(t.event()), Attempts: max(f.attempts, t.spent.attempts), Err: reason, replay: p.engine.replayID(),
	}}
	if !t.policy().DeadLetter {
		p.fail(end.err)
		return false
	}
	t.fate = fateDead
	return p.deadLetter(t, end)
}
