package consumer

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"go.uber.org/zap"

	"github.com/headrace/headrace/consumer/internal/progress"
	"github.com/headrace/headrace/internal/fetch"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/reader"
)

// This file is what a worker does when a topic is deleted and created again. Offsets belong to a topic's id, and so does a partition: what
// goes on in the new topic is another partition, under the same name.

// topicOf returns the topic of some partitions, and the id that their offsets belong to. Metadata that names another topic than this worker
// or the group has worked on before is believed once the brokers agree about it. A topic that does not exist is an error that time may mend.
func (e *engine) topicOf(ctx context.Context, partitions []*partition) (kafka.Topic, error) {
	name := partitions[0].Topic
	topic, err := e.client.Topic(ctx, name)
	if err == nil && e.worksOn(name, topic.ID) && !claimOther(partitions, topic.ID) {
		return topic, nil
	}
	if err == nil {
		e.client.Invalidate(name)
		if topic, err = e.client.TopicAgreed(ctx, name); err == nil {
			e.takeUp(name, topic.ID)
			return topic, nil
		}
	}
	if errors.Is(err, kafka.ErrUnknownTopic) {
		err = &kafka.BrokerError{Request: "Metadata", Node: kafka.AnyNode, Topic: name, Partition: -1, Err: kerr.UnknownTopicOrPartition}
		return kafka.Topic{}, fmt.Errorf("topic does not exist: waiting for it to be created: %w", err)
	}
	return topic, err
}

// worksOn reports whether a topic is the one that this worker has worked on under its name, which is any at first.
func (e *engine) worksOn(name string, id [16]byte) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	known, ok := e.topicIDs[name]
	if !ok {
		e.topicIDs[name] = id
	}
	return !ok || known == id
}

// takeUp notes the topic that has a name by now, and says so if this worker knew another one.
func (e *engine) takeUp(name string, id [16]byte) {
	e.mu.Lock()
	was := e.topicIDs[name]
	e.topicIDs[name] = id
	e.mu.Unlock()
	if was != id && was != ([16]byte{}) {
		e.announce(name, was, id)
	}
}

// announce says, once for all partitions, that a topic is another one.
func (e *engine) announce(name string, was, now [16]byte) {
	e.mu.Lock()
	told := e.announced[name] == now
	e.announced[name] = now
	e.mu.Unlock()
	if told {
		return
	}
	e.cfg.Logger.Warn("topic was deleted and created again: its committed offsets do not apply, and unhandled events of the old topic are gone",
		zap.String("group", e.cfg.Group), zap.String("topic", name), zap.String("old topic id", kafka.TopicIDText(was)),
		zap.String("new topic id", kafka.TopicIDText(now)), zap.Stringer("starting from", e.cfg.Start))
}

// claimOther reports whether a commit of one of the partitions was made in a topic with another id.
func claimOther(partitions []*partition, id [16]byte) bool {
	for _, p := range partitions {
		log := progress.Log{Cluster: p.engine.client.ClusterID(), Topic: id, Partition: p.Partition}
		_, err := progress.Decode(log, p.recalled.offset, p.recalled.metadata)
		if _, other := errors.AsType[*progress.OtherTopicError](err); other {
			return true
		}
	}
	return false
}

// renew ends the work on a partition of a topic that is gone, commits nothing of it, and begins in the topic that has its name by now.
func (e *engine) renew(p *partition, now [16]byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopping || e.partitions[p.TopicPartition] != p {
		return
	}
	p.lost.Store(true)
	next := newPartition(e, p.TopicPartition, e.identity)
	next.doubt = doubtful // a commit of the old topic may be on its way, and Kafka deletes the offsets of a deleted topic when it comes to it
	e.partitions[p.TopicPartition] = next
	e.wg.Go(func() {
		e.client.Invalidate(p.Topic)
		e.takeUp(p.Topic, now)
		p.halt()
		e.leave(p)
		e.drain([]*partition{p}, ErrTopicDeleted)
		e.begin([]*partition{next})
	})
}

// checkTopic finds out, in the background, whether a partition's topic is another one by now.
func (e *engine) checkTopic(p *partition) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopping || p.checking.Swap(true) {
		return
	}
	e.wg.Go(func() {
		defer p.checking.Store(false)
		if topic, err := e.client.TopicAgreed(e.ctx, p.Topic); err == nil && topic.ID != p.kafkaLog.Topic {
			e.renew(p, topic.ID)
		}
	})
}

// gone reports whether the brokers agree that a partition's topic has been deleted, whether or not there is another one with its name.
func (e *engine) gone(ctx context.Context, p *partition) bool {
	topic, err := e.client.TopicAgreed(ctx, p.Topic)
	return err == nil && topic.ID != p.kafkaLog.Topic || errors.Is(err, kafka.ErrUnknownTopic)
}

// ended is what follows an error that has ended the partition's feed.
func (p *partition) ended(err error) {
	other, ok := errors.AsType[*fetch.OtherTopicError](err)
	if ok && p.engine.replay == nil {
		p.engine.renew(p, other.Now)
		return
	}
	corrupt, bad := errors.AsType[*fetch.CorruptError](err)
	switch {
	case bad:
		err = corruptError(p.atOffset(corrupt.Offset), corrupt.Err)
	case ok:
		err = &reader.RecreatedError{Topic: other.Topic, Was: kafka.TopicIDText(other.Was), Now: kafka.TopicIDText(other.Now)}
	}
	p.fail(err)
}
