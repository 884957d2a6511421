package replay

import (
	"context"
	"fmt"

	"github.com/headrace/headrace/internal/kafka"
)

// checkCompacted refuses a topic that deletes what is old; loss says what that would lead to. Without the right to look, whoever made
// the topic is trusted.
func checkCompacted(ctx context.Context, client *kafka.Client, topic, loss string) error {
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
