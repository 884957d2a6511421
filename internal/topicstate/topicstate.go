// Package topicstate tells what a topic is now, for plans that must not outlive the topic that they were made for.
package topicstate

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/reader"
)

// State is what a topic is now.
type State struct {
	Name       string
	ID         string // hexadecimal; "" when the broker does not send topic ids
	Partitions int32
}

// Get looks at a topic, past what the client remembers. One that does not exist is a *[reader.MissingTopicError].
func Get(ctx context.Context, client *kafka.Client, name string) (State, error) {
	var topic kafka.Topic
	client.Invalidate(name)
	err := client.Retry(ctx, func(ctx context.Context) (err error) {
		topic, err = client.Topic(ctx, name)
		return err
	})
	if errors.Is(err, kafka.ErrUnknownTopic) {
		return State{}, &reader.MissingTopicError{Topic: name}
	}
	if err != nil {
		return State{}, err
	}
	state := State{Name: name, Partitions: int32(len(topic.Partitions))} //nolint:gosec // partitions have 32-bit ids
	if topic.ID != [16]byte{} {
		state.ID = hex.EncodeToString(topic.ID[:])
	}
	return state, nil
}

// CheckCompacted refuses a topic that deletes what is old; loss says what that would lead to. Without the right to look, whoever made
// the topic is trusted.
func CheckCompacted(ctx context.Context, client *kafka.Client, topic, loss string) error {
	entries, err := client.TopicConfigs(ctx, topic)
	if err != nil {
		return nil //nolint:nilerr // whoever may not see the settings goes on without them
	}
	for _, entry := range entries {
		if entry.Name == "cleanup.policy" && entry.Value != "compact" {
			return fmt.Errorf("topic %s has cleanup.policy=%s, so that it forgets %s: set it to compact", topic, entry.Value, loss)
		}
	}
	return nil
}
