package consumer

import (
	"context"
	"errors"

	"github.com/headrace/headrace/consumer/internal/progress"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/reader"
)

// beginUnknown starts partitions of one topic that the group has no offset of: at Config.Start, or, where they were added since the group
// began in the topic, at their first event.
func (e *engine) beginUnknown(topic kafka.Topic, partitions []*partition) {
	if len(partitions) == 0 {
		return
	}
	for _, p := range partitions {
		p.began = int32(len(topic.Partitions)) //nolint:gosec // partitions are numbered by int32
	}
	if e.cfg.Start == reader.AtStart() {
		e.beginFrom(e.cfg.Start, partitions)
		return
	}
	names := make([]kafka.TopicPartition, len(topic.Partitions))
	for i, p := range topic.Partitions {
		names[i] = kafka.TopicPartition{Topic: topic.Name, Partition: p.ID}
	}
	e.wg.Go(func() {
		e.ask("group's offsets of the topic", partitions, func(ctx context.Context, asked []*partition) []error {
			committed, err := e.client.FetchOffsets(ctx, e.cfg.Group, names...)
			if err != nil {
				return allFailed(asked, err)
			}
			had := hadBefore(committed, progress.Log{Cluster: e.client.ClusterID(), Topic: topic.ID})
			var old, added []*partition
			for _, p := range asked {
				if had.has(p.Partition) {
					old = append(old, p)
				} else {
					added = append(added, p)
				}
			}
			e.beginFrom(e.cfg.Start, old)        //nolint:contextcheck // ctx is that of one question
			e.beginFrom(reader.AtStart(), added) //nolint:contextcheck // as above
			return make([]error, len(asked))
		})
	})
}

func (e *engine) beginFrom(start reader.Position, partitions []*partition) {
	e.locate("start position", start, !e.cfg.Tuning.ReadUncommitted, partitions, func(found []*partition, offsets []int64) {
		e.beginAt(start, found, offsets)
	})
}

// had is which partitions a topic had when a group began in it, as far as the group's commits tell.
type had struct {
	told   int32 // as many as a commit tells of; 0 when none does
	silent int32 // up to the last one of those with a commit that does not tell
}

// hadBefore gathers what the commits of a topic's partitions tell. Those that an older release or another client has made tell nothing but
// that their own partition was there.
func hadBefore(committed []kafka.CommittedOffset, log progress.Log) (h had) {
	for _, c := range committed {
		if c.Offset < 0 {
			continue
		}
		log.Partition = c.Partition
		note, err := progress.Decode(log, c.Offset, c.Metadata)
		switch _, other := errors.AsType[*progress.OtherTopicError](err); {
		case other:
		case note.Partitions > 0 && (h.told == 0 || note.Partitions < h.told):
			h.told = note.Partitions
		case note.Partitions == 0:
			h.silent = max(h.silent, c.Partition+1)
		}
	}
	return h
}

// has reports whether a partition was there when the group began. A group without any commit begins now.
func (h had) has(partition int32) bool {
	return (h.told == 0 || partition < h.told) && (h.silent == 0 || partition < h.silent)
}
