// Package admin prepares topics and looks at them with an independent client that passes no proxy.
package admin

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/record"
)

// CreateTopic creates a topic with the cluster's default replication and these settings, and waits until every
// partition has a leader.
func CreateTopic(tb testing.TB, c *kraft.Cluster, name string, partitions int32, settings map[string]string) {
	tb.Helper()
	CreateReplicated(tb, c, name, partitions, -1, settings)
}

// CreateReplicated is CreateTopic with a number of replicas; -1 is the cluster's own.
func CreateReplicated(tb testing.TB, c *kraft.Cluster, name string, partitions int32, replicas int16, settings map[string]string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 2*time.Minute)
	defer cancel()
	configs := map[string]*string{}
	for key, value := range settings {
		configs[key] = &value
	}
	if _, err := c.Admin.CreateTopic(ctx, partitions, replicas, configs, name); err != nil {
		tb.Fatalf("create topic %s: %v", name, err)
	}
	for Leader(tb, c, name, partitions-1) < 1 {
		<-time.After(20 * time.Millisecond)
	}
}

// Configure changes one setting of a topic.
func Configure(tb testing.TB, c *kraft.Cluster, topic, key, value string) {
	tb.Helper()
	results, err := c.Admin.AlterTopicConfigs(tb.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: key, Value: &value}}, topic)
	for _, result := range results {
		err = errors.Join(err, result.Err)
	}
	if err != nil {
		tb.Fatalf("set %s=%s of topic %s: %v", key, value, topic, err)
	}
}

// Leader returns the id of the partition's leader, or -1 while it has none.
func Leader(tb testing.TB, c *kraft.Cluster, topic string, partition int32) int32 {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 2*time.Minute)
	defer cancel()
	topics, err := c.Admin.ListTopics(ctx, topic)
	if err != nil {
		tb.Fatalf("leader of %s/%d: %v", topic, partition, err)
	}
	detail := topics[topic].Partitions[partition]
	if detail.Err != nil || topics[topic].Err != nil || len(detail.Replicas) == 0 {
		return -1
	}
	return detail.Leader
}

// AwaitInSync waits until every replica of every partition of the topic is in sync.
func AwaitInSync(tb testing.TB, c *kraft.Cluster, topic string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 2*time.Minute)
	defer cancel()
	for {
		topics, err := c.Admin.ListTopics(ctx, topic)
		if ctx.Err() != nil {
			tb.Fatalf("replicas of %s are not in sync after 2 min: %+v", topic, topics)
		}
		if err == nil && inSync(topics[topic]) {
			return
		}
		<-time.After(100 * time.Millisecond)
	}
}

func inSync(topic kadm.TopicDetail) bool {
	for _, p := range topic.Partitions {
		if p.Err != nil || len(p.Replicas) == 0 || len(p.ISR) < len(p.Replicas) {
			return false
		}
	}
	return len(topic.Partitions) > 0
}

// Committed returns the group's committed offset of each partition that has one. A coordinator on the move is
// waited for.
func Committed(ctx context.Context, c *kraft.Cluster, group, topic string) (map[int32]int64, error) {
	for admin := c.Admin; ; {
		fetched, err := admin.FetchOffsets(ctx, group)
		if err == nil {
			committed := map[int32]int64{}
			for partition, offset := range fetched[topic] {
				if offset.Err != nil {
					return nil, offset.Err
				}
				committed[partition] = offset.At
			}
			return committed, nil
		}
		var code *kerr.Error
		if errors.As(err, &code) && !kerr.IsRetriable(err) {
			return nil, err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, fmt.Errorf("committed offsets of group %s: %w: %w", group, ctx.Err(), err)
		}
		if code == nil {
			// A client goes on dialling the coordinator it knows, though that broker is dead: a new one has to find out.
			client, err := kgo.NewClient(kgo.SeedBrokers(c.Internal()...))
			if err != nil {
				return nil, err
			}
			defer client.Close()
			admin = kadm.NewClient(client)
		}
	}
}

// Ends returns the number of offsets in each partition of the topic: its high watermark.
func Ends(tb testing.TB, c *kraft.Cluster, topic string) map[int32]int64 {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 2*time.Minute)
	defer cancel()
	listed, err := c.Admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		tb.Fatalf("end offsets of %s: %v", topic, err)
	}
	ends := map[int32]int64{}
	listed.Each(func(o kadm.ListedOffset) { ends[o.Partition] = o.Offset })
	return ends
}

// ReadAll calls each with every record of the topic, uncommitted ones too, up to the end that it has now.
func ReadAll(tb testing.TB, c *kraft.Cluster, topic string, each func(record.Record)) {
	tb.Helper()
	ends := Ends(tb, c, topic)
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Internal()...), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.KeepControlRecords())
	if err != nil {
		tb.Fatalf("read %s: %v", topic, err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(tb.Context(), 2*time.Minute)
	defer cancel()
	for partition, end := range ends {
		if end == 0 {
			delete(ends, partition)
		}
	}
	for len(ends) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			tb.Fatalf("read %s: %v", topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				each(fromKgo(r))
			}
			if end, open := ends[r.Partition]; open && r.Offset >= end-1 {
				delete(ends, r.Partition)
			}
		})
	}
}

func fromKgo(r *kgo.Record) record.Record {
	converted := record.Record{
		Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp.UnixMilli(), Key: r.Key, Value: r.Value,
	}
	for _, h := range r.Headers {
		converted.Headers = append(converted.Headers, record.Header{Key: h.Key, Value: h.Value})
	}
	return converted
}
