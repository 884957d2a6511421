package flights

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/examples/flights/events"
	"github.com/headrace/headrace/producer"
)

// Publisher sends the rows of a flights file to the topic flights: one event each, under the tail number, at the scheduled
// hour of departure.
type Publisher struct {
	producer  *producer.Producer
	arrived   *producer.Topic[events.FlightArrived]
	cancelled *producer.Topic[events.FlightCancelled]
	diverted  *producer.Topic[events.FlightDiverted]
	acked     atomic.Int64
}

// NewPublisher returns a publisher that sends with p.
func NewPublisher(p *producer.Producer) *Publisher {
	return &Publisher{
		producer:  p,
		arrived:   producer.For[events.FlightArrived](p, Topic, producer.WithTopicRecordName()),
		cancelled: producer.For[events.FlightCancelled](p, Topic, producer.WithTopicRecordName()),
		diverted:  producer.For[events.FlightDiverted](p, Topic, producer.WithTopicRecordName()),
	}
}

// Acked is how many events Kafka has acknowledged so far. It may be called while Publish runs.
func (p *Publisher) Acked() int64 { return p.acked.Load() }

// Publish sends the rows in their order and returns nil once every one of them is acknowledged. It stops at the first row that
// cannot be read or is not acknowledged, and names its line; rows before it may still be on their way then.
func (p *Publisher) Publish(ctx context.Context, rows *Reader) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	for ctx.Err() == nil {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			// A callback that failed has stopped ctx, and its cause says more than Flush can.
			err = p.producer.Flush(ctx)
			if cause := context.Cause(ctx); cause != nil {
				return cause
			}
			return err
		}
		if err != nil {
			return err
		}
		p.post(ctx, row, func(_ headrace.Location, err error) {
			if err != nil {
				stop(fmt.Errorf("flights: line %d: %w", row.Line, err))
				return
			}
			p.acked.Add(1)
		})
	}
	return context.Cause(ctx)
}

func (p *Publisher) post(ctx context.Context, row Row, done func(headrace.Location, error)) {
	at := producer.At(row.Time)
	switch e := row.Event.(type) {
	case events.FlightArrived:
		p.arrived.Post(ctx, row.Key, e, done, at)
	case events.FlightCancelled:
		p.cancelled.Post(ctx, row.Key, e, done, at)
	case events.FlightDiverted:
		p.diverted.Post(ctx, row.Key, e, done, at)
	default:
		done(headrace.Location{}, fmt.Errorf("%T has no topic", e))
	}
}
