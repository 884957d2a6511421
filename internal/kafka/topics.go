package kafka

import (
	"context"
	"time"
)

// NewTopic describes a topic to create.
type NewTopic struct {
	Name              string
	Partitions        int32             // -1: the broker's default
	ReplicationFactor int16             // -1: the broker's default
	Configs           map[string]string // for example "retention.ms"
}

// CreateTopics creates topics and returns when the controller has accepted them; brokers learn of them a little later, which Topic waits for. Errors
// come in the order of the topics, nil for each that was created (or, with validateOnly, could be); err joins them, or is
// why the request failed as a whole.
func (c *Client) CreateTopics(ctx context.Context, validateOnly bool, topics ...NewTopic) (errs []error, err error) {
	return c.createTopics(ctx, validateOnly, topics)
}

// DeleteTopics deletes topics with all their records. Errors come in the order of the names; err joins them.
func (c *Client) DeleteTopics(ctx context.Context, names ...string) (errs []error, err error) {
	return c.deleteTopics(ctx, names)
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
	return c.topicConfigs(ctx, topic)
}

// adminTimeout is how long the controller may work on a request before it answers.
const adminTimeout = 15 * time.Second
