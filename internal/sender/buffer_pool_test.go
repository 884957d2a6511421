package sender

import (
	"testing"

	"pgregory.net/rapid"
)

func TestBuffersInUseAndKeptStayWithinTheBudget(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const budget = 3 << 20
		m := newMemory(budget, 1<<20)
		var used []*producerBatch
		t.Repeat(map[string]func(*rapid.T){
			"take": func(t *rapid.T) {
				size := m.classes[rapid.IntRange(0, classes-1).Draw(t, "class")]
				if !m.try(size) {
					return
				}
				x := m.newBatch(size)
				if len(x.buffer) != 0 || cap(x.buffer) < size {
					t.Fatalf("a buffer of %d in use and %d in all, for %d", len(x.buffer), cap(x.buffer), size)
				}
				used = append(used, x)
			},
			"release": func(t *rapid.T) {
				if len(used) == 0 {
					return
				}
				i := rapid.IntRange(0, len(used)-1).Draw(t, "batch")
				m.release(used[i], rapid.Bool().Draw(t, "reuse"))
				used = append(used[:i], used[i+1:]...)
			},
			"tidy": func(t *rapid.T) {
				idle := rapid.Bool().Draw(t, "idle")
				if m.tidy(idle); idle && m.pool.kept != 0 {
					t.Fatalf("%d bytes are kept for nobody", m.pool.kept)
				}
			},
			"": func(t *rapid.T) {
				kept, seen := 0, map[*byte]bool{}
				for _, of := range m.pool.classes {
					for _, b := range of.buffers {
						kept += cap(b)
						seen[&b[:1][0]] = true
					}
				}
				for _, x := range used {
					if seen[&x.buffer[:1][0]] {
						t.Fatal("a buffer in use is on a shelf, too")
					}
				}
				if kept != m.pool.kept || kept+budget-m.free > budget {
					t.Fatalf("%d bytes are kept, %d by its own count, and %d in use", kept, m.pool.kept, budget-m.free)
				}
			},
		})
	})
}

func TestTheBufferReleasedLastIsTakenFirstAndOneThatNobodyNeedsIsLetGo(t *testing.T) {
	t.Parallel()
	m := newMemory(1<<20, 64<<10)
	m.force(2 * m.classes[0])
	first, second := m.newBatch(m.classes[0]), m.newBatch(m.classes[0])
	cold, hot := &first.buffer[:1][0], &second.buffer[:1][0]
	m.release(first, true)
	m.release(second, true)
	m.tidy(false) // both are needed so far
	m.force(m.classes[0])
	x := m.newBatch(m.classes[0])
	if &x.buffer[:1][0] != hot {
		t.Error("the buffer released last was not taken first")
	}
	m.release(x, true)
	m.tidy(false)
	if left := m.pool.classes[0].buffers; len(left) != 1 || &left[0][:1][0] == cold || m.pool.kept != cap(left[0]) {
		t.Errorf("%d buffers are left, of %d bytes", len(left), m.pool.kept)
	}
}

func TestWhoWaitedForRoomBuildsInTheBufferThatMadeIt(t *testing.T) {
	t.Parallel()
	m := newMemory(64<<10, 64<<10)
	m.force(64 << 10)
	x := m.newBatch(64 << 10)
	made := &x.buffer[:1][0]
	granted := make(chan error)
	waits := make(chan struct{})
	go func() { granted <- m.take(t.Context(), nil, 64<<10, func() { close(waits) }) }()
	<-waits
	m.release(x, true)
	if err := <-granted; err != nil {
		t.Fatal(err)
	}
	if x = m.newBatch(64 << 10); &x.buffer[:1][0] != made {
		t.Error("the buffer was let go, and another one made")
	}
}

func TestBufferThatOneEventMadeGrowIsLetGo(t *testing.T) {
	t.Parallel()
	m := newMemory(8<<20, 1<<20)
	m.keep(make([]byte, 0, 2<<20))
	if m.pool.kept != 2<<20 {
		t.Errorf("of a buffer of 2 MiB %d bytes are kept", m.pool.kept)
	}
	m.keep(make([]byte, 0, 2<<20+1))
	if m.pool.kept != 2<<20 {
		t.Errorf("a buffer above twice the largest batch is kept: %d bytes in all", m.pool.kept)
	}
}
