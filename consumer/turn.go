package consumer

import "time"

// load begins a turn.
func (l *lane) load(p *partition, tasks []*task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begin(p, tasks)
}

// loadAll begins a turn with the tasks of a block, in order.
func (l *lane) loadAll(p *partition, s *taskBlock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range s.tasks[:s.n] {
		if t := &s.tasks[i]; l.claims[i] != t {
			l.claims[i] = t
		}
	}
	l.start(p, s.n)
}

// begin needs l.mu.
func (l *lane) begin(p *partition, tasks []*task) {
	copy(l.claims[:], tasks)
	l.start(p, len(tasks))
}

// start begins a turn with the first n claims. It needs l.mu, and what the turn before has done to be settled.
func (l *lane) start(p *partition, n int) {
	l.partition, l.task, l.completedTo = p, l.claims[0], 0
	word := (l.word.Load()>>turnShift+1)<<turnShift | uint64(n)<<limitShift //nolint:gosec // at most blockTasks
	l.word.Store(word)
	l.at = placeOfWord(word)
	p.engine.watch.mind()
}

// unload ends a turn, whatever is left of it.
func (l *lane) unload() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clear()
}

// clear is unload for who holds l.mu.
func (l *lane) clear() {
	l.completeTurn()
	l.word.Store((l.word.Load()>>turnShift + 1) << turnShift)
	l.task, l.movedTo, l.completedTo = nil, nil, 0
}

// completeTurn settles what the turn has done since it was last called, so that what waits for it may be handled and memory goes free: once
// a turn, and when the watch finds that the lane takes its time. Event by event it would cost a lock and a memory that all lanes write.
// It needs l.mu.
func (l *lane) completeTurn() {
	if l.lanes == nil {
		return
	}
	to := indexOf(l.word.Load())
	var of *taskBlock
	n := int32(0)
	for _, t := range l.claims[l.completedTo:to] {
		if t.block == nil { // its key is held, and pop has ended it
			continue
		}
		if next := t.next.Swap(settled); next != nil {
			l.unblocked = append(l.unblocked, next)
		}
		if of != t.block {
			if n > 0 {
				of.drop(n)
			}
			of, n = t.block, 0
		}
		n++
	}
	if n > 0 {
		of.drop(n)
	}
	l.completedTo = to
}

// follow goes on with what the turn has made ready, as long as the lane may before others have a say.
func (l *lane) follow() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.completeTurn()
	n := min(len(l.unblocked), l.budget-l.stint)
	if l.task != nil || l.gone || n <= 0 || l.partition.stopped.Load() {
		return false
	}
	l.begin(l.partition, l.unblocked[:n])
	l.unblocked = append(l.unblocked[:0], l.unblocked[n:]...)
	l.stint += n
	return true
}

// stintTime is how long a lane works before it looks at what else there is.
const stintTime = 100 * time.Microsecond

// rest ends the lane's turn.
func (l *lane) rest() {
	l.unload()
	l.report(l.partition)
	each := time.Since(l.began) / time.Duration(l.stint)
	l.budget = max(1, min(2*l.budget, blockTasks, int(stintTime/max(1, each))))
}

// claim returns the task at a place of the lane's turn, nil when that is not at hand any more. It is for others than the lane's goroutine
// as well.
func (l *lane) claim(at uint64) *task {
	l.mu.Lock()
	defer l.mu.Unlock()
	word := l.word.Load()
	if placeOfWord(word) != at {
		return nil
	}
	return l.claims[indexOf(word)]
}
