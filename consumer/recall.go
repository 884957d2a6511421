package consumer

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"github.com/headrace/headrace/consumer/internal/progress"
	"github.com/headrace/headrace/internal/kafka"
)

// recall reads what the group remembers of partitions beside their offsets. Metadata that is not this package's, or not of this log, is
// as good as none. An error is either the worker's end, or has been made it.
func (e *engine) recall(partitions []*partition, committed []kafka.CommittedOffset) ([]progress.Note, error) {
	notes := make([]progress.Note, len(partitions))
	var names []kafka.TopicPartition
	var claims []*progress.Note
	for i, p := range partitions {
		if err := e.identify(p); err != nil {
			return nil, err
		}
		c := committed[i]
		if c.Offset < 0 {
			continue
		}
		var err error
		notes[i], err = progress.Decode(p.kafkaLog(), c.Offset, c.Metadata)
		switch {
		case errors.Is(err, progress.ErrForeign):
			p.log().Info("metadata of the last commit is not taken", zap.Error(err))
		case err != nil:
			p.log().Warn("metadata of the last commit is not taken: what was done beyond its offset is handled again", zap.Error(err))
		case notes[i].Mark != progress.Mark{} || len(notes[i].Done.Beyond()) > 0:
			names, claims = append(names, p.TopicPartition), append(claims, &notes[i])
		}
	}
	if len(names) == 0 {
		return notes, nil
	}
	var ends []int64
	err := e.insist("log's end", func(ctx context.Context) (err error) {
		ends, err = locate(ctx, e.client, false, AtEnd(), names)
		return err
	})
	if err != nil {
		return nil, err
	}
	for i, n := range claims {
		n.Cut(ends[i])
	}
	return notes, nil
}

// identify learns the id of the partition's topic, which metadata is bound to. A topic that is just not there has none.
func (e *engine) identify(p *partition) error {
	return e.insist("topic's id", func(ctx context.Context) error {
		topic, err := e.client.Topic(ctx, p.Topic)
		if err != nil && !errors.Is(err, kafka.ErrUnknownTopic) {
			return err
		}
		p.topicID = topic.ID
		return nil
	})
}

// kafkaLog is the log that the partition's offsets belong to.
func (p *partition) kafkaLog() progress.Log {
	return progress.Log{Topic: p.topicID, Partition: p.Partition}
}
