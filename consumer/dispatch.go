package consumer

import (
	"hash/maphash"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/fetch"
	"github.com/headrace/headrace/schema"
)

// dispatch is the part of a partition that brings events from fetched chunks to the lanes, a block at a time. Where there are no
// lanes it is the lane as well.
type dispatch struct {
	deliveries chan fetch.Delivery
	router     *router
	lane       *lane                  // nil where there are lanes
	open       *taskBlock             // being filled; nil for none
	restored   []headrace.OffsetRange // what was done when the partition was placed, and may still come

	seed   maphash.Seed
	keys   keyTable
	seq    uint64 // of the last block
	window [recentBlocks]*taskBlock
	bytes  int          // of live blocks' records
	ready  []*task      // by publish
	free   []*taskBlock // by retire

	heldUpBy    int64     // the offset of the event that the partition last stood still for
	heldUpSince time.Time // its first wait

	askedAt int64 // the prefix for which room in the metadata was last asked for; -1 for none
}

// recentBlocks is how far apart the numbers of live blocks may be.
const recentBlocks = 1024

func newDispatch(e *engine) dispatch {
	d := dispatch{deliveries: make(chan fetch.Delivery, 1), router: newRouter(e.routes), seed: maphash.MakeSeed(), askedAt: -1}
	d.router.replay = e.replay != nil
	if e.lanes == nil {
		d.lane = newLane(nil)
	}
	return d
}

// work hands the chunk's events over, in order. It returns false when the partition goes no further: then some of them are left, and
// nothing is said to be passed.
func (p *partition) work(c *fetch.Chunk) (more bool) {
	chunk := &heldChunk{Chunk: *c, users: 1}
	defer chunk.drop()
	next := c.From
	for _, b := range c.Batches {
		if p.span != nil && p.span.endsBefore(b) {
			break
		}
		var err error
		next, more, err = p.unpack(chunk, b, next)
		if !more {
			return false
		}
		if err != nil {
			if !p.flush() || !p.unreadable(chunk, b, next, err) {
				return false
			}
			next = b.LastOffset + 1
		}
	}
	return p.flush() && p.passed(next, c.End)
}

// unpack makes tasks of a batch's records and hands over each block that is full. It returns the offset it has come to, and an error
// when the records from there on cannot be read. more is false when the partition goes no further.
func (p *partition) unpack(c *heldChunk, b batch.Batch, next int64) (at int64, more bool, err error) {
	reader := p.engine.memory.reader()
	defer p.engine.memory.dropReader(reader)
	if err := reader.Open(b, batch.Limits{}); err != nil {
		return next, true, err
	}
	for !p.stopped.Load() {
		t, ok := p.slot(c, reader, b)
		if !ok {
			return next, false, nil
		}
		ok, fault := reader.Next(&t.record)
		if !ok {
			return next, true, fault
		}
		if t.record.Offset < next { // the batch begins before the offset asked for
			continue
		}
		if len(p.restored) > 0 && p.isRestored(t.record.Offset) {
			continue // next stays: the event behind covers it as it covers a gap
		}
		if p.span != nil {
			switch p.pick(&t.record) {
			case pickNot:
				continue // as above
			case pickEnd:
				return next, true, nil
			case pickStop:
				return next, false, nil
			}
		}
		// What lies between the record before and this one is gone from the log, and done with this one.
		t.begin(p, next, t.record.Offset+1)
		next = t.end
		if p.retry != nil {
			if t = p.awaitDue(t, c, reader, b); t == nil {
				return next, false, nil
			}
		}
		if p.span != nil {
			if t = p.keepPace(t, c, reader, b); t == nil {
				return next, false, nil
			}
		}
		if fault != nil {
			t.unreadable(fault)
		} else if t = p.route(t, c, reader, b); t == nil {
			return next, false, nil
		}
		// Last: an event that waits for the registry is in nobody's hands, whatever happens to the process meanwhile.
		if t.record.Offset >= p.limits.limit.Load() {
			if t = p.moveOn(t, c, reader, b); t == nil || !p.admit(t) {
				return next, false, nil
			}
		}
		if t.spent.attempts > 0 {
			p.failForDeaths(t)
		}
		p.open.n++
		p.open.bytes += t.record.Size()
		if p.open.n == blockTasks && !p.flush() {
			return next, false, nil
		}
	}
	return next, false, nil
}

// slot is the place for the next task, once there is room for it.
func (p *partition) slot(c *heldChunk, r *heldReader, b batch.Batch) (*task, bool) {
	if p.open == nil {
		if !p.room() && !p.awaitRoom() {
			return nil, false
		}
		if p.starved.Load() {
			p.starved.Store(false)
		}
		p.open = p.engine.memory.block()
	}
	if p.open.n == 0 || b.Codec != batch.None {
		if b.Codec == batch.None {
			r = nil // its records lie in the chunk itself
		}
		p.open.hold(c, r)
	}
	return &p.open.tasks[p.open.n], true
}

// flush hands the open block over. It returns false when the partition goes no further.
func (p *partition) flush() (more bool) {
	s := p.open
	if s == nil {
		return true
	}
	p.open = nil
	if s.n == 0 {
		p.engine.memory.free(s)
		return true
	}
	p.handedOver(s.tasks[s.n-1].end)
	if p.lanes != nil {
		p.publish(s)
		return true
	}
	defer p.engine.memory.free(s)
	return p.lane.through(p, s)
}

// isRestored reports whether an event was done when the partition was placed. It is asked in the order of the log.
func (p *partition) isRestored(offset int64) bool {
	for len(p.restored) > 0 && p.restored[0].To <= offset {
		p.restored = p.restored[1:]
	}
	return len(p.restored) > 0 && p.restored[0].From <= offset
}

// unreadable ends what is left of a batch that came as it was written, by its checksum, but cannot be read: it does not decompress, or
// only to more than is allowed at once. Its events cannot be told apart, so that they become one dead letter.
func (p *partition) unreadable(c *heldChunk, b batch.Batch, next int64, err error) (more bool) {
	t, ok := p.slot(c, nil, b)
	if !ok {
		return false
	}
	t.begin(p, next, b.LastOffset+1) // with the gap before it, as any event
	if p.span != nil {
		p.span.filteredBefore(t)
	}
	t.record = batch.Record{Offset: max(next, b.BaseOffset), Timestamp: b.MaxTimestamp, Value: b.Raw()}
	t.ref, t.body, t.target = schema.Ref{}, nil, nil // not those of the event whose place this was
	t.failure = &failure{kind: kindBatch, reason: err, err: corruptError(t.at(), err)}
	p.open.n++
	p.open.bytes += t.record.Size()
	return p.flush()
}

// unreadable gives up a record that is over a limit, or that breaks the format.
func (t *task) unreadable(fault error) {
	t.ref, t.body, t.target = schema.Ref{}, nil, nil
	if t.failure != notOurs {
		t.failure = &failure{kind: kindRecord, reason: fault, err: corruptError(t.at(), fault)}
	}
}
