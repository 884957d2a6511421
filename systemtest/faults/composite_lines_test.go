package faults

import (
	"bytes"
	"fmt"
	"sync"
	"time"

	"github.com/headrace/headrace/systemtest/internal/check"
)

// attempts collects what all worker processes of the composite row wrote. Safe for concurrent use.
type attempts struct {
	mu      sync.Mutex
	all     []check.Attempt
	handled map[string]map[int]int // times, by key and number
	once    int                    // different events that were handled
	killed  map[string]bool        // processes that were ended by SIGKILL
	garbled []string
}

// life is the standard output of one process.
type life struct {
	*attempts
	process string
	rest    []byte
	open    map[attemptID]int // place in all, of attempts that have not ended
}

type attemptID struct {
	partition int32
	offset    int64
	returned  bool
}

func newAttempts() *attempts {
	return &attempts{handled: map[string]map[int]int{}, killed: map[string]bool{}}
}

func (a *attempts) life(process string) *life {
	return &life{attempts: a, process: process, open: map[attemptID]int{}}
}

// Write takes lines, whole or in pieces.
func (l *life) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, p...)
	for {
		line, rest, whole := bytes.Cut(l.rest, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		l.line(string(line))
		l.rest = rest
	}
}

func (l *life) line(text string) {
	var (
		what  string
		nanos int64
		a     = check.Attempt{Process: l.process}
	)
	if _, err := fmt.Sscan(text, &what, &nanos, &a.Partition, &a.Offset, &a.Key, &a.Number, &a.Returned); err != nil {
		l.garbled = append(l.garbled, text)
		return
	}
	id, at := attemptID{a.Partition, a.Offset, a.Returned}, time.Unix(0, nanos)
	if what == "begin" {
		a.Begin = at
		l.open[id] = len(l.all)
		l.all = append(l.all, a)
		return
	}
	begun, known := l.open[id]
	if !known {
		l.garbled = append(l.garbled, text)
		return
	}
	delete(l.open, id)
	l.all[begun].End, l.all[begun].Handled = at, what == "handled"
	if what != "handled" {
		return
	}
	if l.attempts.handled[a.Key] == nil {
		l.attempts.handled[a.Key] = map[int]int{}
	}
	if l.attempts.handled[a.Key][a.Number]++; l.attempts.handled[a.Key][a.Number] == 1 {
		l.once++
	}
}

// died ends what the process had begun, once it is gone.
func (l *life) died(killed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.killed[l.process] = killed
	now := time.Now()
	for _, begun := range l.open {
		l.all[begun].End = now
	}
	l.open, l.rest = map[attemptID]int{}, nil
}

// deathsWith returns how many processes were killed that had begun an event, and describes all attempts of the event.
func (a *attempts) deathsWith(key string, number int) (deaths int, attempts []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	killed := map[string]bool{}
	for _, attempt := range a.all {
		if attempt.Key != key || attempt.Number != number {
			continue
		}
		end := "stopped"
		if a.killed[attempt.Process] {
			end, killed[attempt.Process] = "killed", true
		}
		attempts = append(attempts, fmt.Sprintf("%s, handled %t, process %s", attempt, attempt.Handled, end))
	}
	return len(killed), attempts
}

// different returns how many different events have been handled.
func (a *attempts) different() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.once
}
