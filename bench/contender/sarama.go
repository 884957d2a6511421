package contender

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"github.com/headrace/headrace/systemtest/bench/order"
)

type saramaProducer struct {
	job     Job
	feed    order.Feed
	async   sarama.AsyncProducer
	sync    sarama.SyncProducer
	sender  *hambaEncoder
	waiting atomic.Int64
	drained chan struct{}
	failed  firstError
	ends    sync.WaitGroup
}

func saramaConfig(job Job) *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.V3_6_0_0
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Idempotent = true
	c.Net.MaxOpenRequests = 1 // what Idempotent asks for
	c.Producer.Return.Successes = true
	c.Producer.Partitioner = sarama.NewHashPartitioner
	c.Producer.Flush.Frequency = 10 * time.Millisecond
	c.Producer.Flush.Bytes = 1 << 20
	c.Producer.MaxMessageBytes = 1 << 20
	c.ChannelBufferSize = 1 << 14
	c.Producer.Compression = map[string]sarama.CompressionCodec{
		"none": sarama.CompressionNone, "lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD,
	}[job.Codec]
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Fetch.Default = 1 << 20
	return c
}

func produceSarama(job Job, feed order.Feed) (Producer, error) {
	c := saramaConfig(job)
	if job.Task == "send" {
		c.Producer.Flush.Frequency, c.Producer.Flush.Bytes = 0, 0
		s, err := sarama.NewSyncProducer(job.Brokers, c)
		return &saramaProducer{job: job, feed: feed, sync: s, sender: newHambaEncoder(order.Schema(), job.SchemaID)}, err
	}
	a, err := sarama.NewAsyncProducer(job.Brokers, c)
	if err != nil {
		return nil, err
	}
	p := &saramaProducer{job: job, feed: feed, async: a, drained: make(chan struct{}, 1)}
	p.ends.Go(func() {
		for range a.Successes() {
			p.settle()
		}
	})
	p.ends.Go(func() {
		for e := range a.Errors() {
			p.failed.set(e)
			p.settle()
		}
	})
	return p, nil
}

func (p *saramaProducer) settle() {
	if p.waiting.Add(-1) == 0 {
		select {
		case p.drained <- struct{}{}:
		default:
		}
	}
}

func (p *saramaProducer) message(enc *hambaEncoder, i int) (*sarama.ProducerMessage, error) {
	o := &p.feed.Hand[p.feed.At(i)]
	value, err := enc.encode(o)
	return &sarama.ProducerMessage{
		Topic: p.job.Topic, Key: sarama.StringEncoder(o.Customer), Value: sarama.ByteEncoder(value),
	}, err
}

func (p *saramaProducer) Poster() Post {
	enc := newHambaEncoder(order.Schema(), p.job.SchemaID)
	return func(i int) {
		m, err := p.message(enc, i)
		if err != nil {
			p.failed.set(err)
			return
		}
		p.waiting.Add(1)
		p.async.Input() <- m
	}
}

func (p *saramaProducer) Send(_ context.Context, i int) error {
	m, err := p.message(p.sender, i)
	if err != nil {
		return err
	}
	_, _, err = p.sync.SendMessage(m)
	return err
}

func (p *saramaProducer) Flush(ctx context.Context) error {
	for p.waiting.Load() > 0 {
		select {
		case <-p.drained:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return p.failed.get()
}

func (p *saramaProducer) Close() error {
	if p.sync != nil {
		return p.sync.Close()
	}
	p.async.AsyncClose()
	p.ends.Wait()
	return nil
}

func consumeSarama(ctx context.Context, job Job, seen func() bool) error {
	group, err := sarama.NewConsumerGroup(job.Brokers, job.Group, saramaConfig(job))
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	h := &saramaHandler{job: job, dec: newHambaDecoder(order.Schema()), seen: seen, stop: stop}
	for ctx.Err() == nil && err == nil {
		err = group.Consume(ctx, []string{job.Topic}, h)
	}
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return errors.Join(err, h.failed.get(), group.Close())
}

type saramaHandler struct {
	job    Job
	dec    *hambaDecoder
	seen   func() bool
	stop   func()
	failed firstError
}

func (*saramaHandler) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (*saramaHandler) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (h *saramaHandler) ConsumeClaim(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for m := range claim.Messages() {
		var o order.Order
		if err := h.dec.decode(m.Value, &o); err != nil {
			h.failed.set(decodeFailed(h.job, err))
			h.stop()
			return err
		}
		s.MarkMessage(m, "")
		if !h.seen() {
			h.stop()
			return nil
		}
	}
	return nil
}
