package sender

import (
	"time"

	"github.com/headrace/headrace"
)

// AnyPartition leaves the choice of a record's partition to its key.
const AnyPartition int32 = -1

// Record is what [Sender.Append] takes. It is read before Append returns and not kept.
type Record struct {
	Partition int32  // AnyPartition, or the partition to go to
	Key       []byte // nil is null: no key
	Value     Value  // nil is null: a tombstone
	Headers   []headrace.Header
	Time      time.Time // kept in milliseconds; zero means now
}

// Value encodes itself into a batch. AppendTo appends to dst and to nothing else, returns the extended slice, and does not keep it.
// It may be called more than once for one record, and runs under the partition's lock.
type Value interface {
	AppendTo(dst []byte) ([]byte, error)
}

// Bytes is a value that is already encoded.
type Bytes []byte

// AppendTo appends b.
func (b Bytes) AppendTo(dst []byte) ([]byte, error) { return append(dst, b...), nil }

// Result is what became of a record.
type Result struct {
	Topic     string
	Partition int32 // AnyPartition when none was chosen
	Offset    int64 // -1 unless acknowledged, and when the broker no longer knows it
	Outcome   Outcome
	Err       error // nil when acknowledged; shared by the records of one batch
}

// Receiver is told a record's result, once. Results of one partition come in the order of its records. Done must not block:
// the partition goes only a few batches further before it returns.
type Receiver interface {
	Done(Result)
}
