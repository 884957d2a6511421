package topics

import (
	"context"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/kafka"
)

// Describe returns one topic with the offsets of its partitions and its settings. A topic that does not exist is a
// *[MissingError].
func Describe(ctx context.Context, cluster headrace.Cluster, name string) (Topic, error) {
	client, err := open(ctx, cluster)
	if err != nil {
		return Topic{}, err
	}
	defer client.Close()
	found, err := list(ctx, client, []string{name})
	if err != nil {
		return Topic{}, err
	}
	topic := found[0]
	if err := addOffsets(ctx, client, topic); err != nil {
		return Topic{}, err
	}
	entries, err := client.TopicConfigs(ctx, name)
	if err != nil {
		return Topic{}, missing(name, err)
	}
	for _, entry := range entries {
		if !entry.Default && !entry.Sensitive {
			topic.Configs = append(topic.Configs, Config{Name: entry.Name, Value: entry.Value})
		}
	}
	return topic, nil
}

// addOffsets fills in where the log of each partition starts and ends.
func addOffsets(ctx context.Context, client *kafka.Client, topic Topic) error {
	queries := make([]kafka.OffsetQuery, 0, 2*len(topic.Partitions))
	for _, p := range topic.Partitions {
		queries = append(queries,
			kafka.OffsetQuery{Topic: topic.Name, Partition: p.ID, Timestamp: kafka.Earliest},
			kafka.OffsetQuery{Topic: topic.Name, Partition: p.ID, Timestamp: kafka.Latest})
	}
	return client.Retry(ctx, func(ctx context.Context) error {
		answers, err := client.ListOffsets(ctx, false, queries...)
		if err != nil {
			return err
		}
		for i := range topic.Partitions {
			topic.Partitions[i].Start = answers[2*i].Offset
			topic.Partitions[i].End = answers[2*i+1].Offset
		}
		return nil
	})
}
