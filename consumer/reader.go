package consumer

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/headrace/headrace"
)

// Record is a record as it lies in Kafka. Key and Value are nil when they are null.
type Record struct {
	Topic     string
	Partition int32
	Offset    int64
	Time      time.Time // in UTC
	Key       []byte
	Value     []byte
	Headers   []Header
}

// PartitionRange is a stretch of one partition: the offsets from From up to, not including, To.
type PartitionRange struct {
	Partition int32
	From      int64
	To        int64 // negative: no end
}

// ReadConfig describes what [Read] reads.
type ReadConfig struct {
	Cluster    headrace.Cluster
	Topic      string
	Partitions []int32 // nil: all of them

	// Range is what is read of each partition. An end at "end" or at a time is fixed when the reading starts.
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
// It returns nil when every partition's end is reached, or when fn returns [ErrStopRead]; another error of fn as it is; and ctx's
// cause when ctx ends. The record's Key, Value and Headers are only valid until fn returns. An offset the log does not hold is an
// *[OutOfRangeError]. Broker outages are waited for.
func Read(ctx context.Context, cfg ReadConfig, fn func(Record) error) error {
	return errors.New("consumer: not built yet")
}

// Resolve turns a range into offsets of each partition, as they are now: nil partitions are all of the topic's.
func Resolve(ctx context.Context, cluster headrace.Cluster, topic string, partitions []int32, r Range) ([]PartitionRange, error) {
	return nil, errors.New("consumer: not built yet")
}
