package consumer

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/headrace/headrace/consumer/internal/progress"
)

// inFlightLimit is how far the events of a partition may be handed over: as far as a commit has said that they may be in hand, so that whoever
// takes over from a worker that died knows which of them may have killed it; see package progress. The committer keeps it far enough
// ahead that nobody waits. Suspects alone do: each of their turns is committed before it begins.
type inFlightLimit struct {
	limit atomic.Int64 // events below it may be handed over
	low   atomic.Int64 // where a commit is wanted before its time
	next  atomic.Int64 // the first event that is not handed over
	full  atomic.Bool  // what is done does not fit into a commit's metadata: no further event is taken until it does

	owner uint64 // the worker's number

	mu        sync.Mutex
	mark      progress.Mark // of the next commit
	taken     progress.Mark // what the owner before has left
	pace      progress.Pace
	suspicion progress.Suspicion
	ended     bool

	turn atomic.Int64 // what the partition holds of Worker.turns

	warned bool // of suspects; only the partition's goroutine uses it
}

// allTurns is the weight of a turn that is to be the only one of the worker's; that of the others is 1.
const allTurns = math.MaxInt32

// begin takes up what the group knows of the partition.
func (r *inFlightLimit) begin(n *progress.Note) progress.Suspicion {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.limit.Store(0)
	r.low.Store(math.MaxInt64)
	r.next.Store(n.Done.Prefix())
	r.taken, r.suspicion, r.pace, r.ended = n.Mark, progress.Suspect(n), progress.Pace{}, false
	r.mark = r.suspicion.Left(r.suspicion.Begins()) // else a death would count for suspects that had no turn
	return r.suspicion
}

// end says that no handler has an event of the partition in hand any more, or what one has counts for nothing.
func (r *inFlightLimit) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
}

// nextMark returns the mark for a commit of what is done. regular tells that the commit is made at its time.
func (r *inFlightLimit) nextMark(done *progress.Done, regular bool) progress.Mark {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.ended:
		return r.suspicion.Left(done.Reach(r.suspicion.Begins(), 1) - 1)
	case r.mark.Deaths > 0: // a turn, or suspects that wait for theirs
		return r.owned(r.mark)
	}
	next := r.next.Load()
	if regular {
		r.pace.Interval(next)
	}
	// What may be handed over already stays in reach.
	r.mark = progress.Mark{Working: true, Reach: r.bound(max(r.mark.Reach, next+r.pace.Ahead()))}
	return r.owned(r.mark)
}

// owned says whose mark it is, so that whoever finds it can tell whether its owner lives.
func (r *inFlightLimit) owned(mark progress.Mark) progress.Mark {
	if mark.Working {
		mark.Owner = r.owner
	}
	return mark
}

// bound keeps an offset below suspects still to come.
func (r *inFlightLimit) bound(offset int64) int64 {
	if r.suspicion.Over(r.next.Load()) {
		return offset
	}
	return min(offset, r.suspicion.Begins())
}

// confirmed lets events be handed over as far as the group has been confirmed.
func (p *partition) confirmed(mark progress.Mark) {
	r := &p.limits
	r.mu.Lock()
	r.limit.Store(mark.Limit())
	r.low.Store(math.MaxInt64)
	if mark.Working && mark.Deaths == 0 {
		r.low.Store(r.pace.Low(mark.Reach))
	}
	r.mu.Unlock()
	p.wake()
}

// unconfirmed is told where the group cannot be told for now. An outage is no reason to wait, except for suspects: events are handed over,
// and a death meanwhile may go uncounted.
func (p *partition) unconfirmed() {
	r := &p.limits
	r.mu.Lock()
	if r.mark.Deaths == 0 {
		r.limit.Store(r.bound(math.MaxInt64))
	}
	r.mu.Unlock()
	p.wake()
}

// handedOver notes that all events below next have been handedOver over.
func (p *partition) handedOver(next int64) {
	r := &p.limits
	r.next.Store(next)
	if next < r.low.Load() {
		return
	}
	r.low.Store(math.MaxInt64) // once is enough
	r.mu.Lock()
	r.pace.Early()
	r.mu.Unlock()
	p.engine.commits.soon()
}

// admit waits until an event beyond the limit may be handed over. It returns false when the partition stops first.
func (p *partition) admit(t *task) bool {
	r := &p.limits
	offset := t.record.Offset
	if r.turn.Load() > 0 && !p.endTurn() {
		return false
	}
	suspicion, ok := p.suspicionAt(offset)
	if !ok {
		return false
	}
	mark := progress.Mark{}
	if !suspicion.Over(offset) && offset >= suspicion.Begins() {
		p.paused.set(pausedSuspects)
		defer p.paused.set(notPaused)
		for !p.idle() {
			if !p.wait() {
				return false
			}
		}
		if mark, ok = p.beginTurn(suspicion, offset); !ok {
			return false
		}
		t.spent.attempts += suspicion.Attempts(offset)
	}
	r.next.Store(offset)
	r.mu.Lock()
	if r.mark.Working && r.mark.Deaths == 0 && mark.Deaths == 0 {
		r.pace.Early()
	}
	r.mark = mark
	r.mu.Unlock()
	p.engine.commits.soon()
	for offset >= r.limit.Load() {
		if !p.wait() {
			return false
		}
	}
	return true
}

// beginTurn takes a turn among the suspects of the worker, once the coordinator answers. The commit that comes before the turn charges them
// with a death of the worker. When its answer does not come, and the worker is killed meanwhile, that is for events it never handled.
func (p *partition) beginTurn(suspicion progress.Suspicion, offset int64) (progress.Mark, bool) {
	done := p.progress()
	mark := suspicion.Turn(&done, offset)
	weight := int64(1)
	if mark.Alone {
		weight = allTurns
	}
	for failures := 1; ; failures++ {
		if p.engine.turns.Acquire(p.going, weight) != nil {
			return progress.Mark{}, false
		}
		err := p.coordinatorAnswers()
		if err == nil {
			break
		}
		p.engine.turns.Release(weight)
		p.log().Warn("group coordinator does not answer: events that may have killed the last worker wait", zap.Int64("offset", offset), zap.Error(err))
		if !p.pause(jitter(outage.Delay(failures))) {
			return progress.Mark{}, false
		}
	}
	p.limits.turn.Store(weight)
	log := p.log().Debug
	if !p.limits.warned || mark.Alone {
		log, p.limits.warned = p.log().Warn, true
	}
	log("handling events that may have killed the last worker", zap.Int64("offset", offset), zap.Int64("to", mark.Reach-1),
		zap.Int("deaths", mark.Deaths), zap.Bool("alone", mark.Alone))
	return mark, true
}

// promptAnswer is how long the coordinator may take to answer before a turn is committed.
const promptAnswer = time.Second

// coordinatorAnswers makes a round trip to the group's coordinator.
func (p *partition) coordinatorAnswers() error {
	ctx, cancel := context.WithTimeout(p.going, promptAnswer)
	defer cancel()
	_, err := p.engine.client.FetchOffsets(ctx, p.engine.cfg.Group, p.TopicPartition)
	return err
}

// endTurn waits until no event of the turn is in hand. It returns false when the partition stops first.
func (p *partition) endTurn() bool {
	for !p.idle() {
		if !p.wait() {
			return false
		}
	}
	p.giveTurn()
	return true
}

// giveTurn gives the turn to others.
func (p *partition) giveTurn() {
	if weight := p.limits.turn.Swap(0); weight > 0 {
		p.engine.turns.Release(weight)
	}
}

// yieldTurn gives the turn to others while the partition waits for something that may take long, once no event of it is in hand. It
// returns what retakeTurn takes.
func (p *partition) yieldTurn() (weight int64) {
	if p.limits.turn.Load() == 0 || !p.idle() {
		return 0
	}
	if weight = p.limits.turn.Swap(0); weight > 0 {
		p.engine.turns.Release(weight)
	}
	return weight
}

// retakeTurn takes the turn again, for what is left of it. It returns false when the partition stops first.
func (p *partition) retakeTurn(weight int64) bool {
	if weight == 0 {
		return true
	}
	if p.engine.turns.Acquire(p.going, weight) != nil {
		return false
	}
	p.limits.turn.Store(weight)
	return true
}

// aside waits for some time, for which others may have the partition's turn. Only the partition's goroutine may call it. It returns false
// when the partition stops first.
func (p *partition) aside(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	defer p.wake() // for what it has been woken for meanwhile
	weight := p.yieldTurn()
	for {
		select {
		case <-timer.C:
			return p.retakeTurn(weight) && !p.stopped.Load()
		case <-p.nudge:
			p.retire()
			if weight == 0 {
				weight = p.yieldTurn()
			}
		case <-p.going.Done():
			return false
		}
	}
}

// outlive says that a handler was given up: its turn is over as well, else suspects would wait for it for ever.
func (p *partition) outlive(t *task) {
	p.giveTurn()
	if t.queue == nil {
		return
	}
	p.mu.Lock()
	t.queue.stuck = true
	p.mu.Unlock()
	p.wake()
}

// idle reports whether no handler has an event of the partition in hand, and none is about to. An event has outlived its attempt when it
// waits for the next one, when its copy is being written, and when its handler was given up.
func (p *partition) idle() bool {
	if p.lanes == nil {
		return true
	}
	p.retire()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.live) > 0 {
		return false
	}
	for q := range p.waiting.queues {
		if q.timer == nil && !q.writing && !q.stuck {
			return false
		}
	}
	return true
}
