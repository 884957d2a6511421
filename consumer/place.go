package consumer

import (
	"context"
	"time"
	"unsafe"
)

// places are the contexts of the first attempts at the events of a lane's turn. Most handlers never look at their context, so that what
// an event's own takes is two bytes: the context is the address of a byte that holds its index. Like an [event] it is never used for
// another.
type places struct {
	context.Context // of the partition's handlers
	lane            *lane
	block           *taskBlock // that the turn works through in its order; nil for one of the worker's lanes
	at              uint64     // the lane's place of the first
	index           [blockTasks]place
}

// place is the context of one attempt.
type place uint8

// context returns the context of an attempt at the task at hand that has no time limit.
func (l *lane) context(t *task) context.Context {
	if t.spent.attempts > 0 {
		return l.event(t.partition.ctx, t)
	}
	i := l.at % (1 << (turnShift - indexShift))
	if l.places == nil || l.places.at != l.at-i {
		l.places = &places{Context: t.partition.ctx, lane: l, at: l.at - i}
		if l.lanes == nil {
			l.places.block = t.block
		}
	}
	p := &l.places.index[i]
	*p = place(i)
	return p
}

// of returns what p is one of. It is not reached by a pointer, which would take four times the room.
func (p *place) of() *places {
	return (*places)(unsafe.Add(unsafe.Pointer(p), -int(unsafe.Offsetof(places{}.index))-int(*p))) //nolint:gosec // every place is one of an index
}

// event makes the context that can tell of the attempt.
func (p *place) event() *event {
	of := p.of()
	e := &event{Context: of.Context, lane: of.lane, at: of.at + uint64(*p), attempt: 1}
	if of.block != nil {
		e.task = &of.block.tasks[*p]
	} else {
		e.task = of.lane.claim(e.at)
	}
	return e
}

func (p *place) Deadline() (time.Time, bool) { return p.of().Deadline() }
func (p *place) Done() <-chan struct{}       { return p.of().Done() }
func (p *place) Err() error                  { return p.of().Err() }

// Value finds the event, for InfoFrom.
func (p *place) Value(key any) any {
	if _, ok := key.(eventKey); ok {
		return p.event()
	}
	return p.of().Value(key)
}
