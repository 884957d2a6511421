package consumer

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/headrace/headrace/consumer/internal/fetch"
	"github.com/headrace/headrace/consumer/internal/progress"
	"github.com/headrace/headrace/internal/kafka"
)

// begin starts partitions where the group has left them. It waits out outages.
func (e *engine) begin(partitions []*partition) {
	names := make([]kafka.TopicPartition, len(partitions))
	for i, p := range partitions {
		names[i] = p.TopicPartition
	}
	var committed []kafka.CommittedOffset
	err := e.insist("group's offsets", func(ctx context.Context) (err error) {
		committed, err = e.client.FetchOffsets(ctx, e.cfg.Group, names...)
		return err
	})
	if err != nil {
		return
	}
	notes, err := e.recall(partitions, committed)
	if err != nil {
		return
	}
	var fresh []*partition
	var freshNames []kafka.TopicPartition
	for i, p := range partitions {
		e.await(p)
		if c := committed[i]; c.Offset >= 0 {
			p.place(notes[i], c.Offset, c.Metadata)
			p.start()
			continue
		}
		fresh = append(fresh, p)
		freshNames = append(freshNames, p.TopicPartition)
	}
	e.commits.soon() // else the first event of each waits for it
	if len(fresh) == 0 {
		return
	}

	var starts []int64
	err = e.insist("start position", func(ctx context.Context) (err error) {
		starts, err = locate(ctx, e.client, !e.cfg.Tuning.ReadUncommitted, e.cfg.Start, freshNames)
		return err
	})
	if err != nil {
		return
	}
	for i, p := range fresh {
		p.log().Info("group has no offset of this partition: starting it", zap.Stringer("from", e.cfg.Start), zap.Int64("offset", starts[i]))
		p.place(progress.Note{Done: progress.NewDone(starts[i])}, -1, "")
	}
	// From the first event on, the start is the group's: what is written while nobody works is not skipped by the next start.
	e.commits.settle(e.ctx, fresh)
	for _, p := range fresh {
		p.start()
	}
}

// await waits for the handler of a partition that this worker owned before, and lost, so that no two handle it at once.
func (e *engine) await(p *partition) {
	before := e.predecessor(p.TopicPartition)
	if before == nil {
		return
	}
	select {
	case <-before.exited:
		e.forget(before)
	case <-p.going.Done():
	case <-e.ctx.Done():
	}
}

// insist calls what asks the cluster for something until it gets an answer. An error is either the worker's end, or has been made it.
func (e *engine) insist(what string, ask func(context.Context) error) error {
	for failures := 1; ; failures++ {
		err := e.client.Retry(e.ctx, ask)
		switch {
		case err == nil:
			return nil
		case e.ctx.Err() != nil:
			return err
		case !kafka.Retriable(err):
			e.fail(fmt.Errorf("consumer: group %s: %w", e.cfg.Group, err))
			return err
		}
		e.cfg.Logger.Warn(what+" not to be had: asking again", zap.String("group", e.cfg.Group), zap.Error(err))
		timer := time.NewTimer(jitter(outage.Delay(failures)))
		select {
		case <-e.ctx.Done():
			timer.Stop()
		case <-timer.C:
		}
	}
}

// outOfRange is the policy for offsets that the log does not hold.
func (e *engine) outOfRange(feed *fetch.Feed, asked, logStart, logEnd int64) (int64, error) {
	problem := &OutOfRangeError{At: At{Topic: feed.Topic, Partition: feed.Partition, Offset: asked}, LogStart: logStart, LogEnd: logEnd}
	var to int64
	switch e.cfg.Tuning.OutOfRange {
	case OutOfRangeStart:
		to = logStart
	case OutOfRangeEnd:
		to = logEnd
	case OutOfRangeStop:
		return 0, problem
	}
	e.cfg.Logger.Error("offset out of range: going on elsewhere", zap.String("topic", feed.Topic), zap.Int32("partition", feed.Partition),
		zap.Int64("asked", asked), zap.Int64("log start", logStart), zap.Int64("log end", logEnd), zap.Int64("from", to))
	return to, nil
}
