// Package check gives the verdict of every fault test alike: what was lost, doubled, reordered or acknowledged in vain, who
// owned a partition together with somebody else, which committed offset went back, and what was left behind.
package check

import (
	"fmt"
	"sync"
	"testing"
)

// Outcome is how one send ended.
type Outcome int

// The three ends of a send: certainly written, certainly not, and nobody knows.
const (
	Acked Outcome = iota
	Failed
	Unknown
)

// Log holds what was sent and what was seen. An event is its key and its number, which rises by one from 0 in each
// key. The zero value is empty; safe for concurrent use.
type Log struct {
	mu   sync.Mutex
	keys map[string]*key
	odd  int

	acked, different int
}

type key struct {
	sent []Outcome // by number
	seen []int     // times, by number
	last int       // highest number seen, -1 before
	back int       // events seen for the first time after one of the same key that was sent later
}

func (l *Log) of(name string) *key {
	if l.keys == nil {
		l.keys = map[string]*key{}
	}
	k := l.keys[name]
	if k == nil {
		k = &key{last: -1}
		l.keys[name] = k
	}
	return k
}

// Next returns the number of a key's next event. Until Ended is told otherwise its outcome is unknown.
func (l *Log) Next(name string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.of(name)
	k.sent = append(k.sent, Unknown)
	k.seen = append(k.seen, 0)
	return len(k.sent) - 1
}

// Ended notes how the send of an event ended, once.
func (l *Log) Ended(name string, number int, outcome Outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.of(name).sent[number] = outcome
	if outcome == Acked {
		l.acked++
	}
}

// Acked returns how many events have been acknowledged so far.
func (l *Log) Acked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acked
}

// Seen notes that an event was read or handled. Events of one key must be noted in the order they were seen.
func (l *Log) Seen(name string, number int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.of(name)
	if number < 0 || number >= len(k.sent) {
		l.odd++
		return
	}
	k.seen[number]++
	if k.seen[number] == 1 {
		l.different++
		if number < k.last {
			k.back++
		}
	}
	k.last = max(k.last, number)
}

// SeenOnce returns how many different events have been seen so far.
func (l *Log) SeenOnce() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.different
}

// Report counts events.
type Report struct {
	Sent, Acked, Failed, Unknown int
	// Seen counts different events, Lost those acknowledged and never seen.
	Seen, Lost int
	// Doubled counts sightings beyond the first.
	Doubled int
	// Reordered counts events first seen after a later one of their key. One that is seen again, as after a crash, is
	// doubled, not reordered.
	Reordered int
	// Phantom counts events that were reported as certainly not written and were seen all the same.
	Phantom int
	// Strangers counts events that were never sent.
	Strangers int
}

// Report counts what the log holds now.
func (l *Log) Report() Report {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := Report{Strangers: l.odd}
	for _, k := range l.keys {
		r.Reordered += k.back
		for number, outcome := range k.sent {
			r.add(outcome, k.seen[number])
		}
	}
	return r
}

func (r *Report) add(outcome Outcome, times int) {
	r.Sent++
	switch outcome {
	case Acked:
		r.Acked++
	case Failed:
		r.Failed++
	case Unknown:
		r.Unknown++
	}
	switch {
	case times == 0 && outcome == Acked:
		r.Lost++
	case times > 0:
		r.Seen++
		r.Doubled += times - 1
		if outcome == Failed {
			r.Phantom++
		}
	}
}

// String is one line of figures.
func (r Report) String() string {
	return fmt.Sprintf("sent %d (acked %d, failed %d, unknown %d), seen %d: lost %d, doubled %d, reordered %d, phantom %d, strangers %d",
		r.Sent, r.Acked, r.Failed, r.Unknown, r.Seen, r.Lost, r.Doubled, r.Reordered, r.Phantom, r.Strangers)
}

// Exact fails the test unless every acknowledged event was seen exactly once and in order.
func (r Report) Exact(tb testing.TB) {
	tb.Helper()
	if r.Doubled != 0 {
		tb.Errorf("events were doubled: %s", r)
	}
	r.AtLeastOnce(tb)
}

// AtLeastOnce fails the test unless every acknowledged event was seen, in order, and nothing else was.
func (r Report) AtLeastOnce(tb testing.TB) {
	tb.Helper()
	if r.Acked == 0 || r.Lost != 0 || r.Reordered != 0 || r.Phantom != 0 || r.Strangers != 0 {
		tb.Errorf("events were not kept: %s", r)
	}
}

// Times returns how often an event has been seen.
func (l *Log) Times(name string, number int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.of(name).seen[number]
}
