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
		return "the handlers do not keep up"
	case pausedHeld:
		return "the buffer is full of events whose keys wait for an attempt, or for a handler to return"
	case pausedMetadata:
		return "the commit metadata is full: the first unfinished event must end before more are taken"
	case pausedOutage:
		return "the next event waits for an outage to end"
	case pausedSuspects:
		return "events that may have killed a worker are handled a few at a time"
	case pausedDue:
		return "the next event is not due"
	case pausedEvent:
		return "an event waits for its next attempt, and with Concurrency 0 every event behind it waits as well"
	case pausedCopy:
		return "the copy of an event for a retry or dead-letter topic is being written"
	case pausedStuck:
		return "too many of its handlers have outlived their timeout"
	case pausedHandler:
		return "a handler from before the partition was lost is still running"
	}
	return ""
}

// set says why, or notPaused; it costs nothing while that stays the same.
func (p *pause) set(reason int32) {
	if p.reason.Load() != reason {
		p.reason.Store(reason)
	}
}
