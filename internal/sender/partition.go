package sender

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// reportsAhead is how many settled batches of a partition may wait for their receivers before it sends no more.
const reportsAhead = 4

// partition is one partition's way out. Its lock is taken once per record; no other lock is.
type partition struct {
	topic *Topic
	id    int32

	mu       sync.Mutex
	open     *producerBatch   // takes records; nil between batches
	fresh    *producerBatch   // about to become open
	entry    Entry            // the record that is being written
	waiting  []*producerBatch // closed, in order
	flight   *producerBatch   // in the hands of the one who sends it
	request  request          // that flight is in
	listed   *broker          // whose list it is on
	leader   *broker          // nil while unknown
	epoch    int32            // of the leader
	resting  bool             // between a failed attempt and the next
	closed   bool             // takes no more records
	sequence sequence
	lastSize int   // of the last record
	lastLen  int   // of the last closed batch
	scratch  []any // see Entry.Scratch

	// Outcomes are reported by one goroutine at a time, in order.
	settled   []*producerBatch
	reporting bool
	opened    uint64 // ordinal of the last batch opened
	reported  uint64 // ordinal up to which all receivers have returned
	flushes   []flush
}

// request is what a partition knows of the request its batch is in. The zero value is none.
type request struct {
	to    *broker
	began time.Time
	end   context.CancelFunc
}

// slowRequest is how long a request may go unanswered before its partitions' leaders are doubted.
const slowRequest = 2 * time.Second

// doubt looks after a batch whose broker does not answer, as one that hangs without closing its connections. Once metadata knows another
// leader, the request is ended, and the same bytes go there; a copy that the old one may have appended was replicated with its
// sequence number, or is lost. The lock is held.
func (p *partition) doubt(now time.Time) {
	if p.request.to == nil || now.Sub(p.request.began) < slowRequest {
		return
	}
	if p.leader != p.request.to {
		p.request.end()
		return
	}
	p.topic.refresh()
}

// ready reports whether there is a batch to send now.
func (p *partition) ready() bool {
	if p.flight != nil || p.resting || len(p.settled) >= reportsAhead {
		return false
	}
	return len(p.waiting) > 0 || p.open != nil && (p.open.urgent || p.open.lingered)
}

// list puts the partition on its leader's list when it is ready. The lock is held.
func (p *partition) list() {
	if !p.ready() {
		return
	}
	if p.leader == nil {
		p.topic.refresh()
		return
	}
	if p.listed != p.leader {
		p.listed = p.leader
		p.leader.list(p)
	}
}

// take hands the next batch to the one who sends it, nil when there is none for this broker.
func (p *partition) take(b *broker, now time.Time) *producerBatch {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listed != b {
		return nil // listed elsewhere meanwhile
	}
	p.listed = nil
	p.expire(now)
	if !p.ready() || p.topic.sender.ctx.Err() != nil {
		return nil // once the sender has ended, giveUp settles what has not left: it would end in doubt if it set out now
	}
	if p.leader != b {
		p.list()
		return nil
	}
	if len(p.waiting) == 0 {
		p.shut()
	}
	p.flight = p.waiting[0]
	p.waiting[0] = nil
	p.waiting = p.waiting[1:]
	return p.flight
}

// lingered marks the open batch as due if it is still the one with this ordinal.
func (p *partition) lingered(ordinal uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open != nil && p.open.ordinal == ordinal {
		p.open.lingered = true
		p.list()
	}
}

// expire settles what is past its deadline and not in flight.
func (p *partition) expire(now time.Time) {
	if p.open != nil && !now.Before(p.open.deadline) {
		p.shut()
	}
	for len(p.waiting) > 0 && p.flight == nil && !now.Before(p.waiting[0].deadline) {
		x := p.waiting[0]
		p.waiting = p.waiting[1:]
		p.abandon(x, p.expired(x))
	}
}

// abandon settles a batch that is not acknowledged and will not be tried again.
func (p *partition) abandon(x *producerBatch, err error) {
	x.result = Result{Topic: p.topic.name, Partition: p.id, Offset: -1, Outcome: Failed, Err: err}
	if x.doubt {
		// The broker may have moved on without us, and the batch may yet arrive: see the package comment.
		x.result.Outcome = Unknown
		p.sequence.bumpEpoch(p.topic.sender.identity.above(p.sequence.id))
	}
	p.complete(x)
}

// complete gives back the batch's memory and queues it for its receivers. Whoever calls it sees to it that report runs.
func (p *partition) complete(x *producerBatch) {
	p.topic.sender.stats.countResult(x)
	p.topic.sender.memory.release(x, !x.timedOut)
	p.settled = append(p.settled, x)
}

func (p *partition) expired(x *producerBatch) error {
	after := p.topic.sender.cfg.DeliveryTimeout
	cause := x.err
	if cause == nil {
		cause = p.topic.trouble()
	}
	if cause == nil {
		return fmt.Errorf("%w of %v: the batches before it took as long", ErrDelivery, after)
	}
	return fmt.Errorf("%w of %v after %d attempts: %w", ErrDelivery, after, x.attempts, cause)
}
