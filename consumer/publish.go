package consumer

import "sync/atomic"

// publish hands a block over to the lanes: each task behind the one before it of the same key, or to be handled at once.
func (p *partition) publish(s *taskBlock) {
	p.seq++
	s.seq = p.seq
	p.window[s.seq%recentBlocks] = s
	p.bytes += s.bytes
	s.left.Store(int32(s.n)) //nolint:gosec // at most blockTasks
	for i := range s.tasks[:s.n] {
		s.tasks[i].next = atomic.Pointer[task]{} // nobody else has it yet
	}
	p.mu.Lock()
	p.live = append(p.live, s)
	p.mu.Unlock()
	p.busy.Add(1)
	tuning := &p.engine.cfg.Tuning
	for i := range s.tasks[:s.n] {
		t := &s.tasks[i]
		tuning.Order.set(t, p.seed, tuning.OrderNullKeys)
		if !t.keyed || !p.follows(t, placeOf(s.seq, i)) {
			p.ready = append(p.ready, t)
		}
	}
	p.lanes.push(p, p.ready...)
	clear(p.ready)
	p.ready = p.ready[:0]
}

// follows puts a task behind the last one of its key. It returns false when there is nothing to wait for.
func (p *partition) follows(t *task, place uint64) bool {
	if p.keys.full() {
		p.keys.rebuild(p.remembered)
	}
	slot := p.keys.slot(t.key)
	last := slot.at
	slot.at = place
	if last != heldPlace {
		s := p.window[last/blockTasks%recentBlocks]
		if s == nil || s.seq != last/blockTasks {
			return false // also of a slot that was empty
		}
		before := &s.tasks[last%blockTasks]
		if before.next.CompareAndSwap(nil, t) {
			return true
		}
		if before.next.Load() == settled {
			return false
		}
	}
	return p.behindHeld(t)
}

// remembered reports whether an entry of the key table is still of use.
func (p *partition) remembered(slot keySlot) bool {
	if slot.at == heldPlace {
		return p.isHeld(slot.key)
	}
	s := p.window[slot.at/blockTasks%recentBlocks]
	return s != nil && s.seq == slot.at/blockTasks
}

// retire frees the blocks of which nothing is left.
func (p *partition) retire() {
	if int(p.busy.Load()) == len(p.live) {
		return
	}
	p.mu.Lock()
	kept, free := p.live[:0], p.free[:0]
	for _, s := range p.live {
		if s.left.Load() > 0 {
			kept = append(kept, s)
			continue
		}
		p.doneInLanes(s)
		free = append(free, s)
	}
	clear(p.live[len(kept):])
	p.live = kept
	p.mu.Unlock()
	for _, s := range free {
		if s.moved.Load() {
			p.keepHeld(s)
		}
		p.window[s.seq%recentBlocks] = nil
		p.bytes -= s.bytes
		p.engine.memory.free(s)
	}
	clear(free)
	p.free = free
}

// keepHeld keeps the key table's entries of held keys when the block that they point into goes.
func (p *partition) keepHeld(s *taskBlock) {
	for i := range s.tasks[:s.n] {
		t := &s.tasks[i]
		if !t.keyed || t.next.Load() != movedAway {
			continue
		}
		if slot := p.keys.slot(t.key); slot.at == placeOf(s.seq, i) {
			slot.at = heldPlace
		}
	}
}

// room reports whether the partition may take further events: as far as the lanes have not come to the ones before, and as far as keys
// that are held leave memory.
func (p *partition) room() bool {
	if p.lanes == nil {
		return true
	}
	p.retire()
	reason := p.full()
	if reason == pausedLanes {
		p.wakeAt.Store(int32(len(p.live) / 2)) //nolint:gosec // below recentBlocks
		p.retire()                             // what has ended just before that was set
		reason = p.full()
	}
	p.paused.set(reason)
	if reason == pausedMetadata {
		p.askForRoom()
	}
	return reason == notPaused
}

// askForRoom asks for a commit before its time where the metadata of the last one was full, once each time that the prefix has moved:
// nothing else makes room, and every commit wakes the partition.
func (p *partition) askForRoom() {
	p.mu.Lock()
	prefix := p.done.Prefix()
	p.mu.Unlock()
	if prefix != p.askedAt {
		p.askedAt = prefix
		p.engine.commits.soon()
	}
}

// full says what there is no room in, or notPaused.
func (p *partition) full() int32 {
	share := max(1, int(p.engine.stats.assigned.Load()))
	t := &p.engine.cfg.Tuning
	switch live := len(p.live); {
	case p.stuck.Load() >= mostStuck:
		return pausedStuck
	case p.limits.full.Load():
		return pausedMetadata
	case p.waiting.count.Load() >= maxHeld, p.waiting.bytes.Load() >= int64(max(minHeldBytes, t.BufferBytes/4/share)):
		return pausedHeld
	case live == 0:
		return notPaused
	case live >= max(minBlocks, p.lanes.blocks()/share), p.seq-p.live[0].seq >= recentBlocks-1, p.bytes >= max(t.PartitionBytes, t.BufferBytes/laneBuffer/share):
		return pausedLanes
	}
	return notPaused
}

const (
	// laneBuffer is the part of a worker's buffer that what the lanes have in hand takes: one of so many. The fetcher has the rest.
	laneBuffer = 3

	minBlocks    = 4
	maxHeld      = 10_000
	minHeldBytes = 64 << 10
)

// fetchBuffer is the fetcher's part of the buffer, and what a partition may have of that.
func (t Tuning) fetchBuffer(lanes bool) (all, partition int) {
	all = t.BufferBytes
	if lanes {
		all = max(1, all-all/laneBuffer)
	}
	return all, min(t.PartitionBytes, all)
}

// blocks is how many may be live in the worker.
func (ls *lanes) blocks() int { return max(128, 32*ls.size/blockTasks) }

// quiet reports whether every event that was taken is done.
func (p *partition) quiet() bool {
	p.retire()
	return len(p.live) == 0 && p.waiting.count.Load() == 0
}

// awaitRoom waits until there is room, for which others may have the partition's turn. It returns false when the partition stops.
func (p *partition) awaitRoom() bool {
	var turn int64
	for !p.room() {
		if turn == 0 {
			turn = p.yieldTurn()
		}
		if !p.wait() {
			return false
		}
	}
	return p.retakeTurn(turn)
}

// wait waits until there may be room. It returns false when the partition stops.
func (p *partition) wait() bool {
	p.starved.Store(p.paused.reason.Load() == pausedLanes)
	select {
	case <-p.nudge:
		return !p.stopped.Load()
	case <-p.going.Done():
		return false
	}
}
