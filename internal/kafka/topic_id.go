package kafka

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// ErrTopicDisputed says that brokers disagree about a topic for now: some have not heard yet that it was created or deleted. It is
// retriable.
var ErrTopicDisputed = errors.New("brokers do not agree about the topic yet")

// agreementWait is how long each broker has to say what it knows of a topic. One that does not answer has no say.
const agreementWait = 5 * time.Second

// TopicAgreed asks every broker for a topic, past all caches, and returns what they agree on. A single answer is no proof that a topic was
// deleted or made anew: a broker that lags names the topic that was, or none. The error wraps ErrUnknownTopic when all say that there is
// no such topic, and ErrTopicDisputed while they differ.
func (c *Client) TopicAgreed(ctx context.Context, name string) (Topic, error) {
	ctx, cancel := context.WithTimeout(ctx, agreementWait)
	defer cancel()
	brokers, err := c.Brokers(ctx)
	if err != nil {
		return Topic{}, err
	}
	topics, errs := make([]Topic, len(brokers)), make([]error, len(brokers))
	var wait sync.WaitGroup
	for i, b := range brokers {
		wait.Go(func() {
			resp, err := c.describeTopics(ctx, b.Node, []string{name})
			switch {
			case err != nil:
				errs[i] = err
			case len(resp.Topics) != 1:
				errs[i] = &BrokerError{Request: "Metadata", Node: b.Node, Topic: name, Partition: -1, Err: ErrNoAnswer}
			default:
				topics[i], errs[i] = convertTopic(&resp.Topics[0])
			}
		})
	}
	wait.Wait()
	return agreed(name, topics, errs)
}

// agreed is what brokers agree on, each of which has given a topic or an error.
func agreed(name string, topics []Topic, errs []error) (Topic, error) {
	var found *Topic
	missing := false
	var failures []error
	for i, err := range errs {
		switch {
		case errors.Is(err, kerr.UnknownTopicOrPartition):
			missing = true
		case err != nil:
			failures = append(failures, err)
		case found != nil && found.ID != topics[i].ID:
			return Topic{}, fmt.Errorf("topic %q: %w", name, ErrTopicDisputed)
		case found == nil || len(topics[i].Partitions) > len(found.Partitions):
			found = &topics[i]
		}
	}
	switch {
	case found != nil && missing:
		return Topic{}, fmt.Errorf("topic %q: %w", name, ErrTopicDisputed)
	case found != nil:
		return *found, nil
	case missing:
		return Topic{}, fmt.Errorf("topic %q: %w", name, ErrUnknownTopic)
	}
	return Topic{}, errors.Join(failures...)
}

// ClusterID returns the id of the cluster, "" where brokers have none, or while metadata has not been read.
func (c *Client) ClusterID() string {
	c.metadata.mu.Lock()
	defer c.metadata.mu.Unlock()
	return c.metadata.clusterID
}

// TopicIDText is a topic id as Kafka's tools print it.
func TopicIDText(id [16]byte) string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// CoordinatorTopics returns what a group's coordinator knows of topics, in the order of their names and each with its own Err. It is the
// broker that takes the group's commits, by the names of topics.
func (c *Client) CoordinatorTopics(ctx context.Context, group string, names ...string) ([]Topic, error) {
	node, err := c.Coordinator(ctx, GroupCoordinator, group)
	if err != nil {
		return nil, err
	}
	topics, err := c.topicsOf(ctx, node, names)
	if RefreshesCoordinator(err) {
		c.ForgetCoordinator(GroupCoordinator, group)
	}
	return topics, err
}
