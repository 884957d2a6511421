package fetch

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"github.com/headrace/headrace/internal/kafka"
)

var errNoLeader = errors.New("the partition has no leader")

// outOfRange asks the log for its bounds and Config.OutOfRange where to go on. The caller is a goroutine of the fetcher.
func (f *Fetcher) outOfRange(feed *Feed) {
	feed.loop.Store(nil)
	f.wg.Go(func() {
		start, end, err := f.bounds(feed)
		if f.ctx.Err() != nil || feed.closed.Load() {
			return
		}
		if err != nil {
			feed.fail(err)
			return
		}
		if _, _, err := f.leader(feed); err != nil { // the bounds may be another topic's
			f.seek(feed, err)
			return
		}
		asked := feed.position
		if start <= asked && asked <= end { // the answer came from a replica that was behind
			f.seek(feed, errNoLeader)
			return
		}
		next, err := f.cfg.OutOfRange(feed, asked, start, end)
		if err != nil {
			feed.fail(err)
			return
		}
		feed.position = next
		feed.deliver(Delivery{Chunk: Chunk{From: next, End: next}, Moved: true})
		f.seek(feed, nil)
	})
}

// bounds returns the first offset the partition holds and the one its next record gets.
func (f *Fetcher) bounds(feed *Feed) (start, end int64, err error) {
	for failures := 1; ; failures++ {
		err = f.cfg.Client.Retry(f.ctx, func(ctx context.Context) error {
			answers, err := f.cfg.Client.ListOffsets(ctx, false,
				kafka.OffsetQuery{Topic: feed.Topic, Partition: feed.Partition, Timestamp: kafka.Earliest},
				kafka.OffsetQuery{Topic: feed.Topic, Partition: feed.Partition, Timestamp: kafka.Latest})
			if err == nil {
				start, end = answers[0].Offset, answers[1].Offset
			}
			return err
		})
		if err == nil || !kafka.Retriable(err) || feed.closed.Load() {
			return start, end, err
		}
		f.cfg.Logger.Warn("offset is out of range and the log's bounds are unavailable: asking again",
			zap.String("topic", feed.Topic), zap.Int32("partition", feed.Partition), zap.Int64("offset", feed.position), zap.Error(err))
		if !f.sleep(pauseAfter(failures)) {
			return 0, 0, f.ctx.Err()
		}
	}
}
