package proxy

import (
	"math/rand/v2"
	"sync"
	"time"
)

// The API keys that tests break at.
const (
	Produce      int16 = 0
	Fetch        int16 = 1
	OffsetCommit int16 = 8
	OffsetFetch  int16 = 9
	JoinGroup    int16 = 11
	Heartbeat    int16 = 12
	SyncGroup    int16 = 14
)

// Faults is what one or more proxies do to the traffic. The zero value does nothing. Safe for concurrent use.
type Faults struct {
	mu      sync.Mutex
	proxies []*Proxy
	cut     int
	now     state
}

// state is what Clear forgets.
type state struct {
	api     int16
	share   float64
	left    int
	mute    map[int16]int // answers still to be swallowed, by API key
	line    Line
	swallow map[string]bool // by upstream; "" is every proxy
}

// Line is how bad the line between clients and brokers is. The zero value is a good one.
type Line struct {
	Delay  time.Duration // of every answer
	Jitter time.Duration // evenly more or less than Delay
	Rate   int           // bytes a second of a connection, each way; 0 is no limit
	Slice  int           // bytes that travel together at most, in pieces of random length; 0 is no limit
}

// CutAnswers drops the next count answers to an API, each with its connection, after the broker has given them.
// share is the part of all answers that are dropped; below 1, so that a client can make progress in between.
func (f *Faults) CutAnswers(api int16, count int, share float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now.api, f.now.left, f.now.share = api, count, share
}

// SwallowAnswers keeps the next count answers to an API from the client, after the broker has given them. The connection stays open, so
// that the client waits.
func (f *Faults) SwallowAnswers(api int16, count int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now.mute == nil {
		f.now.mute = map[int16]int{}
	}
	f.now.mute[api] = count
}

// Cuts returns how many answers have been dropped or swallowed so far.
func (f *Faults) Cuts() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cut
}

// Worsen makes every line as bad as this, those of open connections too.
func (f *Faults) Worsen(line Line) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now.line = line
}

// BlackHole makes the proxies of these brokers, of every broker when none is given, accept connections and swallow
// whatever is sent, both ways.
func (f *Faults) BlackHole(upstreams ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now.swallow = map[string]bool{"": len(upstreams) == 0}
	for _, upstream := range upstreams {
		f.now.swallow[upstream] = true
	}
}

// Clear ends every fault that is not over. What was swallowed stays so: HangUp makes clients notice.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = state{}
}

// HangUp closes every connection that is open now and returns how many there were.
func (f *Faults) HangUp() int {
	closed := 0
	for _, p := range f.all() {
		closed += p.hangUp()
	}
	return closed
}

// Connections returns how many connections clients hold open.
func (f *Faults) Connections() int {
	open := 0
	for _, p := range f.all() {
		open += p.open()
	}
	return open
}

func (f *Faults) all() []*Proxy {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.proxies
}

func (f *Faults) add(p *Proxy) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.proxies = append(f.proxies, p)
}

func (f *Faults) silent(upstream string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now.swallow[""] || f.now.swallow[upstream]
}

func (f *Faults) line() Line {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now.line
}

func (f *Faults) onAnswer(api int16) (delay time.Duration, cut, swallow bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now.mute[api] > 0 {
		f.now.mute[api]--
		f.cut++
		swallow = true
	}
	if api == f.now.api && f.now.left > 0 && rand.Float64() < f.now.share {
		f.now.left--
		f.cut++
		cut = true
	}
	line := f.now.line
	if line.Jitter > 0 {
		delay = rand.N(2*line.Jitter) - line.Jitter
	}
	return max(0, line.Delay+delay), cut, swallow
}
