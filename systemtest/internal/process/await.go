package process

import (
	"testing"
	"time"
)

// Await calls ready until it returns nil, and fails the test when that takes longer than limit or when the process
// ends first.
func (p *Process) Await(tb testing.TB, limit time.Duration, ready func() error) {
	tb.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready()
		if err == nil {
			return
		}
		select {
		case <-p.ended:
			tb.Fatalf("%s ended before it was ready: %v\n%s", p.name, p.result, p.Tail(60))
		case <-deadline.C:
			tb.Fatalf("%s is not ready after %s: %v\n%s", p.name, limit, err, p.Tail(60))
		case <-tick.C:
		}
	}
}
