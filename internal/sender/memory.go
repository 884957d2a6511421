package sender

import (
	"context"
	"slices"
	"sync"
)

// memory is the budget of a sender: the capacity of all buffers of open, waiting and travelling batches. It counts per buffer, never
// per record, so that posting to different partitions does not meet here.
type memory struct {
	mu      sync.Mutex
	total   int
	free    int // below zero while a record that outgrew its buffer is accounted for
	waiting []*claim
	classes [classes]int // buffer sizes
	pool    bufferPool
	batches sync.Pool
}

// claim is a caller that waits for room; served in the order of arrival, so that none starves.
type claim struct {
	size    int
	granted chan struct{}
}

const (
	classes       = 5
	smallestClass = 4 << 10
	classFactor   = 4
)

func newMemory(total, largest int) *memory {
	m := &memory{total: total, free: total}
	size := smallestClass
	for i := range m.classes {
		if i == classes-1 {
			size = largest
		}
		m.classes[i] = min(size, largest)
		size *= classFactor
	}
	return m
}

// used is how many bytes are taken.
func (m *memory) used() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return int64(m.total - m.free)
}

// fit returns the size of the smallest class that holds n bytes, or of the largest.
func (m *memory) fit(n int) int { return m.classes[m.class(n)] }

func (m *memory) class(n int) int {
	for i, size := range m.classes {
		if n <= size {
			return i
		}
	}
	return classes - 1
}

// try takes size bytes if they are free and nobody waits.
func (m *memory) try(size int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.waiting) > 0 || m.free < size {
		return false
	}
	m.free -= size
	return true
}

// take waits for size bytes until ctx or the sender ends. blocked is called once when it has to wait.
func (m *memory) take(ctx context.Context, ended <-chan struct{}, size int, blocked func()) error {
	m.mu.Lock()
	if len(m.waiting) == 0 && m.free >= size {
		m.free -= size
		m.mu.Unlock()
		return nil
	}
	c := &claim{size: size, granted: make(chan struct{})}
	m.waiting = append(m.waiting, c)
	m.mu.Unlock()
	blocked()
	select {
	case <-c.granted:
		return nil
	case <-ended:
		m.withdraw(c)
		return ErrClosed
	case <-ctx.Done():
		m.withdraw(c)
		return ctx.Err()
	}
}

// withdraw takes back a claim, granted or not.
func (m *memory) withdraw(c *claim) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i := slices.Index(m.waiting, c); i >= 0 {
		m.waiting = slices.Delete(m.waiting, i, i+1)
	} else {
		m.free += c.size
	}
	m.grant() // those behind may have room now
}

// force takes size bytes whether they are free or not; a negative size gives them back.
func (m *memory) force(size int) {
	if size == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.free -= size
	m.grant()
}

func (m *memory) grant() {
	for len(m.waiting) > 0 && m.free >= m.waiting[0].size {
		c := m.waiting[0]
		m.waiting = m.waiting[1:]
		m.free -= c.size
		close(c.granted)
	}
}

// newBatch returns an empty batch with a buffer of size bytes, which the caller has taken and is the size of a class.
func (m *memory) newBatch(size int) *producerBatch {
	x, ok := m.batches.Get().(*producerBatch)
	if !ok {
		x = new(producerBatch)
	}
	x.charged = size
	x.buffer = m.buffer(size)
	x.builder.Reset(x.buffer)
	return x
}

func (m *memory) buffer(size int) []byte {
	m.mu.Lock()
	b := m.pool.take(m.class(size))
	if b == nil {
		m.pool.shrink(max(m.free, 0)) // the new one takes the room of those kept
	}
	m.mu.Unlock()
	if b == nil {
		b = make([]byte, 0, size)
	}
	return b
}

// tidy lets buffers go that are not needed at this pace, all of them when idle is set.
func (m *memory) tidy(idle bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pool.tidy()
	if idle {
		m.pool.shrink(0)
	}
}

// release gives back the memory of x and, when its buffer is in nobody's hands, keeps it for another batch.
func (m *memory) release(x *producerBatch, reuse bool) {
	b, charged := x.buffer, x.charged
	x.charged, x.raw, x.buffer = 0, nil, nil
	x.builder.Reset(nil)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.free += charged
	if reuse {
		m.put(b)
	}
	m.grant()
}

// keep keeps a buffer that is in nobody's hands for another batch.
func (m *memory) keep(b []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(b)
}

// put leaves to the collector a buffer that one large event has made grow: it would be the first to be taken again, and small batches
// would use up the budget with it.
func (m *memory) put(b []byte) {
	if cap(b) >= m.classes[0] && cap(b) <= 2*m.classes[classes-1] {
		m.pool.put(m.keptClass(cap(b)), b)
	}
}

// keptClass is the class that a buffer of this capacity serves: the largest that is not above it. Where the largest batch makes several
// classes equal, it is the first of them, which class asks for.
func (m *memory) keptClass(capacity int) int {
	at := 0
	for i, size := range m.classes {
		if size <= capacity && size > m.classes[at] {
			at = i
		}
	}
	return at
}

// recycle takes back a released batch that nobody refers to any more.
func (m *memory) recycle(x *producerBatch) {
	x.receivers.reset()
	*x = producerBatch{receivers: x.receivers, builder: x.builder}
	m.batches.Put(x)
}
