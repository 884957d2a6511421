package consumer

import (
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// watch looks at a worker's lanes again and again: it ends leases that are over, gives up handlers that ignore that, and sees to it
// that nothing waits behind a handler that takes its time. So the lanes pay neither a timer nor a lock for any of it.
type watch struct {
	engine *engine
	tick   time.Duration
	asleep atomic.Bool   // nothing is at hand
	wake   chan struct{} // holds one
}

const (
	minTick = time.Millisecond
	maxTick = 10 * time.Millisecond
	// slowTicks is how many looks at the same handler make it a slow one.
	slowTicks = 3
	// quietTicks is how many looks that find nothing at hand send the watch to sleep.
	quietTicks = 100
)

// newWatch chooses the tick so that no lease lasts a tenth longer than it should.
func newWatch(e *engine) *watch {
	tick := maxTick
	for _, r := range e.routes.byEvent {
		if r.policy.Timeout > 0 {
			tick = max(minTick, min(tick, r.policy.Timeout/10))
		}
	}
	return &watch{engine: e, tick: tick, wake: make(chan struct{}, 1)}
}

// mind wakes the watch, for a lane that begins a turn.
func (w *watch) mind() {
	if w.asleep.Load() {
		w.asleep.Store(false)
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// run watches until stop is closed. It goes on while the worker drains, since leases do.
func (w *watch) run(stop <-chan struct{}) {
	ticker := time.NewTicker(w.tick)
	defer ticker.Stop()
	for quiet := 0; ; {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		quiet++
		now := time.Now()
		for _, l := range w.engine.everyLane() {
			if w.inspect(l, now) {
				quiet = 0
			}
		}
		if quiet < quietTicks {
			continue
		}
		if !w.asleep.Swap(true) {
			continue // and look once more, for a lane that has not seen it
		}
		ticker.Stop()
		select {
		case <-stop:
			return
		case <-w.wake:
		}
		ticker.Reset(w.tick)
		quiet = 0
	}
}

// everyLane is all lanes in which a handler of this worker may run.
func (e *engine) everyLane() []*lane {
	if e.lanes != nil {
		return e.lanes.every()
	}
	working := e.working()
	all := make([]*lane, len(working))
	for i, p := range working {
		all[i] = p.lane
	}
	return all
}

// inspect does what is due at one lane. It returns false when the lane has nothing at hand.
func (w *watch) inspect(l *lane, now time.Time) bool {
	p, back, stuck := l.check(now, w)
	if p == nil {
		return false
	}
	if l.lanes != nil {
		l.lanes.giveBack(p, back)
	}
	if stuck != nil {
		stuck.Stack = stackOf(l.goroutine)
		p.log().Error("handler did not return when its timeout ended: its key waits until it does, and its result is ignored",
			zap.Int64("offset", stuck.Offset), zap.String("event", stuck.Event), zap.ByteString("stack", stuck.Stack))
		p.engine.stats.stuck.Add(1)
		if l.lanes != nil && !l.lanes.replace(l, p) {
			p.log().Error("too many handlers of the partition have outlived their timeout: it continues when one of them returns",
				zap.Int("handlers", mostStuck))
		}
	}
	return true
}

// check is look's part under the lane's lock. It returns the partition of the task at hand, nil for none, the tasks that go to other
// lanes, and what there is to say of a handler that is given up.
func (l *lane) check(now time.Time, w *watch) (p *partition, back []*task, stuck *StuckError) {
	l.mu.Lock()
	defer l.mu.Unlock()
	word := l.word.Load()
	place := placeOfWord(word)
	if l.partition == nil || l.partition.engine != w.engine || indexOf(word) >= limitOf(word) {
		return nil, nil, nil
	}
	if place != l.seen {
		l.seen, l.since = place, now
	}
	l.checkLease(place, now)
	if l.lanes != nil && now.Sub(l.since) >= w.tick {
		back = l.yield(place)
	}
	p = l.partition
	if l.lanes != nil && p.starved.Load() && now.Sub(l.since) >= slowTicks*w.tick {
		l.flag(place, flagHandling, flagMoved)
	}
	if l.word.Load()&(flagExpired|flagStuck) == flagExpired && now.Sub(l.expired) >= p.engine.grace {
		stuck = l.giveUp(place)
	}
	return p, back, stuck
}

// giveUp makes what the handler returns count for nothing. It needs l.mu.
func (l *lane) giveUp(place uint64) *StuckError {
	need := uint64(flagHandling)
	if l.lanes == nil { // its partition waits for it anyhow
		need = 0
	}
	if !l.flag(place, need, flagStuck) {
		return nil
	}
	if l.lanes != nil {
		l.flag(place, need, flagMoved)
	}
	t := l.atHand() // which the lane cannot end without the lock
	l.partition.outlive(t)
	return &StuckError{Location: t.at(), Event: eventName(t.event())}
}

// flag sets a flag of the task at hand, if it is still that of place, and has the flags of need. It needs l.mu. With flagMoved it
// takes the task out of its block as well.
func (l *lane) flag(place, need, flag uint64) bool {
	for {
		word := l.word.Load()
		if placeOfWord(word) != place || word&need != need {
			return false
		}
		if word&flag != 0 {
			return true
		}
		if !l.word.CompareAndSwap(word, word|flag) {
			continue
		}
		if flag == flagMoved {
			l.move(word)
		}
		return true
	}
}

// yield takes from the lane what it does not come to: the rest of its turn, and what its turn has made ready. It needs l.mu.
func (l *lane) yield(place uint64) (back []*task) {
	l.completeTurn()
	for {
		word := l.word.Load()
		from, to := indexOf(word)+1, limitOf(word)
		if placeOfWord(word) != place {
			return nil
		}
		if from < to {
			cut := word&^(0xff<<limitShift) | uint64(from)<<limitShift //nolint:gosec // 8 bits
			if !l.word.CompareAndSwap(word, cut) {
				continue
			}
			back = append(back, l.claims[from:to]...)
		}
		back = append(back, l.unblocked...)
		clear(l.unblocked)
		l.unblocked = l.unblocked[:0]
		return back
	}
}

// atHand returns the task at hand. It needs l.mu, and that the task cannot end.
func (l *lane) atHand() *task {
	word := l.word.Load()
	if l.movedTo != nil && l.movedAt == placeOfWord(word) {
		return l.movedTo
	}
	return l.claims[indexOf(word)]
}
