package consumer

import (
	"time"

	"github.com/headrace/headrace"
)

// handling is a handler that runs.
type handling struct {
	at        headrace.Location
	event     string
	since     time.Time // when it was first seen to run; zero when that is yet to be
	goroutine string
	stuck     bool
	timestamp int64 // of the record
	left      int   // tasks of the turn, this one among them
}

// handler returns the handler that runs in the lane, if it is one of a partition. It is for others than the lane's goroutine.
func (l *lane) handler(p *partition) (h handling, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	word := l.word.Load()
	place, i := placeOfWord(word), indexOf(word)
	if l.partition != p || i >= limitOf(word) {
		return handling{}, false
	}
	t := l.movedTo
	if t == nil || l.movedAt != place {
		t = l.claims[i]
		if s := t.block; s != nil {
			s.guard.RLock()
			defer s.guard.RUnlock()
			if placeOfWord(l.word.Load()) != place { // the task may be another by now
				return handling{}, false
			}
		}
	}
	h = handling{
		at: t.at(), event: t.event(), goroutine: l.goroutine, stuck: word&flagStuck != 0,
		timestamp: t.record.Timestamp, left: limitOf(word) - i,
	}
	if l.seen == place {
		h.since = l.since
	}
	return h, true
}
