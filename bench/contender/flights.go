package contender

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/examples/flights/events"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/schema/registry"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace/systemtest/bench/flight"
)

// flightsHeadrace posts flights by generated types.
type flightsHeadrace struct {
	producer  *producer.Producer
	feed      flight.Feed
	arrived   *producer.Topic[events.FlightArrived]
	cancelled *producer.Topic[events.FlightCancelled]
	diverted  *producer.Topic[events.FlightDiverted]
	failed    firstError
}

func produceFlights(job Job, feed flight.Feed) (Producer, error) {
	reg, err := registry.New(job.RegistryURL)
	if err != nil {
		return nil, err
	}
	p, err := producer.New(producer.Config{Cluster: headrace.Cluster{Brokers: job.Brokers}, Registry: reg})
	if err != nil {
		return nil, err
	}
	return &flightsHeadrace{
		producer: p, feed: feed,
		arrived:   producer.For[events.FlightArrived](p, job.Topic, producer.WithTopicRecordName()),
		cancelled: producer.For[events.FlightCancelled](p, job.Topic, producer.WithTopicRecordName()),
		diverted:  producer.For[events.FlightDiverted](p, job.Topic, producer.WithTopicRecordName()),
	}, nil
}

func (p *flightsHeadrace) Poster() Post {
	ctx, done := context.Background(), p.failed.posted
	return func(i int) {
		switch row := &p.feed.Rows[i%len(p.feed.Rows)]; row.Kind {
		case flight.Arrived:
			p.arrived.Post(ctx, row.Key, p.feed.Arrived[row.Index], done)
		case flight.Cancelled:
			p.cancelled.Post(ctx, row.Key, p.feed.Cancelled[row.Index], done)
		case flight.Diverted:
			p.diverted.Post(ctx, row.Key, p.feed.Diverted[row.Index], done)
		}
	}
}

func (*flightsHeadrace) Send(context.Context, int) error { return errors.ErrUnsupported }

func (p *flightsHeadrace) Flush(ctx context.Context) error {
	return errors.Join(p.producer.Flush(ctx), p.failed.get())
}

func (p *flightsHeadrace) Close() error { return p.producer.Close(context.Background()) }

func consumeFlights(ctx context.Context, job Job, seen func() bool) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	reg, err := registry.New(job.RegistryURL)
	if err != nil {
		return err
	}
	count := func() error {
		if !seen() {
			stop()
		}
		return nil
	}
	w, err := consumer.New(consumer.Config{
		Cluster: headrace.Cluster{Brokers: job.Brokers}, Registry: reg, Group: job.Group, Topics: []string{job.Topic},
	},
		consumer.On(func(context.Context, events.FlightArrived) error { return count() }),
		consumer.On(func(context.Context, events.FlightCancelled) error { return count() }),
		consumer.On(func(context.Context, events.FlightDiverted) error { return count() }))
	if err != nil {
		return err
	}
	return w.Run(ctx)
}

// flightsFranz posts flights by the same types through hamba, which finds the fields by their tags.
type flightsFranz struct {
	job    Job
	feed   flight.Feed
	client *kgo.Client
	failed firstError
}

func produceFlightsFranz(job Job, feed flight.Feed) (Producer, error) {
	client, err := kgo.NewClient(franzProduceOptions(job, job.Topic)...)
	if err != nil {
		return nil, err
	}
	return &flightsFranz{job: job, feed: feed, client: client}, nil
}

func (p *flightsFranz) Poster() Post {
	ctx := context.Background()
	var encoders []*hambaEncoder
	for i, event := range flight.Types() {
		encoders = append(encoders, newHambaEncoder(event.AvroSchema(), p.job.FlightIDs[i]))
	}
	done := func(_ *kgo.Record, err error) { p.failed.set(err) }
	return func(i int) {
		row := &p.feed.Rows[i%len(p.feed.Rows)]
		var event any
		switch row.Kind {
		case flight.Arrived:
			event = &p.feed.Arrived[row.Index]
		case flight.Cancelled:
			event = &p.feed.Cancelled[row.Index]
		case flight.Diverted:
			event = &p.feed.Diverted[row.Index]
		}
		value, err := encoders[row.Kind].encode(event)
		if err != nil {
			p.failed.set(err)
			return
		}
		p.client.Produce(ctx, &kgo.Record{Key: []byte(row.Key), Value: value}, done)
	}
}

func (*flightsFranz) Send(context.Context, int) error { return errors.ErrUnsupported }

func (p *flightsFranz) Flush(ctx context.Context) error {
	return errors.Join(p.client.Flush(ctx), p.failed.get())
}

func (p *flightsFranz) Close() error { p.client.Close(); return nil }

func consumeFlightsFranz(ctx context.Context, job Job, seen func() bool) error {
	decoders := map[uint32]*hambaDecoder{}
	kinds := map[uint32]flight.Kind{}
	for i, event := range flight.Types() {
		id := uint32(job.FlightIDs[i])
		decoders[id], kinds[id] = newHambaDecoder(event.AvroSchema()), flight.Kind(i)
	}
	return franzPoll(ctx, job, seen, func(value []byte) error {
		if len(value) < 5 {
			return errors.New("no wire header")
		}
		id := binary.BigEndian.Uint32(value[1:])
		decoder, ok := decoders[id]
		switch {
		case !ok:
			return errors.New("unknown schema id")
		case kinds[id] == flight.Arrived:
			var e events.FlightArrived
			return decoder.decode(value, &e)
		case kinds[id] == flight.Cancelled:
			var e events.FlightCancelled
			return decoder.decode(value, &e)
		default:
			var e events.FlightDiverted
			return decoder.decode(value, &e)
		}
	})
}
