package sender

import (
	"sync"
	"time"
)

// sweeper gives up what is past its deadline while no broker can be asked, and has metadata looked at that is old or has come into
// doubt. It runs while there is anything to send.
type sweeper struct {
	sender *Sender
	every  time.Duration

	mu    sync.Mutex
	timer *time.Timer
	armed bool
}

func newSweeper(s *Sender) *sweeper {
	every := min(max(s.cfg.DeliveryTimeout/50, 5*time.Millisecond), 500*time.Millisecond)
	return &sweeper{sender: s, every: every}
}

func (w *sweeper) arm() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.armed {
		return
	}
	w.armed = true
	if w.timer == nil {
		w.timer = time.AfterFunc(w.every, w.sweep)
		return
	}
	w.timer.Reset(w.every)
}

func (w *sweeper) sweep() {
	s := w.sender
	w.mu.Lock()
	w.armed = false
	w.mu.Unlock()
	if s.ctx.Err() != nil {
		return
	}
	now := time.Now()
	for _, t := range s.known() {
		if t.stale(now) {
			t.refresh()
		}
	}
	for _, p := range s.all() {
		p.mu.Lock()
		p.expire(now)
		p.doubt(now)
		p.list()
		p.mu.Unlock()
		s.reportLater(p)
	}
	idle := s.idle()
	s.memory.tidy(idle)
	if !idle {
		w.arm()
	}
}

// known returns the topics whose metadata is known.
func (s *Sender) known() []*Topic {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var known []*Topic
	for _, t := range s.topics {
		if t.partitions.Load() != nil {
			known = append(known, t)
		}
	}
	return known
}
