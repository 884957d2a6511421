package consumer

import (
	"sync"
	"sync/atomic"

	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/fetch"
)

// blockTasks is how many events go from the log to the lanes at a time.
const blockTasks = 64

// taskBlock is a run of a partition's events in memory, in the order of its log. It is handed over whole, and its memory is used again
// once no task in it is needed.
type taskBlock struct {
	// guard is held for writing when the memory is used again. What runs beside handlers holds it for reading while it looks at a task.
	guard sync.RWMutex

	tasks [blockTasks]task
	n     int
	left  atomic.Int32 // tasks that are neither settled nor elsewhere
	moved atomic.Bool  // some may be elsewhere

	// Only the partition's goroutine uses what follows.
	seq     uint64 // its number in the partition
	bytes   int
	chunk   *heldChunk
	readers []*heldReader
}

// heldChunk is a fetched chunk with the number of its users.
type heldChunk struct {
	fetch.Chunk
	users  int
	looked bool // at the records of replays, since it was fetched
}

// heldReader is what a compressed batch is decompressed into, with the number of its users.
type heldReader struct {
	batch.Reader
	users int
}

// memory is where blocks and readers come from, and go when they are free.
type memory struct{ blocks, readers sync.Pool }

func newMemory() *memory {
	return &memory{
		blocks: sync.Pool{New: func() any {
			s := new(taskBlock)
			for i := range s.tasks {
				s.tasks[i].block = s
			}
			return s
		}},
		readers: sync.Pool{New: func() any { return new(heldReader) }},
	}
}

func (m *memory) block() *taskBlock { return m.blocks.Get().(*taskBlock) }

func (m *memory) reader() *heldReader {
	r := m.readers.Get().(*heldReader)
	r.users = 1
	return r
}

// hold makes the block a user of a batch's memory.
func (s *taskBlock) hold(c *heldChunk, r *heldReader) {
	if s.chunk == nil {
		s.chunk = c
		c.users++
	}
	if r != nil && (len(s.readers) == 0 || s.readers[len(s.readers)-1] != r) {
		s.readers = append(s.readers, r)
		r.users++
	}
}

func (m *memory) dropReader(r *heldReader) {
	if r.users--; r.users == 0 {
		m.readers.Put(r)
	}
}

// free makes the memory of a block ready for the next one. Nobody reads it any more when free goes on, and none of its chunk.
func (m *memory) free(s *taskBlock) {
	s.guard.Lock()
	defer s.guard.Unlock()
	s.n, s.bytes = 0, 0
	s.moved.Store(false)
	for _, r := range s.readers {
		m.dropReader(r)
	}
	clear(s.readers)
	s.readers = s.readers[:0]
	if s.chunk != nil {
		s.chunk.drop()
		s.chunk = nil
	}
	m.blocks.Put(s)
}

func (c *heldChunk) drop() {
	if c.users--; c.users == 0 {
		c.Release()
	}
}

// drop takes tasks off those that are left. When none is, and few of the partition's blocks have some, its goroutine is woken.
func (s *taskBlock) drop(n int32) {
	p := s.tasks[0].partition
	if s.left.Add(-n) == 0 && p.busy.Add(-1) <= p.wakeAt.Load() {
		p.wake()
	}
}
