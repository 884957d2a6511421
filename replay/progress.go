package replay

import (
	"context"
	"errors"
	"fmt"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/internal/kafka"
)

// RedriveGroup is the group whose offsets tell how far a dead-letter topic has been redriven: <topic>.redrive. It has no members.
// Kafka forgets the offsets of such a group some time after the last commit, 7 days unless offsets.retention.minutes says otherwise;
// then a redrive begins at the start of the topic again, and its plan says so.
func RedriveGroup(topic string) string { return topic + ".redrive" }

// goOn moves the ranges' starts to what the topic's redrive group has committed, and returns the offsets committed, -1 for none.
func goOn(ctx context.Context, client *kafka.Client, topic string, ranges []consumer.PartitionRange) ([]int64, error) {
	committed, err := committedOf(ctx, client, topic, ranges)
	if err != nil {
		return nil, err
	}
	for i := range ranges {
		if r := &ranges[i]; committed[i] <= r.To { // else the topic was made anew since
			r.From = max(r.From, committed[i])
		}
	}
	return committed, nil
}

func committedOf(ctx context.Context, client *kafka.Client, topic string, ranges []consumer.PartitionRange) ([]int64, error) {
	partitions := make([]kafka.TopicPartition, len(ranges))
	for i, r := range ranges {
		partitions[i] = kafka.TopicPartition{Topic: topic, Partition: r.Partition}
	}
	var found []kafka.CommittedOffset
	err := client.Retry(ctx, func(ctx context.Context) (err error) {
		found, err = client.FetchOffsets(ctx, RedriveGroup(topic), partitions...)
		return err
	})
	if err != nil {
		return nil, err
	}
	committed := make([]int64, len(found))
	for i, f := range found {
		committed[i] = f.Offset
	}
	return committed, nil
}

// commit remembers how far partitions of a dead-letter topic are redriven.
func commit(ctx context.Context, client *kafka.Client, topic string, upTo map[int32]int64) error {
	if len(upTo) == 0 {
		return nil
	}
	commits := make([]kafka.OffsetCommit, 0, len(upTo))
	for partition, offset := range upTo {
		commits = append(commits, kafka.OffsetCommit{Topic: topic, Partition: partition, Offset: offset})
	}
	group := RedriveGroup(topic)
	err := client.Retry(ctx, func(ctx context.Context) error {
		_, err := client.CommitOffsets(ctx, kafka.Member{Group: group, Generation: -1}, commits...)
		return err
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("redrive of %s: what was returned could not be noted in group %s, so that it would be returned again: %w", topic, group, err)
	}
	return err
}
