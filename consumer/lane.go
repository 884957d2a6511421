package consumer

import (
	"errors"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

var errGoexit = errors.New("ended its goroutine (runtime.Goexit, or FailNow of a test)")

// lane runs handlers, one at a time, on one goroutine: one of the worker's lanes, or that of a partition whose events are handled in
// the order of its log. It is given the tasks of a turn, all of one partition, and works through them.
type lane struct {
	lanes *lanes // nil for a partition's own
	calls map[*route]caller

	// word is the place of the lane in its turn, for others to see and to change: the number of the turn, the index of the task at
	// hand, the number of tasks that are left to the lane, and flags of the task at hand. The lane moves on by compare and swap, so
	// that what others have decided about a task is decided before the lane ends it, or not at all.
	word atomic.Uint64

	leased atomic.Pointer[event] // the last attempt that has a lease
	waits  atomic.Bool           // in place, for the next attempt or for a copy to be written: no handler runs
	epoch  time.Time             // deadlines are told from it

	mu          sync.Mutex // held to change what follows, by the lane, and to look at it, by others
	partition   *partition
	claims      [blockTasks]*task
	completedTo int       // claims below it are settled; those from there up to the task at hand are done, and will be
	unblocked   []*task   // what waited for tasks of this turn
	movedTo     *task     // the copy, in its key's queue, of the task at hand, with flagMoved
	movedAt     uint64    // its place
	seen        uint64    // the place at the watch's last look,
	since       time.Time // and at its first that saw the same
	expired     time.Time // when the lease of the task at hand ended, with flagExpired
	lease       lease
	goroutine   string // the number of the lane's goroutine

	// Only the lane's goroutine uses what follows.
	task     *task // at hand
	at       uint64
	route    *route // of call
	call     caller
	spare    []event // made many at a time
	places   *places // of the turn, where one is a block
	handling bool    // the handler has been called and has not returned
	panicked *PanicError

	handled int64 // not in the statistics yet
	stint   int   // tasks since the lane last asked for some
	budget  int   // tasks per stint
	began   time.Time
	gone    bool // another lane is in its place: it ends with the task at hand
}

// The parts of lane.word, from the top: 40 bits of turn, 8 of index, 8 of limit, 8 of flags.
const (
	limitShift = 8
	indexShift = 16
	turnShift  = 24

	flags        = 1<<limitShift - 1
	flagHandling = 1 // the task is decoded: its bytes are not needed any more
	flagMoved    = 2 // the task is elsewhere, see lane.movedTo
	flagExpired  = 4 // the lease is over
	flagStuck    = 8 // the handler has been given up: what it returns counts for nothing
)

// placeOfWord is the turn and the index.
func placeOfWord(word uint64) uint64 { return word >> indexShift }

func indexOf(word uint64) int { return int(word >> indexShift & 0xff) }
func limitOf(word uint64) int { return int(word >> limitShift & 0xff) }

func newLane(ls *lanes) *lane {
	return &lane{lanes: ls, calls: make(map[*route]caller), budget: 1, epoch: time.Now()}
}

// decoded says that the handler of the task at hand is about to be called, and the task's bytes are not read any more.
func (l *lane) decoded() {
	if l.lanes != nil { // only there anybody asks
		l.word.Or(flagHandling)
	}
}

// detach takes the task at hand out of its block, see partition.hold, and returns it as it goes on from here.
func (l *lane) detach() *task {
	l.mu.Lock()
	defer l.mu.Unlock()
	if word := l.word.Or(flagMoved); word&flagMoved == 0 {
		l.move(word)
	}
	return l.movedTo
}

// move takes the task at hand out of its block, once its flag is set. It needs l.mu.
func (l *lane) move(word uint64) {
	i := indexOf(word)
	l.movedTo, l.movedAt = l.partition.hold(l.claims[i]), placeOfWord(word)
	l.claims[i] = l.movedTo
}

// moved returns the copy of a task that was detached while it was at hand.
func (l *lane) moved(at uint64) *task {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.movedTo == nil || l.movedAt != at {
		return nil
	}
	return l.movedTo
}

// regain takes the task at hand back from the watch once its handler has returned, and returns it as it is now: from here on nobody moves
// it or gives it up, so that its memory stays its own and the lane is not replaced while it does what comes next.
func (l *lane) regain(t *task) *task {
	l.mu.Lock()
	l.word.And(^uint64(flagHandling))
	l.mu.Unlock()
	if moved := l.moved(l.at); moved != nil {
		return moved
	}
	return t
}

// advance ends the task at hand if nobody has set a flag of it beside those given, and takes the next one, or nil, to hand.
func (l *lane) advance(known uint64) bool {
	for {
		word := l.word.Load()
		if word&flags&^known != 0 {
			return false
		}
		next := (word + 1<<indexShift) &^ flags
		if !l.word.CompareAndSwap(word, next) {
			continue
		}
		l.at = placeOfWord(next)
		if word&flagExpired != 0 {
			l.lease.partition = nil // the next attempt needs another
		}
		l.task = nil
		if i := indexOf(next); i < limitOf(next) {
			l.task = l.claims[i]
		}
		return true
	}
}

// sweep works through the turn. A panic of a handler ends it before its end: sweep is called again then, which is cheaper than a frame
// to recover in for each event.
func (l *lane) sweep() (over bool) {
	defer func() {
		if over || !l.handling {
			return
		}
		if v := recover(); v != nil {
			l.handling = false
			l.panicked = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	for t := l.task; t != nil; t = l.task {
		// Once the task's handler runs, its memory may become another's.
		held, failed := t.queue != nil, t.failure != nil
		var err error
		switch {
		case l.panicked != nil:
			err, l.panicked = l.panicked, nil
		case l.partition.stopped.Load():
			return true
		case !failed:
			l.handling = true
			err = l.try(t)
			l.handling = false
		}
		if err == nil && !failed && l.advance(flagHandling) {
			l.handled++
			if held || l.lanes == nil {
				l.done(t)
			}
			continue
		}
		if !l.complete(t, err) {
			return true
		}
	}
	return true
}

// done notes that a task is done which settleUp does not see to: one of the order of the log, or of a held key.
func (l *lane) done(t *task) {
	if l.lanes == nil {
		t.partition.doneNext(t)
		return
	}
	if next := t.partition.pop(t); next != nil {
		l.mu.Lock()
		l.unblocked = append(l.unblocked, next)
		l.mu.Unlock()
	}
}

// through is the lane of a partition whose events are handled in the order of its log. It returns false when the partition goes no
// further.
func (l *lane) through(p *partition, s *taskBlock) (more bool) {
	l.loadAll(p, s)
	returned := false
	defer func() {
		if !returned { // by runtime.Goexit: panics of handlers are caught
			p.fail(l.exited())
		}
		l.mu.Lock()
		l.clear()
		p.doneInOrder(s) // as one with it: a snapshot in between would miss the block
		l.mu.Unlock()
		l.report(p)
	}()
	for !l.sweep() {
	}
	returned = true
	return l.task == nil
}

// again begins another attempt at the task at hand.
func (l *lane) again() {
	for {
		word := l.word.Load()
		next := (word + 1<<turnShift) &^ flags
		if l.word.CompareAndSwap(word, next) {
			l.at = placeOfWord(next)
			if word&flagExpired != 0 {
				l.lease.partition = nil
			}
			return
		}
	}
}

// report adds what the lane has counted to the statistics.
func (l *lane) report(p *partition) {
	p.engine.stats.handled.Add(l.handled)
	l.handled = 0
}

// exited is the error of a handler that has ended the lane's goroutine.
func (l *lane) exited() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if word := l.word.Load(); indexOf(word) >= limitOf(word) {
		return errGoexit
	}
	t := l.atHand()
	return &HandlerError{Location: t.at(), Event: eventName(t.event()), Attempts: t.attempt(), Err: errGoexit, replay: t.partition.engine.replayID()}
}
