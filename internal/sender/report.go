package sender

import "go.uber.org/zap"

// flush is somebody who waits until a batch is reported.
type flush struct {
	ordinal uint64
	done    chan<- struct{}
}

// report calls the receivers of settled batches, unless somebody else is at it.
func (p *partition) report() {
	p.mu.Lock()
	if p.reporting {
		p.mu.Unlock()
		return
	}
	p.reporting = true
	for len(p.settled) > 0 {
		x := p.settled[0]
		p.mu.Unlock()
		p.topic.sender.reportBatch(p, x)
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
	p.mu.Unlock() // not deferred: when a receiver panics, it is not held
}

// onlyQuickReceivers reports whether all that waits to be reported goes to receivers that do not block.
func (p *partition) onlyQuickReceivers() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, x := range p.settled {
		if x.blocking {
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

// reportBatch reports a batch and logs what no receiver is told.
func (s *Sender) reportBatch(p *partition, x *producerBatch) {
	x.notify()
	if x.result.Err == nil {
		return
	}
	if silent := x.receivers.silent(); silent > 0 {
		s.cfg.Logger.Error("events posted without a callback were not acknowledged", zap.String("topic", p.topic.name),
			zap.Int32("partition", p.id), zap.Int("events", silent), zap.Stringer("outcome", x.result.Outcome), zap.Error(x.result.Err))
	}
}

// report calls the receivers of the batches in load that are settled: here, and in goroutines of their own where receivers
// might block, so that one does not hold up the next partition's.
func (s *Sender) report(load []requestBatch) {
	var slow []*partition
	for _, sh := range load {
		if sh.p.onlyQuickReceivers() {
			sh.p.report()
		} else {
			slow = append(slow, sh.p)
		}
	}
	for i, p := range slow {
		if i == len(slow)-1 || !s.tasks.start(p.report) {
			p.report()
		}
	}
}

// reportLater calls receivers from a goroutine, if there is something to report.
func (s *Sender) reportLater(p *partition) {
	p.mu.Lock()
	pending := len(p.settled) > 0
	p.mu.Unlock()
	if pending {
		s.tasks.start(p.report)
	}
}
