package sender

import (
	"sync"
	"time"
)

// linger ends the wait of open batches for more records: one timer and one queue for all of them, since they all wait equally long.
type linger struct {
	wait time.Duration

	mu    sync.Mutex
	queue []lingering
	timer *time.Timer // nil until first used
	armed bool
}

type lingering struct {
	partition *partition
	ordinal   uint64
	due       time.Time
}

func newLinger(d time.Duration) *linger { return &linger{wait: d} }

// add makes the batch due after the linger, counted from now. The partition's lock is held.
func (l *linger) add(p *partition, ordinal uint64, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue = append(l.queue, lingering{p, ordinal, now.Add(l.wait)})
	if !l.armed {
		l.arm(l.wait)
	}
}

func (l *linger) arm(d time.Duration) {
	l.armed = true
	if l.timer == nil {
		l.timer = time.AfterFunc(d, l.fire)
		return
	}
	l.timer.Reset(d)
}

// fire ends the wait of the batches that are due.
func (l *linger) fire() {
	now := time.Now()
	l.mu.Lock()
	n := 0
	for n < len(l.queue) && !l.queue[n].due.After(now) {
		n++
	}
	due := append([]lingering(nil), l.queue[:n]...)
	rest := copy(l.queue, l.queue[n:])
	clear(l.queue[rest:])
	l.queue = l.queue[:rest]
	if l.armed = false; rest > 0 {
		l.arm(l.queue[0].due.Sub(now))
	}
	l.mu.Unlock()
	for _, e := range due {
		e.partition.lingered(e.ordinal)
	}
}

// hurry ends the wait of all batches: memory is short.
func (l *linger) hurry() {
	l.mu.Lock()
	due := l.queue
	l.queue = nil
	l.mu.Unlock()
	for _, e := range due {
		e.partition.lingered(e.ordinal)
	}
}
