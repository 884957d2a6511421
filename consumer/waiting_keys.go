package consumer

import (
	"sync/atomic"
	"time"
)

// waitingKeys is the keys of a partition that are closed although no lane has them at hand: one waits for its next attempt, or for the copy of
// its event to be written. It holds no lane, and no memory of a block.
type waitingKeys struct {
	queues map[*queue]struct{}
	keys   map[uint64]*queue // those of a key, by its hash
	count  atomic.Int64      // tasks
	bytes  atomic.Int64
}

// queue is the events of a held key, in order. The first of them is the one that the key waits for.
type queue struct {
	tasks   []*task
	key     uint64
	keyed   bool
	timer   *time.Timer // of the first; nil while it does not wait for a time
	since   time.Time   // the first has waited, with pauses
	until   time.Time   // the timer ends
	writing bool        // a copy of the first is being written
	stuck   bool        // the handler of the first was given up
}

// hold takes a task that is at hand, and those behind it, out of their blocks, and closes their key until pop opens it. It returns
// the task as it goes on from here. The caller keeps the lane from ending the task meanwhile.
func (p *partition) hold(t *task) *task {
	if t.queue != nil {
		return t
	}
	q := &queue{key: t.key, keyed: t.keyed}
	p.mu.Lock()
	defer p.mu.Unlock()
	for at := t; at != nil; {
		next := at.next.Swap(movedAway)
		p.queueUp(q, at)
		at.block.moved.Store(true)
		at.block.drop(1)
		at = next
	}
	if p.waiting.queues == nil {
		p.waiting.queues, p.waiting.keys = make(map[*queue]struct{}), make(map[uint64]*queue)
	}
	p.waiting.queues[q] = struct{}{}
	if q.keyed {
		p.waiting.keys[q.key] = q
	}
	return q.tasks[0]
}

// queueUp puts the copy of a task into a queue. It needs p.mu.
func (p *partition) queueUp(q *queue, t *task) {
	q.tasks = append(q.tasks, t.clone(q))
	p.waiting.count.Add(1)
	p.waiting.bytes.Add(int64(t.bytes()))
}

// behindHeld puts a task behind the others of its key if the key is held.
func (p *partition) behindHeld(t *task) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := p.waiting.keys[t.key]
	if q == nil {
		return false
	}
	t.next.Store(movedAway)
	p.queueUp(q, t)
	t.block.moved.Store(true)
	t.block.drop(1)
	return true
}

func (p *partition) isHeld(key uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waiting.keys[key] != nil
}

// pop ends the first task of a held key. It returns the next one of the key; when there is none, the key is open again.
func (p *partition) pop(t *task) *task {
	defer p.wake()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doneHeld(t)
	q := t.queue
	q.tasks[0], q.writing, q.stuck, q.since = nil, false, false, time.Time{}
	q.tasks = q.tasks[1:]
	p.waiting.count.Add(-1)
	p.waiting.bytes.Add(-int64(t.bytes()))
	if len(q.tasks) > 0 {
		return q.tasks[0]
	}
	delete(p.waiting.queues, q)
	if q.keyed {
		delete(p.waiting.keys, q.key)
	}
	return nil
}

// postpone lets the first task of a held key be handled when a time has passed.
func (p *partition) postpone(t *task, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped.Load() {
		return
	}
	q := t.queue
	q.waitUntil(time.Now().Add(wait))
	q.timer = time.AfterFunc(wait, func() {
		p.mu.Lock()
		q.timer = nil
		p.mu.Unlock()
		p.lanes.push(p, t)
	})
	p.wake()
}

// waitUntil notes that the first task of a queue waits, until a time or, with zero, until its copy is written. It needs the partition's lock.
func (q *queue) waitUntil(end time.Time) {
	if q.until = end; q.since.IsZero() {
		q.since = time.Now()
	}
}

// forgetWaits ends what waits for a time. It needs p.mu.
func (p *partition) forgetWaits() {
	for q := range p.waiting.queues {
		if q.timer != nil {
			q.timer.Stop()
		}
	}
}

// wake makes the partition's goroutine look whether there is room.
func (p *partition) wake() {
	select {
	case p.nudge <- struct{}{}:
	default:
	}
}
