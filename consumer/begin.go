package consumer

import (
	"context"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer/internal/progress"
	"github.com/headrace/headrace/internal/fetch"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/reader"
)

// begin starts partitions where the group has left them, each as soon as what it needs is known: a partition, a topic or a broker in
// trouble holds up no other. It waits out outages.
func (e *engine) begin(partitions []*partition) {
	e.ask("group's offsets", partitions, func(ctx context.Context, asked []*partition) []error {
		names := make([]kafka.TopicPartition, len(asked))
		for i, p := range asked {
			names[i] = p.TopicPartition
		}
		committed, err := e.client.FetchOffsets(ctx, e.cfg.Group, names...)
		if committed == nil {
			return allFailed(asked, err)
		}
		errs := make([]error, len(asked))
		byTopic := make(map[string][]*partition)
		for i, p := range asked {
			if errs[i] = committed[i].Err; errs[i] == nil {
				p.recalled = recalled{offset: committed[i].Offset, metadata: committed[i].Metadata}
				byTopic[p.Topic] = append(byTopic[p.Topic], p)
			}
		}
		for _, ps := range byTopic {
			e.wg.Go(func() { e.beginTopic(ps) }) //nolint:contextcheck // ctx is that of one question
		}
		return errs
	})
}

// beginTopic starts partitions of one topic whose committed offsets are known.
func (e *engine) beginTopic(partitions []*partition) {
	e.ask("topic's id", partitions, func(ctx context.Context, asked []*partition) []error {
		topic, err := e.topicOf(ctx, asked)
		if err != nil {
			return allFailed(asked, err)
		}
		var unknown, claims []*partition
		for _, p := range asked {
			p.kafkaLog = progress.Log{Cluster: e.client.ClusterID(), Topic: topic.ID, Partition: p.Partition}
			switch {
			case !p.recall():
				unknown = append(unknown, p)
			case p.recalled.note.Mark != progress.Mark{} || len(p.recalled.note.Done.Beyond()) > 0:
				claims = append(claims, p)
			default:
				e.goOn(p) //nolint:contextcheck // handlers run under the contexts of their partitions
			}
		}
		e.locate("log's end", reader.AtEnd(), false, claims, func(found []*partition, ends []int64) { //nolint:contextcheck // as above
			for i, p := range found {
				p.recalled.note.Cut(ends[i])
			}
			e.goOnAfter(found)
		})
		e.beginUnknown(topic, unknown) //nolint:contextcheck // as above
		return make([]error, len(asked))
	})
}

// goOn starts a partition where the group has left it.
func (e *engine) goOn(p *partition) {
	r := p.recalled
	p.recalled = recalled{}
	p.setPosition(r.note, r.offset, r.metadata)
	e.commits.soon() // else its first event waits for it
	e.startAlone(p)
}

// beginAt starts partitions that the group has no offset of. From the first event on, the start is the group's: what is written while
// nobody works is not skipped by the next start.
func (e *engine) beginAt(start reader.Position, partitions []*partition, starts []int64) {
	for i, p := range partitions {
		p.log().Info("group has no offset of this partition: starting it", zap.Stringer("from", start), zap.Int64("offset", starts[i]))
		p.setPosition(progress.Note{Done: progress.NewDone(starts[i])}, -1, "")
	}
	for failures := 1; len(partitions) > 0; failures++ {
		again := e.commits.commit(e.ctx, partitions, false)
		for _, p := range partitions {
			if !slices.Contains(again, p) {
				e.startAlone(p)
			}
		}
		if partitions = again; len(partitions) > 0 && !e.sleep(outage.Delay(failures)) {
			return
		}
	}
}

// startAlone starts a partition once no handler of it runs that this worker called before it lost the partition, so that no two handle it
// at once. It does not block.
func (e *engine) startAlone(p *partition) {
	before := e.predecessor(p.TopicPartition)
	if before == nil {
		p.start()
		return
	}
	p.paused.set(pausedHandler)
	e.wg.Go(func() {
		select {
		case <-before.exited:
			e.forget(before)
			p.paused.set(notPaused)
			p.start()
		case <-p.going.Done():
		case <-e.ctx.Done():
		}
	})
}

// outOfRange is the policy for offsets that the log does not hold.
func (e *engine) outOfRange(feed *fetch.Feed, asked, logStart, logEnd int64) (int64, error) {
	problem := &reader.OutOfRangeError{Location: headrace.Location{Topic: feed.Topic, Partition: feed.Partition, Offset: asked}, LogStart: logStart, LogEnd: logEnd}
	var to int64
	switch e.cfg.Tuning.OutOfRange {
	case OutOfRangeStart:
		to = logStart
	case OutOfRangeEnd:
		to = logEnd
	case OutOfRangeStop:
		return 0, fmt.Errorf("%w; set Tuning.OutOfRange to go on from either end", problem)
	}
	e.cfg.Logger.Error("offset out of range: continuing at another offset", zap.String("topic", feed.Topic), zap.Int32("partition", feed.Partition),
		zap.Int64("asked", asked), zap.Int64("log start", logStart), zap.Int64("log end", logEnd), zap.Int64("from", to))
	return to, nil
}
