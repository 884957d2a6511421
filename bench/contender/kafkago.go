package contender

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/headrace/headrace/systemtest/bench/order"
)

// kafkaGoProducer posts through an asynchronous Writer, which has no flush: Flush closes it and opens another.
type kafkaGoProducer struct {
	job    Job
	feed   order.Feed
	writer *kafka.Writer
	sync   *kafka.Writer
	sender *hambaEncoder
	failed firstError
}

func produceKafkaGo(job Job, feed order.Feed) (Producer, error) {
	p := &kafkaGoProducer{job: job, feed: feed, sender: newHambaEncoder(order.Schema(), job.SchemaID)}
	p.writer = p.open(true)
	return p, nil
}

func (p *kafkaGoProducer) open(async bool) *kafka.Writer {
	w := &kafka.Writer{
		Addr: kafka.TCP(p.job.Brokers...), Topic: p.job.Topic, Balancer: kafka.Murmur2Balancer{}, RequiredAcks: kafka.RequireAll,
		BatchSize: 10_000, BatchBytes: 1 << 20, BatchTimeout: 10 * time.Millisecond, Async: async,
		Compression: map[string]kafka.Compression{"lz4": kafka.Lz4, "zstd": kafka.Zstd}[p.job.Codec],
		Completion:  func(_ []kafka.Message, err error) { p.failed.set(err) },
	}
	if !async {
		w.BatchSize, w.BatchTimeout = 1, time.Millisecond
	}
	return w
}

func (p *kafkaGoProducer) Poster() Post {
	ctx, enc := context.Background(), newHambaEncoder(order.Schema(), p.job.SchemaID)
	// Handing messages over one by one costs the Writer a lock each; its documentation advises slices.
	const slice = 256
	pending := make([]kafka.Message, 0, slice)
	posted := 0
	return func(i int) {
		o := &p.feed.Hand[p.feed.At(i)]
		value, err := enc.encode(o)
		p.failed.set(err)
		pending = append(pending, kafka.Message{Key: []byte(o.Customer), Value: value})
		if posted++; len(pending) == slice || lastOfGoroutine(p.job, posted) {
			p.failed.set(p.writer.WriteMessages(ctx, pending...))
			pending = pending[:0]
		}
	}
}

func (p *kafkaGoProducer) Send(ctx context.Context, i int) error {
	if p.sync == nil {
		p.sync = p.open(false)
	}
	o := &p.feed.Hand[p.feed.At(i)]
	value, err := p.sender.encode(o)
	if err != nil {
		return err
	}
	return p.sync.WriteMessages(ctx, kafka.Message{Key: []byte(o.Customer), Value: value})
}

func (p *kafkaGoProducer) Flush(context.Context) error {
	err := p.writer.Close()
	p.writer = p.open(true)
	return errors.Join(err, p.failed.get())
}

func (p *kafkaGoProducer) Close() error {
	if p.sync != nil {
		return errors.Join(p.writer.Close(), p.sync.Close())
	}
	return p.writer.Close()
}

func consumeKafkaGo(ctx context.Context, job Job, seen func() bool) error {
	r := kafka.NewReader(kafka.ReaderConfig{
		Brokers: job.Brokers, GroupID: job.Group, Topic: job.Topic, MinBytes: 1, MaxBytes: 10 << 20, QueueCapacity: 10_000,
		CommitInterval: time.Second, StartOffset: kafka.FirstOffset, MaxWait: 500 * time.Millisecond,
	})
	dec := newHambaDecoder(order.Schema())
	for {
		m, err := r.FetchMessage(ctx)
		if err != nil {
			return errors.Join(fmt.Errorf("fetch: %w", err), r.Close())
		}
		var o order.Order
		if err := dec.decode(m.Value, &o); err != nil {
			return decodeFailed(job, err)
		}
		if err := r.CommitMessages(ctx, m); err != nil {
			return err
		}
		if !seen() {
			return r.Close()
		}
	}
}
