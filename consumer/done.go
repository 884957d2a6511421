package consumer

import "github.com/headrace/headrace/consumer/internal/progress"

// This file decides what of a partition is done, and so what is committed, and what a replay tells. Offsets are done in four ways:
//
//   - an event has ended in its lane: it was handled, or skipped by policy, or Kafka has acknowledged its copy;
//   - an event of a held key has ended in the same way;
//   - the log was read to the end of a chunk, and every event of it was handed over: what lies behind the last of them is done;
//   - the policy for offsets out of range chose where to go on: what lies before is done.
//
// With an event the gap of the log before it is done. A partition that stops, for whatever reason, has nothing further done but
// events that end.

// doneNext notes that the next event in the order of the log is done.
func (p *partition) doneNext(t *task) {
	if t.first <= p.prefix.Load() { // else an event before it was left out, and is not passed over by this one
		p.prefix.Store(t.end)
	}
}

// doneInOrder takes up what is done of a block that was handled in the order of the log. It needs the lane's lock.
func (p *partition) doneInOrder(s *taskBlock) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.span != nil {
		for i := range s.tasks[:s.n] {
			if t := &s.tasks[i]; t.end <= p.prefix.Load() {
				p.span.counts.add(t)
			}
		}
	}
	p.done.Mark(s.tasks[0].first, p.prefix.Load())
	p.prefix.Store(p.done.Prefix())
}

// doneInLanes takes up what is done of a block of which the lanes have nothing left. Events that are held elsewhere end there.
// It needs the partition's lock.
func (p *partition) doneInLanes(s *taskBlock) {
	s.markDone(p.done.Mark)
	if p.span != nil {
		s.eachCompleted(p.span.counts.add)
	}
}

// doneHeld notes that an event of a held key is done. It needs the partition's lock.
func (p *partition) doneHeld(t *task) {
	p.done.Mark(t.first, t.end)
	if p.span != nil {
		p.span.counts.add(t)
	}
}

// passed notes that the log was read up to end, and that every event of it below next was handed over, and none is left from there on.
// It returns false when the partition goes no further, and then notes nothing.
func (p *partition) passed(next, end int64) (more bool) {
	p.mu.Lock()
	if p.stopped.Load() {
		p.mu.Unlock()
		return false
	}
	if p.span != nil {
		end = p.span.passed(end)
	}
	p.done.Mark(next, end)
	if p.lanes == nil {
		p.prefix.Store(p.done.Prefix())
	}
	p.mu.Unlock()
	if p.span != nil && end >= p.span.to {
		return p.finish()
	}
	return true
}

// move goes on at an offset that the policy for offsets out of range chose, down or up. What came before it ends first: the log may
// have begun anew, so that the same offsets are other events.
func (p *partition) move(to int64) (more bool) {
	for !p.quiet() {
		if !p.wait() {
			return false
		}
	}
	p.engine.commits.forget(p) // so that this offset is committed even when it is below the last one
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.restored = progress.NewDone(to), nil
	p.limits.begin(&progress.Note{Done: p.done})
	p.prefix.Store(to)
	return true
}

// progress is what is done by now: the end of the unbroken prefix, and what lies beyond it.
func (p *partition) progress() progress.Done {
	p.mu.Lock()
	defer p.mu.Unlock()
	done := p.done.Clone()
	if p.lanes == nil {
		done.Mark(done.Prefix(), p.prefix.Load()) // of the block at hand
		return done
	}
	for _, s := range p.live {
		s.markDone(done.Mark)
	}
	if p.prefix.Load() >= 0 {
		p.prefix.Store(done.Prefix())
	}
	return done
}

// markDone calls mark with what is done of a block that the lanes have.
func (s *taskBlock) markDone(mark func(first, end int64)) {
	if s.left.Load() == 0 && !s.moved.Load() {
		mark(s.tasks[0].first, s.tasks[s.n-1].end)
		return
	}
	s.eachCompleted(func(t *task) { mark(t.first, t.end) })
}

// eachCompleted calls fn with each event of a block that has ended in its lane.
func (s *taskBlock) eachCompleted(fn func(*task)) {
	for i := range s.tasks[:s.n] {
		if t := &s.tasks[i]; t.next.Load() == settled {
			fn(t)
		}
	}
}

// eachInOrder calls fn with each event that is done of those at hand in the order of the log.
func (p *partition) eachInOrder(tasks []*task, fn func(*task)) {
	prefix := p.prefix.Load()
	for _, t := range tasks {
		if t.end > prefix {
			return
		}
		fn(t)
	}
}
