package sender

import (
	"sync"
	"time"
)

const (
	requestsPerBroker = 2       // under way at once, for different partitions
	requestBytes      = 8 << 20 // after which a request takes no further batch
)

// broker gathers what its partitions have ready into requests.
type broker struct {
	sender *Sender
	node   int32

	mu       sync.Mutex
	ready    []*partition
	requests int // under way
}

// list adds a partition that has a batch to send. Its lock is held.
func (b *broker) list(p *partition) {
	b.mu.Lock()
	b.ready = append(b.ready, p)
	b.mu.Unlock()
	b.wake()
}

// wake starts a request if there is something to send and a request to spare.
func (b *broker) wake() {
	if b.begin() && !b.sender.tasks.start(b.run) {
		b.end()
	}
}

func (b *broker) begin() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.ready) == 0 || b.requests == requestsPerBroker {
		return false
	}
	b.requests++
	return true
}

func (b *broker) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requests--
}

// run sends requests until there is nothing to send. Receivers are called when the request no longer counts, so that a slow one
// keeps nobody else from sending.
func (b *broker) run() {
	for {
		load := b.gather()
		if len(load) > 0 {
			if silence := b.sender.exchange(b, load); silence > 0 {
				b.sender.report(load)
				_ = wait(b.sender.ctx, silence) // ends early when the sender does
			}
		}
		b.end()
		b.wake()
		b.sender.report(load)
		if !b.begin() {
			return
		}
	}
}

// gather takes one batch of each partition on the list, in the order in which they became ready.
func (b *broker) gather() []requestBatch {
	now := time.Now()
	var load []requestBatch
	for size := 0; size < requestBytes; {
		p := b.next()
		if p == nil {
			break
		}
		x := p.take(b, now)
		if x == nil {
			b.sender.reportLater(p) // what take found expired
			continue
		}
		load = append(load, requestBatch{p, x})
		size += x.size()
	}
	return load
}

func (b *broker) next() *partition {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.ready) == 0 {
		return nil
	}
	p := b.ready[0]
	b.ready[0] = nil
	b.ready = b.ready[1:]
	if len(b.ready) == 0 {
		b.ready = nil
	}
	return p
}

// requestBatch is a batch in a request.
type requestBatch struct {
	p *partition
	x *producerBatch
}
