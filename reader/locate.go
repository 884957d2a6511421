package reader

import (
	"context"
	"errors"

	"github.com/headrace/headrace/internal/kafka"
)

// OffsetIn returns the offset of the position in a log whose first offset is start and whose next event gets offset end. A position made by
// [AtTime] also needs atTime, the offset of the first event at or after that time, which is negative when there is none. Distances stay
// within the log. An exact offset is returned as it is.
func (p Position) OffsetIn(start, end, atTime int64) int64 {
	switch p.kind {
	case positionOffset:
		return p.number
	case positionAfterStart:
		if p.number > end-start { // and no overflow
			return end
		}
		return start + p.number
	case positionBeforeEnd:
		if p.number > end-start {
			return start
		}
		return end - p.number
	case positionTime:
		if atTime < 0 {
			return end
		}
		return atTime
	case positionEnd:
		return end
	case positionStart, positionNone:
	}
	return start
}

// locate turns a position into an offset of each partition, in their order.
func locate(ctx context.Context, client *kafka.Client, readCommitted bool, at Position, partitions []kafka.TopicPartition) ([]int64, error) {
	when, _ := at.Time() // zero when no time has to be looked up
	bounds, errs := client.Bounds(ctx, readCommitted, when, partitions)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	offsets := make([]int64, len(bounds))
	for i, b := range bounds {
		offsets[i] = at.OffsetIn(b.Start, b.End, b.AtTime)
	}
	return offsets, nil
}
