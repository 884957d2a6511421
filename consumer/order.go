package consumer

import "hash/maphash"

// Order says which events of a partition wait for each other when several handlers may run at once. With [Config.Concurrency] 0 the order
// of the log is kept, whatever Order says. Events of different partitions are in no order.
type Order int8

// The orders that a worker keeps.
const (
	// ByKey keeps the events of a key in order; other keys go on beside one that is slow, or waits for its next attempt. Events without a
	// key are in no order, unless Tuning.OrderNullKeys says otherwise.
	ByKey Order = iota
	// ByPartition keeps all events of a partition in order. A partition waits with an event that has failed; other partitions go on.
	ByPartition
	// Unordered keeps no order: an event waits for nothing but a free handler.
	Unordered
)

// waitsWhole reports whether all events of the partition wait with one that waits.
func (p *partition) waitsWhole() bool {
	return p.lanes == nil || p.engine.cfg.Tuning.Order == ByPartition
}

// waits says what the events of a queue wait for. It needs the partition's lock, and a first task that no lane has.
func (q *queue) waits() WaitingState {
	t := q.tasks[0]
	return WaitingState{Offset: t.record.Offset, Event: t.event(), Attempt: t.spent.attempts + 1, Since: q.since, Until: q.until}
}

// set gives a task its place in the order: whether it waits for others, and for which.
func (o Order) set(t *task, seed maphash.Seed, nullKeys bool) {
	switch o {
	case ByPartition:
		t.key, t.keyed = 0, true
	case Unordered:
		t.keyed = false
	default:
		if t.keyed = t.record.Key != nil || nullKeys; t.keyed {
			t.key = maphash.Bytes(seed, t.record.Key)
		}
	}
}
