package sender

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"
)

// reportsAhead is how many settled batches of a partition may wait for their receivers before it sends no more.
const reportsAhead = 4

// partition is one partition's way out. Its lock is taken once per record; no other lock is.
type partition struct {
	topic *Topic
	id    int32

	mu       sync.Mutex
	open     *parcel   // takes records; nil between batches
	fresh    *parcel   // about to become open
	waiting  []*parcel // closed, in order
	flight   *parcel   // in the hands of the one who sends it
	listed   *broker   // whose list it is on
	leader   *broker   // nil while unknown
	epoch    int32     // of the leader
	resting  bool      // between a failed attempt and the next
	closed   bool      // takes no more records
	numbers  numbers
	lastSize int // of the last record
	lastLen  int // of the last closed batch

	// Outcomes are reported by one goroutine at a time, in order.
	settled   []*parcel
	reporting bool
	opened    uint64 // ordinal of the last parcel opened
	reported  uint64 // ordinal up to which all receivers have returned
	flushes   []flush
}

// flush is somebody who waits until a parcel is reported.
type flush struct {
	ordinal uint64
	done    chan<- struct{}
}

// append encodes r into the open batch. spare is a parcel's worth of memory the caller has taken, 0 for none; left is what was not used.
// need is not 0 when the caller must take that much memory first and come back.
func (p *partition) append(r *Record, to Receiver, urgent bool, spare int) (left, need int, err error) {
	s := p.topic.sender
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return spare, 0, ErrClosed
	}
	urgent = urgent || s.cfg.Linger < 0
	if p.open != nil && !p.fits() {
		p.shut()
		p.list()
	}
	x := p.open
	if x == nil {
		x, p.fresh = p.fresh, nil // left by an encoder that panicked
	}
	if x == nil {
		size := s.memory.fit(p.lastLen + p.lastLen/8)
		switch {
		case spare > 0:
			size, spare = spare, 0
		case !s.memory.try(size):
			return 0, size, nil
		}
		x = s.memory.parcel(size)
	}
	if x != p.open {
		p.fresh = x
		x.opened = time.Now()
	}
	dst := x.builder.Begin(x.timestamp(r.Time), r.Key)
	start := x.builder.Len()
	if r.Value == nil {
		_, err = x.builder.EndNull(r.Headers)
	} else if dst, err = r.Value.AppendTo(dst); err == nil {
		_, err = x.builder.End(dst, r.Headers)
	}
	p.fresh = nil
	if err != nil {
		x.builder.Abort()
		if x != p.open {
			p.discard(x)
		}
		return spare, 0, err
	}
	if size := cap(dst); size > x.charged {
		s.memory.force(size - x.charged)
		x.charged = size
	}
	p.lastSize = x.builder.Len() - start
	limit := s.cfg.BatchBytes
	if x.builder.Len() > limit {
		if x, err = p.overflow(x); err != nil {
			return spare, 0, err
		}
	}
	if x != p.open {
		p.begin(x, urgent)
	}
	x.receivers = append(x.receivers, to)
	if _, waits := to.(*waiter); !waits && to != nil {
		x.prompt = false
	}
	switch {
	case urgent:
		x.urgent = true
		p.list()
	case !x.room(limit, p.lastSize):
		p.shut()
		p.list()
	}
	return spare, 0, nil
}

// fits reports whether the open batch has room for another record, growing its budget when the buffer is about to grow.
func (p *partition) fits() bool {
	x, m := p.open, p.topic.sender.memory
	if !x.room(m.classes[classes-1], p.lastSize) {
		return false
	}
	if x.room(x.charged, p.lastSize) {
		return true
	}
	size := m.fit(x.charged + 1)
	if size <= x.charged {
		return true
	}
	if !m.try(size - x.charged) {
		return false
	}
	x.charged = size
	return true
}

// overflow takes the last record out of x, which is over the limit because of it, and returns the batch that the record begins.
func (p *partition) overflow(x *parcel) (*parcel, error) {
	s := p.topic.sender
	limit := s.cfg.BatchBytes
	next := x
	if x.records() > 0 {
		size := s.memory.fit(p.lastSize)
		s.memory.force(size)
		next = s.memory.parcel(size)
		next.opened = time.Now()
		if _, err := x.builder.MoveLast(&next.builder); err != nil {
			p.discard(next)
			return nil, fmt.Errorf("begin a batch: %w", err)
		}
		p.shut()
		p.list()
	}
	if size := next.builder.Len(); size > limit {
		p.discard(next)
		return nil, &TooLargeError{Size: p.lastSize, Limit: limit - (size - p.lastSize)}
	}
	return next, nil
}

// discard gives back a parcel that holds nothing.
func (p *partition) discard(x *parcel) {
	m := p.topic.sender.memory
	m.release(x, true)
	m.recycle(x)
}

// begin makes x, which holds the batch's first record, the open batch.
func (p *partition) begin(x *parcel, urgent bool) {
	s := p.topic.sender
	p.opened++
	x.ordinal, x.prompt = p.opened, true
	x.deadline = x.opened.Add(s.cfg.DeliveryTimeout)
	p.open = x
	if !urgent {
		s.linger.add(p, x.ordinal, x.opened)
	}
	s.sweeper.arm()
}

// shut closes the open batch.
func (p *partition) shut() {
	x := p.open
	p.open = nil
	p.lastLen = x.builder.Len()
	p.waiting = append(p.waiting, x)
	p.topic.moveOn(p.id)
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
func (p *partition) take(b *broker, now time.Time) *parcel {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listed != b {
		return nil // listed elsewhere meanwhile
	}
	p.listed = nil
	p.expire(now)
	if !p.ready() {
		return nil
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
func (p *partition) abandon(x *parcel, err error) {
	x.result = Result{Topic: p.topic.name, Partition: p.id, Offset: -1, Outcome: Failed, Err: err}
	if x.doubt {
		// The broker may have moved on without us, and the batch may yet arrive: see the package comment.
		x.result.Outcome = Unknown
		p.numbers.raise(p.topic.sender.identity.above(p.numbers.id))
	}
	p.settle(x)
}

// settle gives back the batch's memory and queues it for its receivers. Whoever calls it sees to it that report runs.
func (p *partition) settle(x *parcel) {
	p.topic.sender.memory.release(x, !x.timedOut)
	p.settled = append(p.settled, x)
}

// report calls the receivers of settled batches, unless somebody else is at it.
func (p *partition) report() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reporting {
		return
	}
	p.reporting = true
	for len(p.settled) > 0 {
		x := p.settled[0]
		p.mu.Unlock()
		p.topic.sender.tell(p, x)
		p.mu.Lock()
		p.settled[0] = nil
		p.settled = p.settled[1:]
		if !x.part {
			p.reported = x.ordinal
			p.flushed()
		}
		p.topic.sender.memory.recycle(x)
		p.list()
	}
	p.reporting = false
}

// settledPromptly reports whether all that waits to be reported goes to receivers that do not block.
func (p *partition) settledPromptly() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, x := range p.settled {
		if !x.prompt {
			return false
		}
	}
	return true
}

func (p *partition) flushed() {
	kept := p.flushes[:0]
	for _, f := range p.flushes {
		if f.ordinal > p.reported {
			kept = append(kept, f)
			continue
		}
		f.done <- struct{}{}
	}
	p.flushes = kept
}

// flush sends what is buffered without lingering. It returns whether done will get a value once all of it is reported.
func (p *partition) flush(done chan<- struct{}) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open != nil {
		p.open.urgent = true
	}
	p.list()
	if p.reported == p.opened {
		return false
	}
	p.flushes = append(p.flushes, flush{ordinal: p.opened, done: done})
	return true
}

func (p *partition) expired(x *parcel) error {
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

// tell reports a batch and logs what no receiver is told.
func (s *Sender) tell(p *partition, x *parcel) {
	x.tell()
	if x.result.Err == nil {
		return
	}
	silent := 0
	for _, to := range x.receivers {
		if to == nil {
			silent++
		}
	}
	if silent > 0 {
		s.cfg.Logger.Error("events posted without a callback were not acknowledged", zap.String("topic", p.topic.name),
			zap.Int32("partition", p.id), zap.Int("events", silent), zap.Stringer("outcome", x.result.Outcome), zap.Error(x.result.Err))
	}
}

// wait bounds a pause by a context.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
