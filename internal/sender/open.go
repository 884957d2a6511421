package sender

import (
	"fmt"
	"time"
)

// room returns the batch that takes the next record: the open one or, when it is full or there is none, one that the record opens. spare
// is a batch's worth of memory the caller has taken, 0 for none; left is what was not used. need is not 0 when the caller must take that
// much memory first and come back. The lock is held.
func (p *partition) room(spare int) (x *producerBatch, left, need int, err error) {
	if p.closed {
		return nil, spare, 0, ErrClosed
	}
	if p.open != nil && !p.fits() {
		p.shut()
		p.list()
	}
	if p.open != nil {
		return p.open, spare, 0, nil
	}
	x = p.fresh // left by an encoder that panicked
	if x == nil {
		m := p.topic.sender.memory
		size := m.fit(p.lastLen + p.lastLen/8)
		switch {
		case spare > 0:
			size, spare = spare, 0
		case !m.try(size):
			return nil, 0, size, nil
		}
		x = m.newBatch(size)
	}
	p.fresh = x
	x.opened = time.Now()
	return x, spare, 0, nil
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
	x.move(m)
	return true
}

// overflow takes the last record out of x, which is over the limit because of it, and returns the batch that the record begins.
func (p *partition) overflow(x *producerBatch) (*producerBatch, error) {
	s := p.topic.sender
	limit := s.cfg.BatchBytes
	next := x
	if x.records() > 0 {
		size := s.memory.fit(p.lastSize)
		s.memory.force(size)
		next = s.memory.newBatch(size)
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

// discard gives back a batch that holds nothing.
func (p *partition) discard(x *producerBatch) {
	m := p.topic.sender.memory
	m.release(x, true)
	m.recycle(x)
}

// begin makes x, which holds the batch's first record, the open batch.
func (p *partition) begin(x *producerBatch, urgent bool) {
	s := p.topic.sender
	p.opened++
	x.ordinal = p.opened
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
