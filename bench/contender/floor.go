package contender

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/schema"

	"github.com/headrace/headrace/systemtest/bench/order"
)

// floorProducer sends batches that were built before the clock started, over the transport headrace uses: what is left is
// the cost of moving bytes. It has no idempotence, since that would mean stamping, and so touching, every batch.
type floorProducer struct {
	client  *kafka.Client
	job     Job
	leaders map[int32][]int32 // node to its partitions
	raw     []byte            // one batch, sent to every partition
	perTurn int               // events in raw

	mu      sync.Mutex
	posted  int
	sending sync.WaitGroup
	turns   chan int32
	failed  firstError
}

const floorBatch = 1 << 20

func produceFloor(job Job, feed order.Feed) (Producer, error) {
	client, err := kafka.Open(headrace.Cluster{Brokers: job.Brokers})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	topic, err := client.Topic(ctx, job.Topic)
	if err != nil {
		return nil, err
	}
	p := &floorProducer{client: client, job: job, leaders: map[int32][]int32{}}
	for _, partition := range topic.Partitions {
		p.leaders[partition.Leader] = append(p.leaders[partition.Leader], partition.ID)
	}
	if p.raw, p.perTurn, err = prebuilt(job, feed); err != nil {
		return nil, err
	}
	// A leader that was elected a moment ago may not know it yet.
	for _, partition := range topic.Partitions {
		if err := client.Retry(ctx, func(ctx context.Context) error { return p.send(ctx, partition.ID) }); err != nil {
			return nil, err
		}
	}
	// Two requests at once, as the sender has.
	p.turns = make(chan int32, 2)
	for range cap(p.turns) {
		p.sending.Go(func() {
			for first := range p.turns {
				p.failed.set(p.send(context.Background(), first))
			}
		})
	}
	return p, nil
}

func prebuilt(job Job, feed order.Feed) (raw []byte, events int, err error) {
	codec := map[string]batch.Codec{"none": batch.None, "lz4": batch.LZ4, "zstd": batch.Zstd}[job.Codec]
	var b batch.Builder
	b.Reset(nil)
	for b.Len()+job.Size+100 < floorBatch || events == 0 {
		o := &feed.Generated[feed.At(events)]
		dst := b.Begin(o.PlacedAt.UnixMilli(), []byte(o.Customer))
		if dst, err = o.AppendAvro(schema.AppendID(dst, job.SchemaID)); err != nil {
			return nil, 0, err
		}
		if _, err = b.End(dst, nil); err != nil {
			return nil, 0, err
		}
		events++
	}
	raw, err = b.Seal(codec)
	return raw, events, err
}

// send writes the batch once, to as many partitions as there are, from the first one on.
func (p *floorProducer) send(ctx context.Context, partition int32) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for node, partitions := range p.leaders {
		if partition >= int32(len(partitions)) {
			continue
		}
		req := &kafka.ProduceRequest{Partitions: []kafka.ProduceBatch{{Topic: p.job.Topic, Partition: partitions[partition], Batch: p.raw}}}
		resp, err := p.client.Produce(ctx, node, req)
		if err != nil {
			return err
		}
		for _, answer := range resp.Partitions {
			if answer.Err != nil {
				return answer.Err
			}
		}
		return nil
	}
	return errors.New("no leader")
}

func (p *floorProducer) Poster() Post {
	return func(int) {
		p.mu.Lock()
		p.posted++
		due := p.posted%p.perTurn == 0
		turn := p.posted / p.perTurn
		p.mu.Unlock()
		if due {
			for _, partitions := range p.leaders {
				p.turns <- int32(turn % len(partitions))
				return
			}
		}
	}
}

func (p *floorProducer) Send(context.Context, int) error {
	return fmt.Errorf("%s does not send one by one", p.job.Contender)
}

func (p *floorProducer) Flush(context.Context) error { return p.failed.get() }

func (p *floorProducer) Close() error {
	close(p.turns)
	p.sending.Wait()
	p.client.Close()
	return p.failed.get()
}

// consumeFloor fetches and counts whole batches, in no group and without looking at a record.
func consumeFloor(ctx context.Context, job Job, seen func() bool) error {
	client, err := kafka.Open(headrace.Cluster{Brokers: job.Brokers})
	if err != nil {
		return err
	}
	defer client.Close()
	topic, err := client.Topic(ctx, job.Topic)
	if err != nil {
		return err
	}
	wanted := map[int32][]kafka.FetchPartition{}
	for _, p := range topic.Partitions {
		wanted[p.Leader] = append(wanted[p.Leader], kafka.FetchPartition{Topic: job.Topic, Partition: p.ID, LeaderEpoch: -1, MaxBytes: 1 << 20})
	}
	for {
		for node, partitions := range wanted {
			more, err := floorFetch(ctx, client, node, partitions, seen)
			if err != nil || !more {
				return err
			}
		}
	}
}

func floorFetch(ctx context.Context, client *kafka.Client, node int32, partitions []kafka.FetchPartition, seen func() bool) (bool, error) {
	resp, err := client.Fetch(ctx, node, &kafka.FetchRequest{Partitions: partitions, MaxWait: time.Second, MaxBytes: 32 << 20})
	if err != nil {
		return false, err
	}
	defer resp.Release()
	for _, got := range resp.Partitions {
		if got.Err != nil {
			return false, got.Err
		}
		for data := got.Records; len(data) > 0; {
			b, rest, err := batch.Next(data)
			if errors.Is(err, batch.ErrTruncated) {
				break
			}
			if err != nil {
				return false, err
			}
			data = rest
			partitions[got.Partition].Offset = b.LastOffset + 1
			for range b.Count {
				if !seen() {
					return false, nil
				}
			}
		}
	}
	return true, nil
}
