package contender

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace/systemtest/bench/order"
)

type franzProducer struct {
	job    Job
	feed   order.Feed
	client *kgo.Client
	sender *hambaEncoder
	failed firstError
}

// franzProduceOptions are a larger buffer and batch than the defaults, and its default linger.
func franzProduceOptions(job Job, topic string) []kgo.Opt {
	codec := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}[job.Codec]
	return []kgo.Opt{
		kgo.SeedBrokers(job.Brokers...), kgo.DefaultProduceTopic(topic), kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchMaxBytes(1 << 20), kgo.MaxBufferedRecords(1 << 18), kgo.MaxBufferedBytes(64 << 20),
		kgo.ProducerBatchCompression(codec),
	}
}

func produceFranz(job Job, feed order.Feed) (Producer, error) {
	client, err := kgo.NewClient(franzProduceOptions(job, job.Topic)...)
	if err != nil {
		return nil, err
	}
	return &franzProducer{job: job, feed: feed, client: client, sender: newHambaEncoder(order.Schema(), job.SchemaID)}, nil
}

func (p *franzProducer) record(enc *hambaEncoder, i int) (*kgo.Record, error) {
	o := &p.feed.Hand[p.feed.At(i)]
	value, err := enc.encode(o)
	return &kgo.Record{Key: []byte(o.Customer), Value: value}, err
}

func (p *franzProducer) Poster() Post {
	ctx, enc := context.Background(), newHambaEncoder(order.Schema(), p.job.SchemaID)
	done := func(_ *kgo.Record, err error) { p.failed.set(err) }
	return func(i int) {
		r, err := p.record(enc, i)
		if err != nil {
			p.failed.set(err)
			return
		}
		p.client.Produce(ctx, r, done)
	}
}

func (p *franzProducer) Send(ctx context.Context, i int) error {
	r, err := p.record(p.sender, i)
	if err != nil {
		return err
	}
	return p.client.ProduceSync(ctx, r).FirstErr()
}

func (p *franzProducer) Flush(ctx context.Context) error {
	return errors.Join(p.client.Flush(ctx), p.failed.get())
}

func (p *franzProducer) Close() error { p.client.Close(); return nil }

func consumeFranz(ctx context.Context, job Job, seen func() bool) error {
	return franzLoop(ctx, job, seen, func(*order.Order) error { return nil })
}

func chainFranz(ctx context.Context, job Job, seen func() bool) error {
	out, err := kgo.NewClient(franzProduceOptions(job, job.To)...)
	if err != nil {
		return err
	}
	defer out.Close()
	var failed firstError
	enc := newHambaEncoder(order.Schema(), job.SchemaID)
	done := func(_ *kgo.Record, err error) { failed.set(err) }
	err = franzLoop(ctx, job, seen, func(o *order.Order) error {
		value, err := enc.encode(o)
		if err == nil {
			out.Produce(ctx, &kgo.Record{Key: []byte(o.Customer), Value: value}, done)
		}
		return err
	})
	return errors.Join(err, out.Flush(ctx), failed.get())
}

func franzLoop(ctx context.Context, job Job, seen func() bool, handle func(*order.Order) error) error {
	dec := newHambaDecoder(order.Schema())
	return franzPoll(ctx, job, seen, func(value []byte) error {
		var o order.Order
		if err := dec.decode(value, &o); err != nil {
			return err
		}
		return handle(&o)
	})
}

func franzPoll(ctx context.Context, job Job, seen func() bool, handle func(value []byte) error) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(job.Brokers...), kgo.ConsumerGroup(job.Group), kgo.ConsumeTopics(job.Topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.AutoCommitMarks(),
	)
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		for iter := fetches.RecordIter(); !iter.Done(); {
			r := iter.Next()
			if err := handle(r.Value); err != nil {
				return decodeFailed(job, err)
			}
			client.MarkCommitRecords(r)
			if !seen() {
				return client.CommitMarkedOffsets(ctx)
			}
		}
	}
}
