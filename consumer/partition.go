package consumer

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer/internal/progress"
	"github.com/headrace/headrace/internal/fetch"
	"github.com/headrace/headrace/internal/kafka"
)

// partition is one partition while this worker owns it. Its own goroutine, run, takes chunks from its feed and hands their events
// over: to the worker's lanes, or, where the worker has none, to a lane that it is itself. Others start it, stop it, and read how far
// it is.
type partition struct {
	kafka.TopicPartition
	engine *engine
	lanes  *lanes      // nil where events are handled in the order of the log, by the partition's goroutine
	retry  *retryTopic // what its topic is a retry topic of; nil where it is not
	span   *span       // what of it is replayed; nil in a worker

	ctx    context.Context // of the handlers: ends, with a cause, when the partition is taken away
	cancel context.CancelCauseFunc

	member  atomic.Pointer[kafka.Member] // the identity it is owned under, to commit with
	prefix  atomic.Int64                 // everything below is done
	lost    atomic.Bool                  // another member may own it: commit nothing any more
	stopped atomic.Bool                  // hand no further event to a handler
	going   context.Context              // ends with stopped
	stop    context.CancelFunc
	users   atomic.Int64  // run, lanes at work on its events, copies being written
	exited  chan struct{} // closed when no handler runs and none will
	nudge   chan struct{} // something that run waits for may have happened

	// Only the committer uses what follows, once the partition has its place.
	committed int64   // last offset the group is known to have, -1 for none
	metadata  string  // what it has beside it
	said      said    // the note that was last encoded for it
	repeat    *repeat // the last commit when it got no answer, nil otherwise
	doubt     int     // commits still to be accepted because one got no answer, and may arrive after a later one

	withheld atomic.Bool // the coordinator did not have its topic when it was last to be committed

	mu      sync.Mutex
	begun   bool
	feed    *fetch.Feed
	done    progress.Done // beside it, tasks of live blocks know that they are done
	live    []*taskBlock  // handed over to lanes and not free yet, in order
	waiting waitingKeys

	recalled recalled     // until the partition is placed
	kafkaLog progress.Log // what its offsets belong to; set before the partition is placed
	began    int32        // how many partitions the topic had when the group began in this one; 0 when that is not known
	checking atomic.Bool  // its topic is being asked for
	limits   inFlightLimit

	backlog backlog      // belongs to lanes
	busy    atomic.Int32 // live blocks of which something is left
	wakeAt  atomic.Int32 // how few of them wake run
	starved atomic.Bool  // no room: run waits for what is at hand
	stuck   atomic.Int64 // lanes whose handler of it was given up and has not returned

	// For Worker.State.
	paused pause
	known  atomic.Int64              // committed
	due    atomic.Pointer[time.Time] // of the next event of a retry topic, while it is waited for
	waits  atomic.Pointer[WaitingState]

	dispatch // only run uses it
}

func newPartition(e *engine, tp kafka.TopicPartition, member kafka.Member) *partition {
	p := &partition{
		TopicPartition: tp,
		engine:         e,
		lanes:          e.lanes,
		retry:          e.retries[tp.Topic],
		exited:         make(chan struct{}),
		nudge:          make(chan struct{}, 1),
		committed:      -1,
		waiting:        waitingKeys{keys: make(map[uint64]*queue)},
		dispatch:       newDispatch(e),
	}
	p.ctx, p.cancel = context.WithCancelCause(e.base)
	p.going, p.stop = context.WithCancel(p.ctx)
	p.member.Store(&member)
	p.limits.owner = e.id
	p.prefix.Store(-1)
	p.known.Store(-1)
	return p
}

// setPosition sets where the partition begins, and what the group has committed of it: an offset, -1 for none, and metadata.
func (p *partition) setPosition(n progress.Note, committed int64, metadata string) {
	p.committed, p.metadata = committed, metadata
	p.known.Store(committed)
	p.mu.Lock()
	p.done = n.Done.Clone() // n stays the caller's
	p.restored = slices.Clone(n.Done.Beyond())
	p.mu.Unlock()
	if suspicion := p.limits.begin(&n); suspicion.Deaths() > 0 {
		p.log().Warn("the partition's last worker died: events it may have been handling are retried a few at a time",
			zap.Int64("from", n.Mark.From), zap.Int64("to", n.Mark.Reach-1), zap.Int("deaths", suspicion.Deaths()))
	}
	p.prefix.Store(n.Done.Prefix()) // lets the committer in
}

// start begins to fetch and to handle where place has said. It does nothing once the partition is stopped.
func (p *partition) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.begun {
		return
	}
	p.begun = true
	p.users.Store(1)
	p.feed = fetch.NewFeed(p.TopicPartition, p.kafkaLog.Topic, p.done.Prefix(), p.deliveries)
	go p.run()
	p.engine.fetcher.Add(p.feed)
}

// halt ends fetching, and handling after the events at hand.
func (p *partition) halt() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped.Swap(true) {
		return
	}
	p.stop()
	p.forgetWaits()
	if !p.begun {
		p.begun = true
		close(p.exited)
		return
	}
	p.engine.fetcher.Remove(p.feed)
}

// fail stops the worker, and the partition before anything else of it is handed over.
func (p *partition) fail(err error) {
	p.engine.fail(err)
	p.halt()
}

// enter counts a user of the partition, unless it has exited.
func (p *partition) enter() bool {
	for {
		users := p.users.Load()
		if users == 0 {
			return false
		}
		if p.users.CompareAndSwap(users, users+1) {
			return true
		}
	}
}

// leave is the end of what enter began.
func (p *partition) leave() {
	if p.users.Add(-1) == 0 {
		close(p.exited)
	}
}

// run takes deliveries until it is stopped, or stops the worker.
func (p *partition) run() {
	if p.lane != nil {
		p.lane.goroutine = goroutineNumber()
		defer p.lane.endLease()
	}
	returned := false
	defer p.leave()
	defer p.giveTurn()
	defer func() {
		if !returned && !p.stopped.Load() { // by runtime.Goexit; a handler's has stopped it before
			p.fail(fmt.Errorf("what was called at %s %w", p.at(), errGoexit))
		}
	}()
	for more := true; more; {
		deliveries := p.deliveries
		room := p.room()
		if !room {
			deliveries = nil
		}
		if starved := !room && p.paused.reason.Load() == pausedLanes; starved != p.starved.Load() {
			p.starved.Store(starved)
		}
		select {
		case <-p.going.Done():
			more = false
		case <-p.nudge:
			if p.idle() {
				p.giveTurn()
			}
		case d := <-deliveries:
			p.feed.Taken()
			more = p.take(&d)
		}
	}
	returned = true
}

func (p *partition) take(d *fetch.Delivery) (more bool) {
	switch {
	case d.Err != nil:
		p.ended(d.Err)
		return false
	case d.Moved:
		return p.move(d.Chunk.From)
	}
	return p.work(&d.Chunk)
}

func (p *partition) atOffset(offset int64) headrace.Location {
	return headrace.Location{Topic: p.Topic, Partition: p.Partition, Offset: offset}
}

// at is where the partition stands: at its first event that is not done.
func (p *partition) at() headrace.Location { return p.atOffset(p.prefix.Load()) }

// running names the handlers of the partition that run.
func (p *partition) running() (stuck []error) {
	for _, l := range p.engine.everyLane() {
		if h, ok := l.handler(p); ok {
			stuck = append(stuck, &StuckError{Location: h.at, Event: eventName(h.event), Stack: stackOf(h.goroutine)})
		}
	}
	return stuck
}
