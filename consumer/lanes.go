package consumer

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// lanes is the lanes of a worker, and the tasks that may be handled at once. Partitions push such tasks; a lane takes some of one
// partition's at a time, of each partition in turn. What a lane takes at a time grows with the speed of the handlers, so that quick ones
// cost little and slow ones share all lanes.
type lanes struct {
	size int // lanes at most

	mu      sync.Mutex
	work    sync.Cond
	queue   []*partition // that have a backlog, in turn
	all     map[*lane]struct{}
	stuck   map[*lane]*partition // whose handler has been given up, and has not returned
	idle    int                  // lanes that wait to be woken
	coming  int                  // lanes that have been woken or made, and have not come yet
	stopped bool
}

// backlog is a partition's tasks that may be handled at once, in order. It belongs to lanes.
type backlog struct {
	tasks  []*task // from head on
	head   int
	queued bool // in lanes.queue
}

func newLanes(size int) *lanes {
	ls := &lanes{size: size, all: make(map[*lane]struct{}), stuck: make(map[*lane]*partition)}
	ls.work.L = &ls.mu
	return ls
}

// push gives tasks of a partition to the lanes.
func (ls *lanes) push(p *partition, tasks ...*task) {
	if len(tasks) == 0 {
		return
	}
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.add(p, tasks)
	ls.rouse()
}

// add needs ls.mu.
func (ls *lanes) add(p *partition, tasks []*task) {
	if p.stopped.Load() {
		return
	}
	b := &p.backlog
	if b.head > 0 && 2*b.head >= len(b.tasks) {
		left := copy(b.tasks, b.tasks[b.head:])
		clear(b.tasks[left:])
		b.tasks, b.head = b.tasks[:left], 0
	}
	b.tasks = append(b.tasks, tasks...)
	if !b.queued && b.head < len(b.tasks) {
		b.queued = true
		ls.queue = append(ls.queue, p)
	}
}

// rouse sees to it that a lane comes for what is there. One at a time is enough: when it takes its turn, it rouses the next, unless
// nothing is left for that. It needs ls.mu.
func (ls *lanes) rouse() {
	switch {
	case len(ls.queue) == 0 || ls.stopped || ls.coming > 0:
	case ls.idle > 0:
		ls.idle--
		ls.coming++
		ls.work.Signal()
	case len(ls.all) < ls.size:
		l := newLane(ls)
		ls.all[l] = struct{}{}
		ls.coming++
		go l.run()
	}
}

// stop ends lanes that have nothing to do, and each other one when its turn is over.
func (ls *lanes) stop() {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.stopped = true
	ls.work.Broadcast()
}

// run is the lane's goroutine.
func (l *lane) run() {
	l.goroutine = goroutineNumber()
	returned := false
	defer l.endLease()
	defer func() {
		if !returned { // by runtime.Goexit: panics of handlers are caught
			p := l.partition
			p.fail(l.exited())
			l.unload()
			l.report(p)
			p.leave()
		}
		l.lanes.gone(l)
	}()
	for l.lanes.exchange(l) {
		for ok := true; ok; ok = l.follow() {
			for !l.sweep() {
			}
		}
		l.rest()
	}
	returned = true
}

func (ls *lanes) gone(l *lane) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	delete(ls.all, l)
	if p := ls.stuck[l]; p != nil {
		delete(ls.stuck, l)
		p.stuck.Add(-1)
		ls.add(p, nil) // there may be some that no lane took meanwhile
		p.wake()
	}
	ls.rouse()
}

// mostStuck is how many handlers of a partition may be given up and not have returned. Each is a goroutine and an event in memory that
// nobody can take back, so beyond it the partition stands still; the others go on.
const mostStuck = 64

// replace lets another lane come into the place of one whose handler of a partition has been given up. It returns false when that was the
// last one that the partition may have.
func (ls *lanes) replace(l *lane, p *partition) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if _, runs := ls.all[l]; !runs { // it has returned just now
		return true
	}
	delete(ls.all, l)
	ls.stuck[l] = p
	more := p.stuck.Add(1) != mostStuck
	ls.rouse()
	return more
}

// giveBack takes tasks that a lane had in its turn and does not come to.
func (ls *lanes) giveBack(p *partition, tasks []*task) {
	if len(tasks) == 0 || p.stopped.Load() {
		return
	}
	ls.mu.Lock()
	defer ls.mu.Unlock()
	b := &p.backlog
	b.tasks = slices.Concat(tasks, b.tasks[b.head:]) // they came before what waits
	b.head = 0
	ls.add(p, nil)
	ls.rouse()
}

// every returns all lanes.
func (ls *lanes) every() []*lane {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return slices.AppendSeq(slices.Collect(maps.Keys(ls.all)), maps.Keys(ls.stuck))
}

// exchange gives back what a lane's turn has made ready, and begins its next turn, for which it waits. It returns false when the lane
// is to end.
func (ls *lanes) exchange(l *lane) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l.stint == 0 { // its first turn
		ls.coming--
	}
	ls.handIn(l)
	for {
		if l.gone {
			return false
		}
		if p := ls.next(); p != nil {
			ls.take(l, p)
			ls.rouse()
			return true
		}
		if ls.stopped {
			return false
		}
		ls.idle++
		ls.work.Wait()
		ls.coming--
	}
}

// handIn gives back what the lane's turn has made ready. It needs ls.mu.
func (ls *lanes) handIn(l *lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.partition
	if p == nil {
		return
	}
	if len(l.unblocked) > 0 {
		ls.add(p, l.unblocked)
		clear(l.unblocked)
		l.unblocked = l.unblocked[:0]
	}
	l.partition = nil
	p.leave()
}

// next takes the partition whose turn it is out of the queue. It needs ls.mu.
func (ls *lanes) next() *partition {
	for len(ls.queue) > 0 {
		p := ls.queue[0]
		ls.queue = ls.queue[1:]
		p.backlog.queued = false
		if p.stuck.Load() >= mostStuck { // gone puts it into the queue again
			continue
		}
		if !p.stopped.Load() && p.enter() {
			return p
		}
		p.backlog = backlog{}
	}
	return nil
}

// take begins a turn with some of a partition's tasks. It needs ls.mu.
func (ls *lanes) take(l *lane, p *partition) {
	b := &p.backlog
	n := min(l.budget, len(b.tasks)-b.head)
	l.load(p, b.tasks[b.head:b.head+n])
	b.head += n
	if b.head < len(b.tasks) {
		b.queued = true
		ls.queue = append(ls.queue, p)
	}
	l.stint, l.began = n, time.Now()
}
