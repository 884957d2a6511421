package consumer

import (
	"cmp"
	"context"
	"errors"

	"github.com/headrace/headrace/internal/kafka"
)

// locate turns a position into an offset of each partition, in their order.
func locate(ctx context.Context, client *kafka.Client, readCommitted bool, at Position, partitions []kafka.TopicPartition) ([]int64, error) {
	bounds, errs := boundsOf(ctx, client, readCommitted, at, partitions)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	offsets := make([]int64, len(bounds))
	for i, b := range bounds {
		offsets[i] = b.locate(at)
	}
	return offsets, nil
}

// bounds is what has to be known of a partition to locate a position in it.
type bounds struct {
	start, end int64
	atTime     int64 // -1: nothing at or after the time asked for
}

// locate is the offset of a position. Distances stay within the log; an exact offset is left as it is.
func (b bounds) locate(at Position) int64 {
	switch at.kind {
	case positionOffset:
		return at.number
	case positionAfterStart:
		if at.number > b.end-b.start { // and no overflow
			return b.end
		}
		return b.start + at.number
	case positionBeforeEnd:
		if at.number > b.end-b.start {
			return b.start
		}
		return b.end - at.number
	case positionTime:
		if b.atTime < 0 {
			return b.end
		}
		return b.atTime
	case positionEnd:
		return b.end
	case positionStart, positionNone:
	}
	return b.start
}

// boundsOf asks for the bounds of partitions. Both answers are in the partitions' order.
func boundsOf(ctx context.Context, client *kafka.Client, readCommitted bool, at Position, partitions []kafka.TopicPartition) ([]bounds, []error) {
	asks := []int64{kafka.Earliest, kafka.Latest}
	if at.kind == positionTime {
		asks = append(asks, at.number)
	}
	queries := make([]kafka.OffsetQuery, 0, len(asks)*len(partitions))
	for _, tp := range partitions {
		for _, timestamp := range asks {
			queries = append(queries, kafka.OffsetQuery{Topic: tp.Topic, Partition: tp.Partition, Timestamp: timestamp})
		}
	}
	answers, _ := client.ListOffsets(ctx, readCommitted, queries...) // each answer has its own error
	found, errs := make([]bounds, len(partitions)), make([]error, len(partitions))
	for i := range partitions {
		of := answers[i*len(asks):][:len(asks)]
		for _, a := range of {
			errs[i] = cmp.Or(errs[i], a.Err)
		}
		found[i] = bounds{start: of[0].Offset, end: of[1].Offset, atTime: -1}
		if at.kind == positionTime {
			found[i].atTime = of[2].Offset
		}
	}
	return found, errs
}
