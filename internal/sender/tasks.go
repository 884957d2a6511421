package sender

import "sync"

// tasks counts the sender's goroutines, so that Close can wait for them. Unlike a sync.WaitGroup it can refuse new ones.
type tasks struct {
	mu    sync.Mutex
	n     int
	ended bool
	idle  chan struct{} // closed when ended and none is left
}

// start runs f in a goroutine, unless the sender has ended.
func (t *tasks) start(f func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return false
	}
	t.n++
	go func() {
		defer t.done()
		f()
	}()
	return true
}

func (t *tasks) done() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n--
	if t.ended && t.n == 0 {
		close(t.idle)
	}
}

// end refuses further goroutines and returns what is closed when the last has returned.
func (t *tasks) end() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.ended {
		t.ended = true
		t.idle = make(chan struct{})
		if t.n == 0 {
			close(t.idle)
		}
	}
	return t.idle
}
