package consumer

import (
	"sync/atomic"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/schema"
)

// task is one event on its way from the log to its end. Its partition's goroutine makes it, then the lane that has it at hand changes
// it; in between nobody does.
type task struct {
	partition *partition
	block     *taskBlock // whose memory it lies in; nil when it has memory of its own
	queue     *queue     // of its key, while the key is held

	record  batch.Record
	first   int64 // what is done with the event begins here, since a gap of the log before it goes with it,
	end     int64 // and ends before this offset
	ref     schema.Ref
	body    []byte   // the end of record.Value, without wire header
	target  *target  // nil when failure is set
	origin  *origin  // what the event was in its own topic, when this is a retry topic
	failure *failure // why no handler can be given the event

	key      uint64               // hash of the record's key, or of what stands for it
	keyed    bool                 // others of the same key wait for it
	replayed bool                 // by the replay that its header names
	spent    spent                // of its policy, before the attempt at hand
	outages  int                  // in a row
	fate     fate                 // what became of it, once it is done
	before   int32                // events that a replay's filter has left out since the one before
	next     atomic.Pointer[task] // the next event of the key: nil, a task that waits for this one, settled or elsewhere
}

var (
	// settled in task.next says that the task is done.
	settled = new(task)
	// movedAway in task.next says that the key is held: a copy of the task lies in the key's queue, and so do those that follow.
	movedAway = new(task)
)

// begin makes a task of what a block has room for. It leaves a pointer as it is where it can, since each one written costs while
// the garbage collector marks.
func (t *task) begin(p *partition, first, end int64) {
	t.first, t.end, t.spent, t.outages, t.fate, t.before, t.replayed = first, end, spent{}, 0, fateHandled, 0, false
	if t.partition != p {
		t.partition = p
	}
	if t.queue != nil || t.failure != nil || t.origin != nil {
		t.queue, t.failure, t.origin = nil, nil, nil
	}
}

// clone copies a task into memory of its own.
func (t *task) clone(q *queue) *task {
	c := &task{
		partition: t.partition, queue: q, record: t.record.Clone(), first: t.first, end: t.end, ref: t.ref,
		target: t.target, failure: t.failure, origin: t.origin, key: t.key, keyed: t.keyed, spent: t.spent, outages: t.outages,
		before: t.before, replayed: t.replayed,
	}
	c.body = c.record.Value[len(c.record.Value)-len(t.body):]
	return c
}

// bytes is what the event's copy takes, roughly.
func (t *task) bytes() int { return taskOverhead + t.record.Size() }

const taskOverhead = 256

// at is where the event stands in Kafka.
func (t *task) at() headrace.Location { return t.partition.atOffset(t.record.Offset) }

// event is the full name of the event's schema, "" for a tombstone and where it is not known.
func (t *task) event() string {
	if t.target == nil {
		return ""
	}
	return t.target.event
}

// attempt is the number of the attempt at hand, or to come; the first is 1.
func (t *task) attempt() int { return t.spent.attempts + 1 }

// policy is the one of the event's handler, and the worker's where there is none.
func (t *task) policy() *Policy {
	if t.target == nil || t.target.route == nil {
		return &t.partition.engine.cfg.Policy
	}
	return &t.target.route.policy
}
