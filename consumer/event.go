package consumer

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace"
)

// event is the context of one attempt. It is never used for another, so that a context that a handler has kept cannot tell of the
// wrong event.
type event struct {
	context.Context // of the partition's handlers
	lane            *lane
	task            *task  // nil when the attempt was over before anybody asked for it
	at              uint64 // the lane's place while the attempt goes on
	attempt         int
	deadline        atomic.Int64 // of the lease, since lane.epoch; 0 for none
}

type eventKey struct{}

// Value finds the event itself, for InfoFrom.
func (e *event) Value(key any) any {
	if _, ok := key.(eventKey); ok {
		return e
	}
	return e.Context.Value(key)
}

const eventsAtOnce = 64

// event makes the context of an attempt at the task at hand.
func (l *lane) event(ctx context.Context, t *task) *event {
	if len(l.spare) == 0 {
		l.spare = make([]event, eventsAtOnce)
	}
	e := &l.spare[0]
	l.spare = l.spare[1:]
	e.Context, e.lane, e.task, e.at, e.attempt = ctx, l, t, l.at, t.attempt()
	return e
}

// info reads the record of the event, which is a view into memory that is used again, unless the attempt is over.
func (e *event) info() Info {
	info, elsewhere := e.inBlock()
	if elsewhere {
		if t := e.lane.moved(e.at); t != nil {
			return e.describe(t)
		}
	}
	return info
}

func (e *event) inBlock() (info Info, elsewhere bool) {
	if e.task == nil {
		return Info{}, false
	}
	if s := e.task.block; s != nil {
		s.guard.RLock() // the block is not used again while it is held, if the task is at hand at any time from now on
		defer s.guard.RUnlock()
	}
	word := e.lane.word.Load()
	switch {
	case placeOfWord(word) != e.at:
		return Info{}, false
	case word&flagMoved != 0:
		return Info{}, true
	}
	return e.describe(e.task), false
}

func (e *event) describe(t *task) Info {
	info := Info{
		Topic:     t.partition.Topic,
		Partition: t.partition.Partition,
		Offset:    t.record.Offset,
		Key:       string(t.record.Key),
		NullKey:   t.record.Key == nil,
		Time:      time.UnixMilli(t.record.Timestamp).UTC(),
		Event:     t.event(),
		Schema:    t.ref,
		Attempt:   e.attempt,
		Group:     t.partition.engine.group,
		Replay:    replayOf(t),
	}
	headers := t.record.Headers(nil)
	if o := t.origin; o != nil {
		info.Topic, info.Partition, info.Offset, info.Time, info.Retry = o.Topic, o.Partition, o.offset, time.UnixMilli(o.time).UTC(), o.spent.tier
		headers = ownHeaders(&t.record)
	}
	for _, h := range headers {
		info.Headers = append(info.Headers, headrace.Header{Key: h.Key, Value: cloneValue(h.Value)})
	}
	return info
}

// cloneValue copies a value and keeps null and empty apart.
func cloneValue(value []byte) []byte {
	if value == nil {
		return nil
	}
	return append([]byte{}, value...)
}
