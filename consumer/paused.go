package consumer

import "sync/atomic"

// pause is why a partition takes no further events, for [Worker.State].
type pause struct{ reason atomic.Int32 }

const (
	notPaused = iota
	pausedLanes
	pausedHeld
	pausedMetadata
	pausedOutage
	pausedSuspects
	pausedDue
	pausedStuck
	pausedHandler
	pausedEvent
	pausedCopy
)

func (p *pause) text() string {
	switch p.reason.Load() {
	case pausedLanes:
		return "the handlers are slower than the log"
	case pausedHeld:
		return "events of keys that wait for an attempt, or for a handler that does not return, fill their memory"
	case pausedMetadata:
		return "what is done does not fit into the commit's metadata: the first event that is not done holds it up"
	case pausedOutage:
		return "the next event waits for an outage to end"
	case pausedSuspects:
		return "events that may have killed a worker are handled in turns"
	case pausedDue:
		return "the next event is not due"
	case pausedEvent:
		return "an event waits for its next attempt, and with Concurrency 0 every event behind it waits as well"
	case pausedCopy:
		return "the copy of an event for a retry or dead-letter topic is being written"
	case pausedStuck:
		return "as many of its handlers ignore the end of their leases as a partition may have"
	case pausedHandler:
		return "a handler that began before the partition was last lost still runs"
	}
	return ""
}

// set says why, or notPaused; it costs nothing while that stays the same.
func (p *pause) set(reason int32) {
	if p.reason.Load() != reason {
		p.reason.Store(reason)
	}
}
