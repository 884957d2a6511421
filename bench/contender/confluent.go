package contender

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
	"github.com/confluentinc/confluent-kafka-go/v2/schemaregistry"
	"github.com/confluentinc/confluent-kafka-go/v2/schemaregistry/serde"
	"github.com/confluentinc/confluent-kafka-go/v2/schemaregistry/serde/avrov2"

	"github.com/headrace/headrace/systemtest/bench/order"
)

type confluentProducer struct {
	job    Job
	feed   order.Feed
	client *kafka.Producer
	serde  *avrov2.Serializer
	failed firstError
	done   chan struct{}
}

func confluentConfig(job Job) kafka.ConfigMap {
	c := kafka.ConfigMap{"go.logs.channel.enable": false, "log_level": 3}
	for i, b := range job.Brokers {
		if i == 0 {
			c["bootstrap.servers"] = b
		}
	}
	return c
}

func produceConfluent(job Job, feed order.Feed) (Producer, error) {
	c := confluentConfig(job)
	c["acks"], c["enable.idempotence"] = "all", true
	c["linger.ms"], c["batch.size"], c["batch.num.messages"] = 5, 1<<20, 100_000
	c["queue.buffering.max.messages"], c["queue.buffering.max.kbytes"] = 1<<18, 64<<10
	c["compression.type"], c["partitioner"] = job.Codec, "murmur2_random"
	if job.Task == "send" {
		c["linger.ms"] = 0
	}
	client, err := kafka.NewProducer(&c)
	if err != nil {
		return nil, err
	}
	registry, err := schemaregistry.NewClient(schemaregistry.NewConfig(job.RegistryURL))
	if err != nil {
		return nil, err
	}
	sc := avrov2.NewSerializerConfig()
	sc.AutoRegisterSchemas, sc.UseLatestVersion = false, true
	s, err := avrov2.NewSerializer(registry, serde.ValueSerde, sc)
	if err != nil {
		return nil, err
	}
	p := &confluentProducer{job: job, feed: feed, client: client, serde: s, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		for e := range client.Events() {
			switch e := e.(type) {
			case *kafka.Message:
				p.failed.set(e.TopicPartition.Error)
			case kafka.Error:
				p.failed.set(e)
			}
		}
	}()
	return p, nil
}

func (p *confluentProducer) message(i int) (*kafka.Message, error) {
	o := &p.feed.Hand[p.feed.At(i)]
	value, err := p.serde.Serialize(p.job.Topic, o)
	return &kafka.Message{
		TopicPartition: kafka.TopicPartition{Topic: &p.job.Topic, Partition: kafka.PartitionAny}, Key: []byte(o.Customer), Value: value,
	}, err
}

func (p *confluentProducer) Poster() Post {
	return func(i int) {
		m, err := p.message(i)
		for err == nil {
			if err = p.client.Produce(m, nil); err == nil {
				return
			}
			var full kafka.Error
			if !errors.As(err, &full) || full.Code() != kafka.ErrQueueFull {
				break
			}
			p.client.Flush(1) // the client's advice for a full queue: wait, here a millisecond, and try again
			err = nil
		}
		p.failed.set(err)
	}
}

func (p *confluentProducer) Send(_ context.Context, i int) error {
	m, err := p.message(i)
	if err != nil {
		return err
	}
	delivered := make(chan kafka.Event, 1)
	if err := p.client.Produce(m, delivered); err != nil {
		return err
	}
	sent, ok := (<-delivered).(*kafka.Message)
	if !ok {
		return errors.New("no delivery report")
	}
	return sent.TopicPartition.Error
}

func (p *confluentProducer) Flush(context.Context) error {
	if left := p.client.Flush(60_000); left > 0 {
		return fmt.Errorf("%d events left after a minute", left)
	}
	return p.failed.get()
}

func (p *confluentProducer) Close() error {
	p.client.Close()
	<-p.done
	return p.serde.Close()
}

func consumeConfluent(_ context.Context, job Job, seen func() bool) error {
	c := confluentConfig(job)
	c["group.id"], c["auto.offset.reset"] = job.Group, "earliest"
	c["enable.auto.offset.store"] = false
	client, err := kafka.NewConsumer(&c)
	if err != nil {
		return err
	}
	registry, err := schemaregistry.NewClient(schemaregistry.NewConfig(job.RegistryURL))
	if err != nil {
		return err
	}
	d, err := avrov2.NewDeserializer(registry, serde.ValueSerde, avrov2.NewDeserializerConfig())
	if err != nil {
		return err
	}
	if err := client.Subscribe(job.Topic, nil); err != nil {
		return err
	}
	for {
		m, err := client.ReadMessage(time.Minute)
		if err != nil {
			return errors.Join(err, client.Close())
		}
		var o order.Order
		if err := d.DeserializeInto(job.Topic, m.Value, &o); err != nil {
			return decodeFailed(job, err)
		}
		if _, err := client.StoreMessage(m); err != nil {
			return err
		}
		if !seen() {
			return client.Close()
		}
	}
}
