package replay

import (
	"context"
	"encoding/hex"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/internal/kafka"
)

// topicID tells a topic from one of the same name that was made after it was deleted (KIP-516); zero when it is not known.
type topicID [16]byte

func (id topicID) String() string { return hex.EncodeToString(id[:]) }

// topicIDOf reads the id of a [TopicState].
func topicIDOf(text string) (id topicID) {
	if raw, err := hex.DecodeString(text); err == nil && len(raw) == len(id) {
		copy(id[:], raw)
	}
	return id
}

// sameTopic refuses a topic that is another one than was meant.
func sameTopic(name string, meant, now topicID) error {
	if none := (topicID{}); now == meant || now == none || meant == none {
		return nil
	}
	return &StaleError{Change: TopicRecreated, Topic: name, Partition: -1, Was: "topic id " + meant.String(), Is: now.String()}
}

// recordSourceIDs notes which topics the copy reads: those of the plan, or those that are there when it begins.
func (c *copier) recordSourceIDs(ctx context.Context) error {
	c.sources = map[string]topicID{}
	for _, t := range c.cfg.Plan.Topics {
		if id := topicIDOf(t.ID); id != (topicID{}) {
			c.sources[t.Name] = id
		}
	}
	for _, pc := range c.partitions {
		for _, span := range pc.spans {
			if _, known := c.sources[span.Topic]; known {
				continue
			}
			now, err := stateOf(ctx, c.from, span.Topic)
			if err != nil {
				return err
			}
			c.sources[span.Topic] = topicIDOf(now.ID)
		}
	}
	return nil
}

// sameSource asks the broker that has answered for the source whether it has done so for the topic that is meant: a fetch goes by the
// topic's name. A broker that holds a topic made anew knows that it is another one.
func (s *source) sameSource(ctx context.Context) error {
	client, name := s.copy.from, s.span.Topic
	meant := s.copy.sources[name]
	if meant == (topicID{}) {
		return nil
	}
	return client.Retry(ctx, func(ctx context.Context) error {
		request := kmsg.NewPtrMetadataRequest()
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = &name
		request.Topics = append(request.Topics, topic)
		response, err := client.Request(ctx, s.node, request)
		if err != nil {
			client.Invalidate(name)
			if leader, wrong := leaderOf(ctx, client, name, s.span.Partition); wrong == nil {
				s.node = leader.Leader // that is gone: the next one knows as well, once it leads
			}
			return err
		}
		topics := response.(*kmsg.MetadataResponse).Topics
		if len(topics) != 1 {
			return kafka.ErrNoAnswer
		}
		err = kerr.ErrorForCode(topics[0].ErrorCode)
		switch {
		case err == nil:
			return sameTopic(name, meant, topicID(topics[0].TopicID))
		case errors.Is(err, kerr.UnknownTopicOrPartition):
			return &consumer.MissingTopicError{Topic: name}
		}
		return &kafka.BrokerError{Request: "Metadata", Node: s.node, Topic: name, Partition: -1, Err: err}
	})
}
