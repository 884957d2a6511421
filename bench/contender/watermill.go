package contender

import (
	"context"
	"errors"

	"github.com/ThreeDotsLabs/watermill"
	wkafka "github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/headrace/headrace/systemtest/bench/order"
)

// watermillProducer publishes through a publisher that waits for the acknowledgment of each message, also of those of a slice.
type watermillProducer struct {
	job       Job
	feed      order.Feed
	publisher *wkafka.Publisher
	sender    *hambaEncoder
	failed    firstError
}

func produceWatermill(job Job, feed order.Feed) (Producer, error) {
	c := saramaConfig(job)
	c.Producer.Flush.Frequency, c.Producer.Flush.Bytes = 0, 0
	publisher, err := wkafka.NewPublisher(wkafka.PublisherConfig{
		Brokers: job.Brokers, OverwriteSaramaConfig: c,
		Marshaler: wkafka.NewWithPartitioningMarshaler(func(_ string, m *message.Message) (string, error) {
			return m.Metadata.Get("key"), nil
		}),
	}, watermill.NopLogger{})
	if err != nil {
		return nil, err
	}
	return &watermillProducer{job: job, feed: feed, publisher: publisher, sender: newHambaEncoder(order.Schema(), job.SchemaID)}, nil
}

func (p *watermillProducer) message(enc *hambaEncoder, i int) (*message.Message, error) {
	o := &p.feed.Hand[p.feed.At(i)]
	value, err := enc.encode(o)
	m := message.NewMessage(watermill.NewUUID(), value)
	m.Metadata.Set("key", o.Customer)
	return m, err
}

func (p *watermillProducer) Poster() Post {
	enc := newHambaEncoder(order.Schema(), p.job.SchemaID)
	const slice = 1000
	var pending []*message.Message
	posted := 0
	return func(i int) {
		m, err := p.message(enc, i)
		p.failed.set(err)
		pending = append(pending, m)
		if posted++; len(pending) == slice || lastOfGoroutine(p.job, posted) {
			p.failed.set(p.publisher.Publish(p.job.Topic, pending...))
			pending = pending[:0]
		}
	}
}

func (p *watermillProducer) Send(_ context.Context, i int) error {
	m, err := p.message(p.sender, i)
	if err != nil {
		return err
	}
	return p.publisher.Publish(p.job.Topic, m)
}

func (p *watermillProducer) Flush(context.Context) error { return p.failed.get() }
func (p *watermillProducer) Close() error                { return p.publisher.Close() }

func consumeWatermill(ctx context.Context, job Job, seen func() bool) error {
	c := saramaConfig(job)
	c.Consumer.Return.Errors = true
	subscriber, err := wkafka.NewSubscriber(wkafka.SubscriberConfig{
		Brokers: job.Brokers, ConsumerGroup: job.Group, OverwriteSaramaConfig: c, Unmarshaler: wkafka.DefaultMarshaler{},
	}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	messages, err := subscriber.Subscribe(ctx, job.Topic)
	if err != nil {
		return err
	}
	dec := newHambaDecoder(order.Schema())
	for m := range messages {
		var o order.Order
		if err := dec.decode(m.Payload, &o); err != nil {
			return decodeFailed(job, err)
		}
		m.Ack()
		if !seen() {
			stop()
			return subscriber.Close()
		}
	}
	return errors.New("the subscription ended")
}
