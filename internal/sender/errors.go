package sender

import (
	"errors"
	"fmt"
)

// Outcome says what is known about a record.
type Outcome int8

const (
	// Acked: every in-sync replica has the record.
	Acked Outcome = iota
	// Failed: the record is certainly not in the partition.
	Failed
	// Unknown: the record may be in the partition, or may still get there.
	Unknown
)

// String returns "acked", "failed" or "unknown".
func (o Outcome) String() string {
	switch o {
	case Acked:
		return "acked"
	case Failed:
		return "failed"
	case Unknown:
		return "unknown"
	default:
		return fmt.Sprintf("Outcome(%d)", int8(o))
	}
}

// ErrClosed is why a record was not taken after Close, or was given up by it.
var ErrClosed = errors.New("producer closed")

// ErrBufferFull is why a record was not taken when Config.FailWhenFull is set and Config.BufferBytes are in use.
var ErrBufferFull = errors.New("buffer full")

// ErrDelivery is why a batch was given up after Config.DeliveryTimeout. The error that wraps it tells the last failure.
var ErrDelivery = errors.New("not acknowledged within the delivery timeout")

// TooLargeError says that one record alone exceeds what a batch may hold.
type TooLargeError struct {
	Size  int   // bytes of the record
	Limit int   // largest size that would have been taken; 0 when the broker refused it, which does not tell its limit
	Err   error // the broker's answer, if it was asked
}

func (e *TooLargeError) Error() string {
	if e.Limit == 0 {
		return fmt.Sprintf("record of %d bytes is larger than the broker takes (max.message.bytes): %v", e.Size, e.Err)
	}
	return fmt.Sprintf("record of %d bytes is larger than %d, the limit set by BatchBytes and by what readers take", e.Size, e.Limit)
}

// Unwrap returns Err.
func (e *TooLargeError) Unwrap() error { return e.Err }

// HeadersError says that a record has more headers than are read again.
type HeadersError struct{ Headers, Limit int }

func (e *HeadersError) Error() string {
	return fmt.Sprintf("record has %d headers, more than the %d that readers accept", e.Headers, e.Limit)
}

// PartitionError says that a record names a partition that its topic does not have.
type PartitionError struct {
	Topic      string
	Partition  int32
	Partitions int32 // number of partitions
}

func (e *PartitionError) Error() string {
	return fmt.Sprintf("topic %s has no partition %d: it has %d", e.Topic, e.Partition, e.Partitions)
}

// unsentError is a failure that came before the request was sent, so that it leaves no doubt about the batches in it.
type unsentError struct{ err error }

func (e *unsentError) Error() string { return e.err.Error() }
func (e *unsentError) Unwrap() error { return e.err }
