package consumer

import (
	"context"
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"go.uber.org/zap"

	"github.com/headrace/headrace/internal/kafka"
)

// A commit goes by the name of a topic. What is done in one that has been deleted is nobody's business any more, and would skip events in
// another one that has the name by now.

// withhold takes out of a share the partitions of topics that the coordinator does not have any more, or has another one of, and returns
// them.
func (c *committer) withhold(ctx context.Context, s *share) (withheld []*partition, err error) {
	ids, err := c.coordinatorIDs(ctx, s.partitions)
	if err != nil {
		return nil, err
	}
	kept := share{}
	for i, p := range s.partitions {
		id, known := ids[p.Topic]
		gone := known && id != p.kafkaLog.Topic
		p.withheld.Store(gone)
		if !gone {
			kept.partitions, kept.commits, kept.marks = append(kept.partitions, p), append(kept.commits, s.commits[i]), append(kept.marks, s.marks[i])
			continue
		}
		p.log().Debug("commit waits: the coordinator has no topic of this id", zap.Int64("commit", s.commits[i].Offset))
		p.unconfirmed()
		if id != ([16]byte{}) {
			c.engine.checkTopic(p) //nolint:contextcheck // handlers run under the contexts of their partitions
		}
		withheld = append(withheld, p)
	}
	*s = kept
	return withheld, nil
}

// coordinatorIDs returns the ids of the partitions' topics as the coordinator has them: zero where it has no such topic. What it does not
// know of ids is left out.
func (c *committer) coordinatorIDs(ctx context.Context, partitions []*partition) (map[string][16]byte, error) {
	var names []string
	for _, p := range partitions {
		if p.kafkaLog.Topic != ([16]byte{}) && !slices.Contains(names, p.Topic) {
			names = append(names, p.Topic)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	topics, err := c.engine.client.CoordinatorTopics(ctx, c.engine.cfg.Group, names...)
	if err != nil {
		return nil, err
	}
	ids := make(map[string][16]byte, len(names))
	for i, t := range topics {
		switch {
		case errors.Is(t.Err, kerr.UnknownTopicOrPartition):
			ids[names[i]] = [16]byte{}
		case t.Err == nil && t.ID != [16]byte{}:
			ids[names[i]] = t.ID
		}
	}
	return ids, nil
}

// withoutGone takes out of partitions that are not committed yet those whose topics are gone for certain: no commit of theirs is wanted.
// Those of which brokers disagree stay.
func (c *committer) withoutGone(ctx context.Context, partitions []*partition) (left []*partition) {
	gone := make(map[[16]byte]bool)
	for _, p := range partitions {
		if !p.withheld.Load() {
			left = append(left, p)
			continue
		}
		id := p.kafkaLog.Topic
		if _, asked := gone[id]; !asked {
			gone[id] = c.engine.gone(ctx, p)
			if gone[id] {
				c.engine.cfg.Logger.Warn("topic was deleted: nothing is committed for it", zap.String("group", c.engine.cfg.Group),
					zap.String("topic", p.Topic), zap.String("topic id", kafka.TopicIDText(id)))
			}
		}
		if !gone[id] {
			left = append(left, p)
			continue
		}
		p.lost.Store(true)
	}
	return left
}
