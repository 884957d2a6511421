package producer

import (
	"errors"
	"fmt"
)

// Outcome says what became of an event that was not acknowledged.
type Outcome int8

const (
	// Failed: the event is certainly not in the topic. Sending it again cannot double it.
	Failed Outcome = iota + 1
	// Unknown: the event may be in the topic. Sending it again may double it.
	Unknown
)

// String returns "failed" or "unknown".
func (o Outcome) String() string {
	switch o {
	case Failed:
		return "failed"
	case Unknown:
		return "unknown"
	default:
		return fmt.Sprintf("Outcome(%d)", int8(o))
	}
}

// Error says why an event was not acknowledged, and what is known about it. Every error of Send, Post and their variants is one.
type Error struct {
	Topic     string
	Partition int32 // -1 when none was chosen yet
	Outcome   Outcome
	Err       error
}

func (e *Error) Error() string {
	what := "not written"
	if e.Outcome == Unknown {
		what = "outcome unknown"
	}
	if e.Partition < 0 {
		return fmt.Sprintf("produce to %s: %s: %v", e.Topic, what, e.Err)
	}
	return fmt.Sprintf("produce to %s/%d: %s: %v", e.Topic, e.Partition, what, e.Err)
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// ErrBufferFull is why an event failed at once when Config.FailWhenFull is set and Config.BufferBytes are in use.
var ErrBufferFull = errors.New("buffer full")

// ErrClosed is why an event failed that was sent or posted after [Producer.Close] began.
var ErrClosed = errors.New("producer closed")

// TooLargeError says that one event alone exceeds what a batch may hold.
type TooLargeError struct {
	Size  int // bytes of the event as a record: key, value and headers with their framing
	Limit int // largest size that would have been accepted; 0 when the broker refused it without naming its limit
}

func (e *TooLargeError) Error() string {
	if e.Limit == 0 {
		return fmt.Sprintf("event of %d bytes is larger than the broker accepts (max.message.bytes)", e.Size)
	}
	return fmt.Sprintf("event of %d bytes is larger than the limit of %d (Config.BatchBytes)", e.Size, e.Limit)
}
