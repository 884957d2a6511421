package consumer

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/headrace/headrace/consumer/internal/fetch"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
)

// partition is one partition while this worker owns it. Its own goroutine, run, takes chunks from its feed and hands their events to
// handlers one by one; others start it, stop it, and read how far it is.
type partition struct {
	kafka.TopicPartition
	engine *engine

	ctx    context.Context // of the handlers: ends, with a cause, when the partition is taken away
	cancel context.CancelCauseFunc

	member  atomic.Pointer[kafka.Member] // the identity it is owned under, to commit with
	prefix  atomic.Int64                 // everything below is done
	lost    atomic.Bool                  // another member may own it: commit nothing any more
	stopped atomic.Bool                  // hand no further event to a handler
	going   context.Context              // ends with stopped
	stop    context.CancelFunc
	exited  chan struct{} // closed when no handler runs and none will

	// Only the committer uses what follows, once the partition has its place.
	committed int64 // last offset the group is known to have, -1 for none
	doubt     int   // commits still to be accepted because one got no answer, and may arrive after a later one

	mu    sync.Mutex
	begun bool
	feed  *fetch.Feed

	// Only run uses what follows.
	deliveries chan fetch.Delivery
	done       doneSet
	router     *router
	current    current
	reader     *batch.Reader
	records    [2]batch.Record // read by turns, since the one before may still be asked about
	turn       int
	input      input
}

func newPartition(e *engine, tp kafka.TopicPartition, member kafka.Member) *partition {
	p := &partition{
		TopicPartition: tp,
		engine:         e,
		exited:         make(chan struct{}),
		committed:      -1,
		deliveries:     make(chan fetch.Delivery, 1),
		router:         newRouter(e.routes),
		current:        current{group: e.cfg.Group, topic: tp.Topic, id: tp.Partition},
	}
	p.ctx, p.cancel = context.WithCancelCause(e.base)
	p.going, p.stop = context.WithCancel(p.ctx)
	p.member.Store(&member)
	p.prefix.Store(-1)
	return p
}

// place sets where the partition begins, and what the group has committed of it; -1 for nothing.
func (p *partition) place(position, committed int64) {
	p.committed = committed
	p.done.prefix = position
	p.prefix.Store(position) // lets the committer in
}

// start begins to fetch and to handle where place has said. It does nothing once the partition is stopped.
func (p *partition) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.begun {
		return
	}
	p.begun = true
	p.feed = fetch.NewFeed(p.TopicPartition, p.done.prefix, p.deliveries)
	go p.run()
	p.engine.fetcher.Add(p.feed)
}

// halt ends fetching, and handling after the event at hand.
func (p *partition) halt() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped.Swap(true) {
		return
	}
	p.stop()
	if !p.begun {
		p.begun = true
		close(p.exited)
		return
	}
	p.engine.fetcher.Remove(p.feed)
}

// run takes deliveries until it is stopped, or stops the worker.
func (p *partition) run() {
	returned := false
	defer close(p.exited)
	defer func() {
		if !returned { // only runtime.Goexit gets here: panics of handlers are caught
			p.engine.fail(&HandlerError{At: p.at(), Event: p.current.name, Attempts: p.current.attempt, Err: errGoexit})
		}
	}()
	for more := true; more; {
		select {
		case <-p.going.Done():
			more = false
		case d := <-p.deliveries:
			p.feed.Taken()
			more = p.take(&d)
		}
	}
	returned = true
}

func (p *partition) take(d *fetch.Delivery) (more bool) {
	switch {
	case d.Err != nil:
		p.engine.fail(feedError(p.TopicPartition, d.Err))
		return false
	case d.Moved:
		p.move(d.Chunk.From)
		return true
	}
	defer d.Chunk.Release()
	defer p.current.end()
	p.reader = p.engine.readers.Get().(*batch.Reader)
	defer p.engine.readers.Put(p.reader)
	return p.work(&d.Chunk)
}

// work hands the chunk's events over, in order. It returns false when the partition goes no further.
func (p *partition) work(c *fetch.Chunk) (more bool) {
	next := c.From
	for _, b := range c.Batches {
		p.current.end() // before the memory of its records is used again
		err := p.reader.Open(b, batch.Limits{})
		for err == nil {
			var ok bool
			rec := &p.records[p.turn]
			if ok, err = p.reader.Next(rec); !ok {
				break
			}
			if rec.Offset < next { // the batch begins before the offset asked for
				continue
			}
			if p.stopped.Load() {
				return false
			}
			p.turn ^= 1
			if !p.handle(rec) {
				return false
			}
			// What lies between the record before and this one is gone from the log, and done with this one.
			p.mark(next, rec.Offset+1)
			next = rec.Offset + 1
		}
		if err != nil {
			if !p.unreadable(b, max(next, b.BaseOffset), err) {
				return false
			}
			p.mark(next, b.LastOffset+1)
			next = b.LastOffset + 1
		}
	}
	p.mark(next, c.End)
	return !p.stopped.Load()
}

// unreadable ends what is left of a batch that came as it was written, by its checksum, but cannot be read: it is larger than is
// allowed, or does not decompress. Its events cannot be told apart, so that they become one dead letter.
func (p *partition) unreadable(b batch.Batch, first int64, err error) bool {
	p.current.end()
	p.input = input{}
	return p.giveUp(&batch.Record{Offset: first, Timestamp: b.MaxTimestamp, Value: b.Raw()}, &p.engine.cfg.Policy, &failure{
		kind: kindBatch, reason: err, err: &CorruptError{At: p.atOffset(first), Err: err},
	})
}

func (p *partition) mark(first, end int64) {
	p.done.mark(first, end)
	p.prefix.Store(p.done.prefix)
}

// move goes on at an offset that the policy for offsets out of range chose, down or up.
func (p *partition) move(to int64) {
	p.engine.commits.forget(p) // so that this offset is committed even when it is below the last one
	p.done = doneSet{prefix: to}
	p.prefix.Store(to)
}

func (p *partition) atOffset(offset int64) At {
	return At{Topic: p.Topic, Partition: p.Partition, Offset: offset}
}

// at is where the partition stands: at its first event that is not done.
func (p *partition) at() At { return p.atOffset(p.prefix.Load()) }
