package producer

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/sender"
)

// Record is a record as Kafka sees it, for tools that already hold bytes. Events go through [For].
type Record struct {
	Key       []byte // nil is null: no key
	Value     []byte // nil is null: a tombstone
	Headers   []headrace.Header
	Time      time.Time // zero means now; kept as it is, also before 1970, so that copies are exact. time.UnixMilli(-1) is no timestamp
	Partition *int32    // nil leaves the choice to the key
}

// SendRecord sends r as it is and returns as [Topic.Send] does.
func (p *Producer) SendRecord(ctx context.Context, topic string, r Record) (headrace.Location, error) {
	out := r.out()
	return ended(p.sender.Send(ctx, p.topic(topic), &out))
}

// PostRecord buffers r and returns, as [Topic.Post] does. r's slices may be reused when it returns.
func (p *Producer) PostRecord(ctx context.Context, topic string, r Record, done func(headrace.Location, error)) {
	out := r.out()
	p.post(ctx, p.topic(topic), &out, done)
}

func (r Record) out() sender.Record {
	out := sender.Record{Partition: sender.AnyPartition, Key: r.Key, Headers: r.Headers, Time: r.Time}
	if r.Value != nil {
		out.Value = sender.Bytes(r.Value)
	}
	if r.Partition != nil {
		out.Partition = *r.Partition
	}
	return out
}

// callback is a func that the sender can hold as a receiver without allocating.
type callback func(headrace.Location, error)

// Done calls the function.
func (c callback) Done(r sender.Result) { c(ended(r)) }

// post hands r to the sender and sees to it that done is told in any case.
func (p *Producer) post(ctx context.Context, t *sender.Topic, r *sender.Record, done func(headrace.Location, error)) {
	var to sender.Receiver
	if done != nil {
		to = callback(done)
	}
	if err := p.sender.Append(ctx, t, r, to); err != nil {
		p.tell(refused(t.Name(), r.Partition, err), done)
	}
}

func (p *Producer) tell(r sender.Result, done func(headrace.Location, error)) {
	if done != nil {
		done(ended(r))
		return
	}
	p.logger.Error("event posted without a callback was not sent", zap.Error(failure(r)))
}
