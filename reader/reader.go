package reader

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/fetch"
	"github.com/headrace/headrace/internal/headers"
	"github.com/headrace/headrace/internal/kafka"
)

// Record is a record as it lies in Kafka. Key and Value are nil when they are null.
type Record struct {
	Topic     string
	Partition int32
	Offset    int64
	Time      time.Time // in UTC
	Key       []byte
	Value     []byte
	Headers   []headrace.Header

	// Fault is why the record cannot be read: it has more than 65,536 headers or 96 MiB, or breaks the format. Then it has neither key, value
	// nor headers.
	Fault error
}

// Header returns the value of the last header with the key, and whether there is one: Kafka's Java client looks headers up the same way. The
// value is nil when it is null.
func (r *Record) Header(key string) (value []byte, ok bool) { return headers.Find(r.Headers, key) }

// Config says what [Read] reads. Cluster and Topic are needed.
type Config struct {
	Cluster    headrace.Cluster
	Topic      string
	Partitions []int32 // nil: all of them

	// Range is what is read of each partition. An end at "end" or at a time is fixed when the reading starts. An end at an offset that
	// the log does not have yet is waited for.
	Range Range

	// Ranges, when not nil, is read in place of Partitions and Range: what [Resolve] returned, say.
	Ranges []PartitionRange

	// ReadUncommitted also reads records of transactions that are open or aborted.
	ReadUncommitted bool

	// BufferBytes bounds the fetched bytes in memory. Defaults to 64 MiB.
	BufferBytes int

	Logger *zap.Logger // defaults to no log
}

// Read calls fn with every record of a range, in the order of each partition and as they come between partitions, from one
// goroutine. It uses no group and commits nothing.
//
// It returns nil when every partition's end is reached or fn returns [ErrStop]. Any other error of fn is returned as it is, and ctx's
// cause when ctx ends. The record's Key, Value and Headers are only valid until fn returns. A topic that does not exist is a
// *[MissingTopicError], one that is deleted and created again meanwhile a *[RecreatedError], an offset the log does not hold an
// *[OutOfRangeError], a damaged batch a *[CorruptError]. Read waits for brokers that are down.
func Read(ctx context.Context, cfg Config, fn func(Record) error) error {
	if cfg.Logger == nil {
		cfg.Logger = zap.NewNop()
	}
	cfg.BufferBytes = cmp.Or(cfg.BufferBytes, defaultBufferBytes)
	if cfg.BufferBytes < 0 {
		return fmt.Errorf("reader: Config.BufferBytes %d is negative", cfg.BufferBytes)
	}
	client, err := kafka.Open(cfg.Cluster, kafka.WithLogger(cfg.Logger))
	if err != nil {
		return err
	}
	defer client.Close()
	// Offsets belong to this topic, whatever has its name later. A topic that is not there is the business of what follows.
	topic, _ := client.Topic(ctx, cfg.Topic)
	ranges := cfg.Ranges
	if ranges == nil {
		if ranges, err = resolve(ctx, client, cfg.Topic, cfg.Partitions, cfg.Range, !cfg.ReadUncommitted); err != nil {
			return err
		}
	}
	return newReader(client, cfg, topic.ID, ranges).run(ctx, fn)
}

// Defaults of what is fetched and not read yet: altogether, and of one partition.
const (
	defaultBufferBytes    = 64 << 20
	defaultPartitionBytes = 1 << 20
)

// reader is one Read.
type reader struct {
	fetcher    *fetch.Fetcher
	deliveries chan fetch.Delivery
	left       map[*fetch.Feed]*PartitionRange // what is still to be read; From moves on
	batch      batch.Reader
	record     batch.Record
	out        Record
}

func newReader(client *kafka.Client, cfg Config, topicID [16]byte, ranges []PartitionRange) *reader {
	r := &reader{
		deliveries: make(chan fetch.Delivery, len(ranges)),
		left:       make(map[*fetch.Feed]*PartitionRange, len(ranges)),
	}
	r.fetcher = fetch.New(fetch.Config{
		Client: client, Logger: cfg.Logger, ReadCommitted: !cfg.ReadUncommitted,
		BufferBytes: cfg.BufferBytes, PartitionBytes: min(defaultPartitionBytes, cfg.BufferBytes),
		OutOfRange: func(feed *fetch.Feed, asked, logStart, logEnd int64) (int64, error) {
			return 0, &OutOfRangeError{Location: headrace.Location{Topic: feed.Topic, Partition: feed.Partition, Offset: asked}, LogStart: logStart, LogEnd: logEnd}
		},
	})
	for _, pr := range ranges {
		if pr.To < 0 || pr.From < pr.To {
			tp := kafka.TopicPartition{Topic: cfg.Topic, Partition: pr.Partition}
			r.left[fetch.NewFeed(tp, topicID, pr.From, r.deliveries)] = &pr
		}
	}
	return r
}

func (r *reader) run(ctx context.Context, fn func(Record) error) error {
	defer r.fetcher.Stop()
	for feed := range r.left {
		r.fetcher.Add(feed)
	}
	for len(r.left) > 0 {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case d := <-r.deliveries:
			d.Feed.Taken()
			err := d.Err
			if err == nil {
				err = r.read(ctx, &d, fn)
			}
			switch {
			case errors.Is(err, ErrStop):
				return nil
			case err != nil:
				return feedError(d.Feed.TopicPartition, err)
			}
		}
	}
	return nil
}

// read calls fn with the records of a chunk that lie in the feed's range.
func (r *reader) read(ctx context.Context, d *fetch.Delivery, fn func(Record) error) error {
	defer d.Chunk.Release()
	want := r.left[d.Feed]
	if want == nil {
		return nil // it came before its feed was told to end
	}
	for _, b := range d.Chunk.Batches {
		if err := r.batch.Open(b, batch.Limits{RecordBytes: batch.ReadBytes}); err != nil {
			return &fetch.CorruptError{Offset: b.BaseOffset, Err: err}
		}
		for {
			more, fault := r.batch.Next(&r.record)
			if !more && fault != nil {
				return &fetch.CorruptError{Offset: want.From, Err: fault}
			}
			if !more || want.To >= 0 && r.record.Offset >= want.To {
				break
			}
			if r.record.Offset < want.From {
				continue
			}
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			if fault != nil {
				r.record.Value = nil
			}
			if err := fn(r.view(d.Feed.TopicPartition, fault)); err != nil {
				return err
			}
			want.From = r.record.Offset + 1
		}
	}
	want.From = max(want.From, d.Chunk.End)
	if want.To >= 0 && want.From >= want.To {
		r.fetcher.Remove(d.Feed)
		delete(r.left, d.Feed)
	}
	return nil
}

func (r *reader) view(tp kafka.TopicPartition, fault error) Record {
	rec := &r.record
	r.out = Record{
		Topic: tp.Topic, Partition: tp.Partition, Offset: rec.Offset, Time: time.UnixMilli(rec.Timestamp).UTC(),
		Key: rec.Key, Value: rec.Value, Headers: rec.Headers(r.out.Headers[:0]), Fault: fault,
	}
	return r.out
}

// feedError names what ended a partition's feed.
func feedError(tp kafka.TopicPartition, err error) error {
	if corrupt, ok := errors.AsType[*fetch.CorruptError](err); ok {
		return &CorruptError{Location: headrace.Location{Topic: tp.Topic, Partition: tp.Partition, Offset: corrupt.Offset}, Err: corrupt.Err}
	}
	if other, ok := errors.AsType[*fetch.OtherTopicError](err); ok {
		return &RecreatedError{Topic: other.Topic, Was: kafka.TopicIDText(other.Was), Now: kafka.TopicIDText(other.Now)}
	}
	return err
}
