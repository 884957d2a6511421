package reader

import (
	"context"
	"errors"
	"fmt"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/kafka"
)

// PartitionRange is a part of one partition. It has no end when To is negative.
type PartitionRange struct {
	Partition int32
	headrace.OffsetRange
}

// Resolve returns the offsets of a range in each partition, as they are now. Nil partitions are all of the topic's.
//
// A range that ends before it begins is empty: its To is its From. One that ends at an offset beyond the log ends with the log: [Read] of
// the range itself would wait for the events up to that offset, and Read of what Resolve returned does not. Ends leave out what open
// transactions have written. Resolve waits for brokers that are down until ctx ends.
func Resolve(ctx context.Context, cluster headrace.Cluster, topic string, partitions []int32, r Range) ([]PartitionRange, error) {
	client, err := kafka.Open(cluster)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	ranges, err := resolve(ctx, client, topic, partitions, r, true)
	if err != nil {
		return nil, err
	}
	if _, exact := r.To.Offset(); !exact {
		return ranges, nil // an end that is found in the log
	}
	held, err := resolve(ctx, client, topic, partitions, Range{To: AtEnd()}, true)
	if err != nil {
		return nil, err
	}
	for i := range ranges {
		ranges[i].To = max(ranges[i].From, min(ranges[i].To, held[i].To))
	}
	return ranges, nil
}

func resolve(ctx context.Context, client *kafka.Client, topic string, partitions []int32, r Range, readCommitted bool) ([]PartitionRange, error) {
	var ranges []PartitionRange
	err := client.Retry(ctx, func(ctx context.Context) error {
		names, err := partitionsOf(ctx, client, topic, partitions)
		if err != nil {
			return err
		}
		from, err := locate(ctx, client, readCommitted, r.From, names)
		if err != nil {
			return err
		}
		var to []int64
		if !r.To.IsZero() {
			if to, err = locate(ctx, client, readCommitted, r.To, names); err != nil {
				return err
			}
		}
		ranges = make([]PartitionRange, len(names))
		for i, tp := range names {
			ranges[i] = PartitionRange{Partition: tp.Partition, OffsetRange: headrace.OffsetRange{From: from[i], To: -1}}
			if to != nil {
				ranges[i].To = max(from[i], to[i])
			}
		}
		return nil
	})
	return ranges, err
}

// partitionsOf names the wanted partitions of a topic, all when nil, and refuses those that it does not have.
func partitionsOf(ctx context.Context, client *kafka.Client, topic string, wanted []int32) ([]kafka.TopicPartition, error) {
	found, err := client.Topic(ctx, topic)
	if errors.Is(err, kafka.ErrUnknownTopic) {
		return nil, &MissingTopicError{Topic: topic}
	}
	if err != nil {
		return nil, err
	}
	if wanted == nil {
		for _, p := range found.Partitions {
			wanted = append(wanted, p.ID)
		}
	}
	names := make([]kafka.TopicPartition, len(wanted))
	for i, id := range wanted {
		if _, ok := found.Partition(id); !ok {
			return nil, fmt.Errorf("topic %s has no partition %d: it has %d", topic, id, len(found.Partitions))
		}
		names[i] = kafka.TopicPartition{Topic: topic, Partition: id}
	}
	return names, nil
}
