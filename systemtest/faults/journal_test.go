package faults

import (
	"bytes"
	"fmt"
	"sync"
	"time"

	"github.com/headrace/headrace/systemtest/internal/check"
)

// journal collects what all lives of a worker process handled. It is the standard output of each, and safe for concurrent use.
type journal struct {
	mu        sync.Mutex
	log       *check.Log
	line      []byte
	handled   map[int32]map[int64]int // times, by partition and offset
	different int
	times     []time.Time // of the lines of this life
	again     []position  // what this life handled that an earlier life, or this one, had handled
	garbled   []string
}

type position struct {
	partition int32
	offset    int64
}

func newJournal(log *check.Log) *journal {
	return &journal{log: log, handled: map[int32]map[int64]int{}}
}

// Write takes lines of a worker process, whole or in pieces.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.line = append(j.line, p...)
	now := time.Now()
	for {
		line, rest, whole := bytes.Cut(j.line, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		j.note(string(line), now)
		j.line = rest
	}
}

func (j *journal) note(line string, now time.Time) {
	var (
		at     position
		key    string
		number int
	)
	if _, err := fmt.Sscanf(line, "%d %d %s %d", &at.partition, &at.offset, &key, &number); err != nil {
		j.garbled = append(j.garbled, line)
		return
	}
	j.log.Seen(key, number)
	j.times = append(j.times, now)
	if j.handled[at.partition] == nil {
		j.handled[at.partition] = map[int64]int{}
	}
	j.handled[at.partition][at.offset]++
	if j.handled[at.partition][at.offset] == 1 {
		j.different++
	} else {
		j.again = append(j.again, at)
	}
}

// count is how many different events have been handled so far.
func (j *journal) count() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.different
}

// newLife forgets a line that death cut short, and returns what this life handled that had been handled before, and when it handled each
// of its events.
func (j *journal) newLife() (again []position, times []time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	again, times = j.again, j.times
	j.again, j.times, j.line = nil, nil, nil
	return again, times
}

// owed is how many events a worker has handled that commits of one interval, or of several, were still to cover when it was killed.
type owed struct {
	interval time.Duration
	events   int
}

// killed takes account of a life that handled events at these times. One that died before it was through with what the lives before it
// had left leaves that as well.
func (o *owed) killed(times []time.Time) {
	left := 0
	if len(times) < o.events {
		left = o.events
	}
	last := 0
	for n := len(times); last < n && times[n-1].Sub(times[n-1-last]) <= o.interval; {
		last++
	}
	o.events = left + last
}

// uncommitted returns how many handled events lie at or beyond the committed offsets, and the first position below them that was
// never handled, if there is one.
func (j *journal) uncommitted(committed map[int32]int64) (inFlight int, skipped *position) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for partition, offsets := range j.handled {
		for offset := range offsets {
			if offset >= committed[partition] {
				inFlight++
			}
		}
	}
	for partition, end := range committed {
		for offset := range end {
			if j.handled[partition][offset] == 0 {
				return inFlight, &position{partition, offset}
			}
		}
	}
	return inFlight, nil
}
