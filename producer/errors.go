package producer

import (
	"errors"
	"fmt"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/sender"
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
var ErrBufferFull = sender.ErrBufferFull

// ErrClosed is why an event failed that was sent or posted after [Producer.Close] began, or was given up by it.
var ErrClosed = sender.ErrClosed

// ErrDelivery is why an event was given up after Config.DeliveryTimeout. The error that wraps it tells the last failure.
var ErrDelivery = sender.ErrDelivery

// TooLargeError says that one event alone exceeds what a batch may hold.
type TooLargeError struct {
	Size  int   // bytes of the event as a record: key, value and headers with their framing
	Limit int   // largest size that would have been accepted; 0 when the broker refused it, which does not tell its limit
	Err   error // the broker's answer; nil when Config.BatchBytes is the limit
}

func (e *TooLargeError) Error() string {
	if e.Limit == 0 {
		return fmt.Sprintf("event of %d bytes is larger than the broker takes, see max.message.bytes of the topic: %v", e.Size, e.Err)
	}
	return fmt.Sprintf("event of %d bytes is larger than %d, the limit that Config.BatchBytes sets and that workers have", e.Size, e.Limit)
}

// Unwrap returns Err.
func (e *TooLargeError) Unwrap() error { return e.Err }

// TimeError says that an event's timestamp is before 1970.
type TimeError struct{ Time time.Time }

func (e *TimeError) Error() string {
	return fmt.Sprintf("timestamp %s is before 1970, which Kafka's clients do not accept", e.Time.UTC().Format(time.RFC3339Nano))
}

// failure is the error of an event that was not acknowledged.
func failure(r sender.Result) error {
	if r.Err == nil {
		return nil
	}
	e := &Error{Topic: r.Topic, Partition: r.Partition, Outcome: Failed, Err: r.Err}
	if r.Outcome == sender.Unknown {
		e.Outcome = Unknown
	}
	if large, ok := errors.AsType[*sender.TooLargeError](r.Err); ok {
		e.Err = &TooLargeError{Size: large.Size, Limit: large.Limit, Err: large.Err}
	}
	return e
}

// ended is where an event lies, and its error.
func ended(r sender.Result) (headrace.Location, error) {
	return headrace.Location{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}, failure(r)
}

// refused is the result of an event that never got as far as a batch.
func refused(topic string, partition int32, err error) sender.Result {
	return sender.Result{Topic: topic, Partition: partition, Offset: -1, Outcome: sender.Failed, Err: err}
}
