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
)

// Faults is what one or more proxies do to the traffic. The zero value does nothing. Safe for concurrent use.
type Faults struct {
	mu      sync.Mutex
	proxies []*Proxy
	api     int16
	share   float64
	left    int
	cut     int
	delay   time.Duration
	swallow bool
}

// CutAnswers drops the next count answers to an API, each with its connection, after the broker has given them.
// share is the part of all answers that are dropped; below 1, so that a client can make progress in between.
func (f *Faults) CutAnswers(api int16, count int, share float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.api, f.left, f.share = api, count, share
}

// Cuts returns how many answers have been dropped so far.
func (f *Faults) Cuts() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cut
}

// Delay holds every answer back for d.
func (f *Faults) Delay(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.delay = d
}

// BlackHole makes the proxies accept connections and swallow whatever is sent, both ways, while on.
func (f *Faults) BlackHole(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.swallow = on
}

// HangUp closes every connection that is open now and returns how many there were.
func (f *Faults) HangUp() int {
	f.mu.Lock()
	proxies := f.proxies
	f.mu.Unlock()
	closed := 0
	for _, p := range proxies {
		closed += p.hangUp()
	}
	return closed
}

func (f *Faults) add(p *Proxy) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.proxies = append(f.proxies, p)
}

func (f *Faults) silent() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.swallow
}

func (f *Faults) onAnswer(api int16) (delay time.Duration, cut bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if api == f.api && f.left > 0 && rand.Float64() < f.share {
		f.left--
		f.cut++
		cut = true
	}
	return f.delay, cut
}
