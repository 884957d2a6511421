package topics

import (
	"context"
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/kafka"
)

// observeUsage finds out what topics hold, and how much of it a shorter retention would lose.
func observeUsage(ctx context.Context, client *kafka.Client, world *World, asked map[string]retention) error {
	if len(asked) == 0 {
		return nil
	}
	now := time.Now()
	var queries []kafka.OffsetQuery
	for _, name := range sortedNames(asked) {
		topic, _ := world.topic(name)
		since := asked[name].since(now)
		for _, p := range topic.Partitions {
			for _, at := range []int64{kafka.Earliest, kafka.Latest, since} {
				queries = append(queries, kafka.OffsetQuery{Topic: name, Partition: p.ID, Timestamp: at})
			}
		}
	}
	answers, err := client.ListOffsets(ctx, false, queries...)
	if err != nil {
		return rightError(err, "DESCRIBE", "the topics whose retention, partitions or clean-up change")
	}
	next := 0
	var kafkaTopics []kafka.Topic
	for _, name := range sortedNames(asked) {
		topic, _ := world.topic(name)
		topic.Usage = &Usage{Bytes: -1}
		described := kafka.Topic{Name: name}
		for i := range topic.Partitions {
			p := &topic.Partitions[i]
			p.Start, p.End = answers[next].Offset, answers[next+1].Offset
			firstKept := answers[next+2].Offset
			if firstKept < 0 {
				firstKept = p.End // nothing is younger
			}
			topic.Usage.Events += p.End - p.Start
			if asked[name].millis != "" {
				topic.Usage.Older += max(0, firstKept-p.Start)
			}
			next += 3
			described.Partitions = append(described.Partitions, kafka.Partition{ID: p.ID})
		}
		kafkaTopics = append(kafkaTopics, described)
	}
	sizes, err := client.LogSizes(ctx, kafkaTopics)
	if err != nil && !errors.Is(err, kerr.ClusterAuthorizationFailed) {
		return err
	}
	if err == nil {
		addSizes(world, asked, sizes)
	}
	return nil
}

// since is the time of the oldest event that would be kept.
func (r retention) since(now time.Time) int64 {
	keep, err := strconv.ParseInt(r.millis, 10, 64)
	if err != nil || keep > math.MaxInt64/int64(time.Millisecond) {
		return kafka.Earliest
	}
	return max(0, now.UnixMilli()-keep)
}

// addSizes adds up what the partitions' leaders hold.
func addSizes(world *World, asked map[string]retention, sizes []kafka.ReplicaSize) {
	for name := range asked {
		topic, _ := world.topic(name)
		topic.Usage.Bytes = 0
	}
	for _, size := range sizes {
		topic, ok := world.topic(size.Topic)
		if !ok || topic.Usage == nil || size.Partition < 0 || int(size.Partition) >= len(topic.Partitions) || topic.Partitions[size.Partition].Leader != size.Node {
			continue
		}
		topic.Usage.Bytes += size.Bytes
		if keep, err := strconv.ParseInt(asked[size.Topic].bytes, 10, 64); err == nil {
			topic.Usage.Beyond += max(0, size.Bytes-keep)
		}
	}
}
