package contender

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"

	"github.com/headrace/headrace/systemtest/bench/order"
	"github.com/headrace/headrace/systemtest/bench/order/orderavro"
)

type headraceProducer[E schema.Event] struct {
	producer *producer.Producer
	topic    *producer.Topic[E]
	events   []E
	key      func(*E) string
	failed   firstError
}

func produceGenerated(job Job, feed order.Feed) (Producer, error) {
	return newHeadraceProducer(job, feed.Generated, func(o *orderavro.OrderPlaced) string { return o.Customer })
}

func produceHand(job Job, feed order.Feed) (Producer, error) {
	return newHeadraceProducer(job, feed.Hand, func(o *order.Order) string { return o.Customer })
}

func newHeadraceProducer[E schema.Event](job Job, events []E, key func(*E) string) (Producer, error) {
	reg, err := registry.New(job.RegistryURL)
	if err != nil {
		return nil, err
	}
	compression, err := headraceCodec(job.Codec)
	if err != nil {
		return nil, err
	}
	p, err := producer.New(producer.Config{
		Cluster: headrace.Cluster{Brokers: job.Brokers}, Registry: reg, Compression: compression,
	})
	if err != nil {
		return nil, err
	}
	return &headraceProducer[E]{producer: p, topic: producer.For[E](p, job.Topic), events: events, key: key}, nil
}

func headraceCodec(name string) (producer.Compression, error) {
	switch name {
	case "none":
		return producer.NoCompression, nil
	case "lz4":
		return producer.LZ4, nil
	case "zstd":
		return producer.Zstd, nil
	}
	return 0, errors.New("no codec " + name)
}

func (p *headraceProducer[E]) Poster() Post {
	ctx, done := context.Background(), p.failed.posted
	return func(i int) {
		e := &p.events[i&(len(p.events)-1)]
		key := p.key(e) // apart, or the event is copied twice
		p.topic.Post(ctx, key, *e, done)
	}
}

func (p *headraceProducer[E]) Send(ctx context.Context, i int) error {
	e := &p.events[i&(len(p.events)-1)]
	_, err := p.topic.Send(ctx, p.key(e), *e)
	return err
}

func (p *headraceProducer[E]) Flush(ctx context.Context) error {
	return errors.Join(p.producer.Flush(ctx), p.failed.get())
}

func (p *headraceProducer[E]) Close() error { return p.producer.Close(context.Background()) }

func consumeGenerated(ctx context.Context, job Job, seen func() bool) error {
	return consumeHeadrace(ctx, job, seen, 0, func(context.Context, orderavro.OrderPlaced) error { return nil })
}

// consumeLanes has eight handlers at once, in the order of their keys.
func consumeLanes(ctx context.Context, job Job, seen func() bool) error {
	return consumeHeadrace(ctx, job, seen, 8, func(context.Context, orderavro.OrderPlaced) error { return nil })
}

func consumeHand(ctx context.Context, job Job, seen func() bool) error {
	return consumeHeadrace(ctx, job, seen, 0, func(context.Context, order.Order) error { return nil })
}

func chainGenerated(ctx context.Context, job Job, seen func() bool) error {
	reg, err := registry.New(job.RegistryURL)
	if err != nil {
		return err
	}
	p, err := producer.New(producer.Config{Cluster: headrace.Cluster{Brokers: job.Brokers}, Registry: reg})
	if err != nil {
		return err
	}
	to := producer.For[orderavro.OrderPlaced](p, job.To)
	var failed firstError
	done := failed.posted
	err = consumeHeadrace(ctx, job, seen, 0, func(ctx context.Context, o orderavro.OrderPlaced) error {
		to.Post(ctx, o.Customer, o, done)
		return nil
	})
	return errors.Join(err, p.Close(context.WithoutCancel(ctx)), failed.get())
}

func consumeHeadrace[E schema.Event](
	ctx context.Context, job Job, seen func() bool, concurrency int, handle func(context.Context, E) error,
) error {
	reg, err := registry.New(job.RegistryURL)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	w, err := consumer.New(consumer.Config{
		Cluster: headrace.Cluster{Brokers: job.Brokers}, Registry: reg, Group: job.Group, Topics: []string{job.Topic},
		Concurrency: concurrency,
	}, consumer.On(func(ctx context.Context, e E) error {
		if err := handle(ctx, e); err != nil {
			return err
		}
		if !seen() {
			stop()
		}
		return nil
	}))
	if err != nil {
		return err
	}
	return w.Run(ctx)
}

// firstError keeps the first failure of many callbacks.
type firstError struct {
	failed atomic.Bool
	once   sync.Once
	err    error
}

func (f *firstError) set(err error) {
	if err != nil {
		f.once.Do(func() { f.err = err; f.failed.Store(true) })
	}
}

// posted is the callback of an event.
func (f *firstError) posted(_ headrace.Location, err error) { f.set(err) }

func (f *firstError) get() error {
	if f.failed.Load() {
		return f.err
	}
	return nil
}
