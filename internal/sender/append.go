package sender

import (
	"fmt"
	"time"
)

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
	dst := x.builder.Begin(x.timestamp(r.Time, &s.clock), r.Key)
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
