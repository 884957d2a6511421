package kafka

import (
	"cmp"
	"context"
	"time"
)

// Bounds is what a partition's log holds.
type Bounds struct {
	Start  int64 // the first offset that is still there
	End    int64 // the offset of the next record; with readCommitted the last stable offset
	AtTime int64 // of the first record at or after the time asked for; -1 when there is none, or none was asked for
}

// Bounds asks for the bounds of partitions and, unless at is zero, for the first record at or after that time. Both answers are in the
// order of the partitions: each has its own error.
func (c *Client) Bounds(ctx context.Context, readCommitted bool, at time.Time, partitions []TopicPartition) ([]Bounds, []error) {
	timestamps := []int64{Earliest, Latest}
	if !at.IsZero() {
		timestamps = append(timestamps, at.UnixMilli())
	}
	queries := make([]OffsetQuery, 0, len(timestamps)*len(partitions))
	for _, tp := range partitions {
		for _, t := range timestamps {
			queries = append(queries, OffsetQuery{Topic: tp.Topic, Partition: tp.Partition, Timestamp: t})
		}
	}
	answers, _ := c.ListOffsets(ctx, readCommitted, queries...) // each answer has its own error
	found, errs := make([]Bounds, len(partitions)), make([]error, len(partitions))
	for i := range partitions {
		of := answers[i*len(timestamps):][:len(timestamps)]
		for _, a := range of {
			errs[i] = cmp.Or(errs[i], a.Err)
		}
		found[i] = Bounds{Start: of[0].Offset, End: of[1].Offset, AtTime: -1}
		if !at.IsZero() {
			found[i].AtTime = of[2].Offset
		}
	}
	return found, errs
}
