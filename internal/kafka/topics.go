package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// adminTimeout is how long the controller may work on a request before it answers.
const adminTimeout = 15 * time.Second

// NewTopic describes a topic to create.
type NewTopic struct {
	Name              string
	Partitions        int32             // -1: the broker's default
	ReplicationFactor int16             // -1: the broker's default
	Configs           map[string]string // for example "retention.ms"
}

// CreateTopics creates topics and returns when the controller has accepted them; brokers learn of them a little later,
// which Topic waits for. Errors come in the order of the topics, nil for each that was created (or, with validateOnly,
// could be); err joins them, or is why the request failed as a whole (then errs is nil).
func (c *Client) CreateTopics(ctx context.Context, validateOnly bool, topics ...NewTopic) (errs []error, err error) {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = millis(adminTimeout)
	req.ValidateOnly = validateOnly
	for _, t := range topics {
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = t.Name, t.Partitions, t.ReplicationFactor
		for name, value := range t.Configs {
			config := kmsg.NewCreateTopicsRequestTopicConfig()
			config.Name, config.Value = name, kmsg.StringPtr(value)
			topic.Configs = append(topic.Configs, config)
		}
		req.Topics = append(req.Topics, topic)
	}
	node, err := c.Controller(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := c.Request(ctx, node, req)
	if err != nil {
		return nil, err
	}
	answers := make(map[string]topicAnswer)
	for _, t := range resp.(*kmsg.CreateTopicsResponse).Topics {
		answers[t.Topic] = topicAnswer{t.ErrorCode, t.ErrorMessage}
	}
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = t.Name
	}
	return c.topicErrors("CreateTopics", node, names, answers)
}

// DeleteTopics deletes topics with all their records. Errors come in the order of the names; err joins them, or is why
// the request failed as a whole (then errs is nil).
func (c *Client) DeleteTopics(ctx context.Context, names ...string) (errs []error, err error) {
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.TimeoutMillis = millis(adminTimeout)
	req.TopicNames = names // up to version 5
	for _, name := range names {
		topic := kmsg.NewDeleteTopicsRequestTopic()
		topic.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, topic)
	}
	node, err := c.Controller(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := c.Request(ctx, node, req)
	if err != nil {
		return nil, err
	}
	answers := make(map[string]topicAnswer)
	for _, t := range resp.(*kmsg.DeleteTopicsResponse).Topics {
		answers[text(t.Topic)] = topicAnswer{t.ErrorCode, t.ErrorMessage}
	}
	return c.topicErrors("DeleteTopics", node, names, answers)
}

type topicAnswer struct {
	code    int16
	message *string
}

func (c *Client) topicErrors(request string, node int32, names []string, answers map[string]topicAnswer) ([]error, error) {
	c.Invalidate(names...)
	errs := make([]error, len(names))
	for i, name := range names {
		a, ok := answers[name]
		err := codeError(a.code)
		if !ok {
			err = ErrNoAnswer
		}
		if err != nil {
			errs[i] = &BrokerError{Request: request, Node: node, Topic: name, Partition: -1, Message: text(a.message), Err: err}
		}
	}
	return errs, errors.Join(errs...)
}

// ConfigEntry is one setting of a topic.
type ConfigEntry struct {
	Name      string
	Value     string // empty when Sensitive
	Default   bool   // nobody set it for this topic
	ReadOnly  bool
	Sensitive bool
}

// TopicConfigs returns every setting of a topic, in order of name.
func (c *Client) TopicConfigs(ctx context.Context, topic string) ([]ConfigEntry, error) {
	entries, errs, err := c.Configs(ctx, AnyNode, []string{topic})
	if err != nil {
		return nil, err
	}
	return entries[0], errs[0]
}
