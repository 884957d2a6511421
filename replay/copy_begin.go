package replay

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/reader"
)

// begin looks at both sides, changes nothing there, and makes sure that a checkpoint is on the disk before anything is written.
func (c *copier) begin(ctx context.Context) error {
	if err := c.checkClusters(ctx); err != nil {
		return err
	}
	if err := c.checkTarget(ctx); err != nil {
		return err
	}
	if err := c.recordSourceIDs(ctx); err != nil {
		return err
	}
	old, err := readCheckpoint(c.cfg.Checkpoint)
	if err != nil {
		return err
	}
	if old != nil {
		return c.resume(old)
	}
	if err := c.checkSource(ctx); err != nil {
		return err
	}
	if len(c.partitions) == 0 {
		return nil
	}
	ends, err := c.targetEnds(ctx)
	if err != nil {
		return err
	}
	id, err := c.newProducer(ctx)
	if err != nil {
		return err
	}
	for i, pc := range c.partitions {
		pc.state = partitionState{Partition: pc.partition, Next: pc.spans[0].From, Target: ends[i], Producer: id.ID, Epoch: id.Epoch}
	}
	return c.save()
}

// checkClusters refuses other clusters than the plan was made for, and a target that is its own source.
func (c *copier) checkClusters(ctx context.Context) error {
	plan := &c.cfg.Plan
	from, err := clusterID(ctx, c.from)
	if err != nil {
		return err
	}
	to := from
	if c.to != c.from {
		if to, err = clusterID(ctx, c.to); err != nil {
			return err
		}
	}
	for _, side := range []struct{ name, planned, found string }{
		{"source", plan.Source.ClusterID, from}, {"target", plan.Target.ClusterID, to},
	} {
		if side.planned != "" && side.found != side.planned {
			return fmt.Errorf("replay %s: the plan's %s is the cluster %s, and this is %q: use the context the plan was made with",
				plan.ID, side.name, side.planned, side.found)
		}
	}
	c.sameCluster = c.to == c.from || from == to && from != ""
	if c.brought, _, err = broughtTo(ctx, c.cfg.From, from); err != nil {
		return err
	}
	for _, pc := range c.partitions {
		for _, span := range pc.spans {
			if c.sameCluster && span.Topic == plan.Target.Topic {
				return &LoopError{Replay: plan.ID, Target: plan.Target.Topic, Partition: span.Partition, Offset: -1}
			}
		}
	}
	return nil
}

func clusterID(ctx context.Context, client *kafka.Client) (id string, err error) {
	err = client.Retry(ctx, func(ctx context.Context) error {
		o, err := client.Overview(ctx, kafka.AnyNode)
		id = o.ClusterID
		return err
	})
	return id, err
}

// checkTarget wants a partition in the target for each of the source.
func (c *copier) checkTarget(ctx context.Context) error {
	name := c.cfg.Plan.Target.Topic
	var topic kafka.Topic
	err := c.to.Retry(ctx, func(ctx context.Context) (err error) {
		topic, err = c.to.Topic(ctx, name)
		return err
	})
	if errors.Is(err, kafka.ErrUnknownTopic) {
		return fmt.Errorf("replay %s: %w", c.cfg.Plan.ID, &reader.MissingTopicError{Topic: name})
	}
	if err != nil {
		return err
	}
	c.target = topic
	for _, pc := range c.partitions {
		if _, has := topic.Partition(pc.partition); !has {
			return fmt.Errorf("replay %s: topic %s has %d partitions, and events of partition %d of %s go to it: add partitions (headrace topics)",
				c.cfg.Plan.ID, name, len(topic.Partitions), pc.partition, pc.spans[0].Topic)
		}
	}
	return nil
}

// checkSource wants every span to lie within its partition's log: check leaves out those whose topic the plan does not tell the state of.
func (c *copier) checkSource(ctx context.Context) error {
	var queries []kafka.OffsetQuery
	var spans []Span
	for _, pc := range c.partitions {
		for _, span := range pc.spans {
			spans = append(spans, span)
			queries = append(queries,
				kafka.OffsetQuery{Topic: span.Topic, Partition: span.Partition, Timestamp: kafka.Earliest},
				kafka.OffsetQuery{Topic: span.Topic, Partition: span.Partition, Timestamp: kafka.Latest})
		}
	}
	answers, err := listOffsets(ctx, c.from, queries)
	if err != nil {
		return fmt.Errorf("replay %s: source: %w", c.cfg.Plan.ID, err)
	}
	for i, span := range spans {
		start, end := answers[2*i].Offset, answers[2*i+1].Offset
		if span.From < start || span.To > end {
			at := headrace.Location{Topic: span.Topic, Partition: span.Partition, Offset: span.From}
			if span.From >= start {
				at.Offset = span.To - 1
			}
			return &GoneError{Location: at, LogStart: start, LogEnd: end}
		}
	}
	return nil
}

func (c *copier) targetEnds(ctx context.Context) ([]int64, error) {
	queries := make([]kafka.OffsetQuery, len(c.partitions))
	for i, pc := range c.partitions {
		queries[i] = kafka.OffsetQuery{Topic: c.cfg.Plan.Target.Topic, Partition: pc.partition, Timestamp: kafka.Latest}
	}
	answers, err := listOffsets(ctx, c.to, queries)
	if err != nil {
		return nil, fmt.Errorf("replay %s: target: %w", c.cfg.Plan.ID, err)
	}
	ends := make([]int64, len(answers))
	for i, a := range answers {
		ends[i] = a.Offset
	}
	return ends, nil
}

func listOffsets(ctx context.Context, client *kafka.Client, queries []kafka.OffsetQuery) (answers []kafka.OffsetAnswer, err error) {
	if len(queries) == 0 {
		return nil, nil
	}
	err = client.Retry(ctx, func(ctx context.Context) (err error) {
		answers, err = client.ListOffsets(ctx, false, queries...)
		return err
	})
	return answers, err
}

func (c *copier) newProducer(ctx context.Context) (id kafka.ProducerID, err error) {
	err = c.to.Retry(ctx, func(ctx context.Context) (err error) {
		id, err = c.to.InitProducerID(ctx, "", kafka.NoProducerID)
		return err
	})
	return id, err
}

// leaderOf returns a partition that has a leader, of the topic with the id that is meant. A zero id means any topic of that name.
func leaderOf(ctx context.Context, client *kafka.Client, topic string, meant topicID, partition int32) (kafka.Partition, error) {
	t, err := client.Topic(ctx, topic)
	if err != nil {
		if errors.Is(err, kafka.ErrUnknownTopic) {
			err = &reader.MissingTopicError{Topic: topic}
		}
		return kafka.Partition{}, err
	}
	if err := sameTopic(topic, meant, t.ID); err != nil {
		return kafka.Partition{}, err
	}
	p, ok := t.Partition(partition)
	if !ok {
		return p, fmt.Errorf("topic %s has no partition %d any more: make a new plan", topic, partition)
	}
	if p.Leader < 0 {
		client.Invalidate(topic)
	}
	return p, p.Err
}

// targetLeader is leaderOf for the target, as long as that is the topic which the copy began with.
func (c *copier) targetLeader(ctx context.Context, partition int32) (kafka.Partition, error) {
	return leaderOf(ctx, c.to, c.target.Name, c.target.ID, partition)
}

func (c *copier) checkTargetID(ctx context.Context) error {
	now, err := c.to.Topic(ctx, c.target.Name)
	if err != nil {
		return err
	}
	return sameTopic(c.target.Name, c.target.ID, now.ID)
}

// refreshTargetID asks the cluster whether the target is still the topic that the copy began with.
func (c *copier) refreshTargetID(ctx context.Context) error {
	c.to.Invalidate(c.target.Name)
	return c.to.Retry(ctx, c.checkTargetID)
}

// newPartitionCopiers sorts the spans by target partition. Several topics may go into one: one after the other, in the plan's order.
func newPartitionCopiers(c *copier) ([]*partitionCopier, error) {
	byPartition := make(map[int32]*partitionCopier)
	var copiers []*partitionCopier
	for _, span := range c.cfg.Plan.Spans {
		if span.Topic == "" || span.Partition < 0 || span.From < 0 || span.To < span.From {
			return nil, fmt.Errorf("copy: the plan's span of topic %q partition %d from %d to %d makes no sense", span.Topic, span.Partition, span.From, span.To)
		}
		if span.From == span.To {
			continue
		}
		pc := byPartition[span.Partition]
		if pc == nil {
			pc = newPartitionCopier(c, span.Partition)
			byPartition[span.Partition] = pc
			copiers = append(copiers, pc)
		}
		pc.spans = append(pc.spans, span)
	}
	slices.SortFunc(copiers, func(a, b *partitionCopier) int { return int(a.partition) - int(b.partition) })
	return copiers, nil
}
