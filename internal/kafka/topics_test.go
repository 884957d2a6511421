package kafka

import (
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestTopicsAreCreatedDescribedAndDeleted(t *testing.T) {
	t.Parallel()
	ctx, fake := testContext(t), testCluster(t)
	client := testClient(t, plainCluster(fake))
	alerts := NewTopic{Name: "alerts", Partitions: 4, ReplicationFactor: 1, Configs: map[string]string{"retention.ms": "60000"}}
	errs, err := client.CreateTopics(ctx, true, alerts)
	if err != nil || len(errs) != 1 || fake.TopicInfo("alerts") != nil {
		t.Fatalf("validation only: %v, %v", errs, err)
	}
	errs, err = client.CreateTopics(ctx, false, NewTopic{Name: "flights", Partitions: 1, ReplicationFactor: 1}, alerts)
	if !errors.Is(err, kerr.TopicAlreadyExists) || !errors.Is(errs[0], kerr.TopicAlreadyExists) || errs[1] != nil || !strings.Contains(err.Error(), `"flights"`) {
		t.Fatalf("creation: %v, %v", errs, err)
	}
	topic, err := client.Topic(ctx, "alerts")
	if err != nil || len(topic.Partitions) != 4 {
		t.Errorf("topic is %+v, %v", topic, err)
	}
	configs, err := client.TopicConfigs(ctx, "alerts")
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for i, c := range configs {
		if i > 0 && configs[i-1].Name >= c.Name {
			t.Errorf("settings are out of order at %s", c.Name)
		}
		if c.Name == "retention.ms" {
			found = c.Value == "60000" && !c.Default
		} else if !c.Default {
			t.Errorf("%s=%s counts as set", c.Name, c.Value)
		}
	}
	if !found {
		t.Errorf("retention.ms is not 60000 in %+v", configs)
	}
	if _, err := client.TopicConfigs(ctx, "nothing"); !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("settings of no topic: %v", err)
	}
	if errs, err = client.DeleteTopics(ctx, "alerts", "nothing"); errs[0] != nil || !errors.Is(errs[1], kerr.UnknownTopicOrPartition) || err == nil {
		t.Errorf("deletion: %v, %v", errs, err)
	}
	if _, err := client.Topic(ctx, "alerts"); !errors.Is(err, ErrUnknownTopic) {
		t.Errorf("deleted topic: %v", err)
	}
}

func TestListOffsetsAnswersEveryQuery(t *testing.T) {
	t.Parallel()
	ctx, fake := testContext(t), testCluster(t)
	client := testClient(t, plainCluster(fake))
	for p := range int32(3) {
		for range p + 1 {
			if _, err := produceOne(ctx, client, "flights", p, testBatch(0, "x", "y")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := fake.DeleteRecords("flights", 2, 3); err != nil {
		t.Fatal(err)
	}
	fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: "flights", Partitions: []int32{1}, Err: kerr.OffsetNotAvailable})
	answers, err := client.ListOffsets(ctx, false,
		OffsetQuery{"flights", 2, Latest}, OffsetQuery{"flights", 1, Latest}, OffsetQuery{"flights", 2, Earliest},
		OffsetQuery{"flights", 0, 1 << 50}, OffsetQuery{"flights", 9, Latest}, OffsetQuery{"flihgts", 0, Latest})
	for i, want := range []int64{6, -1, 3, -1, -1, -1} {
		if answers[i].Offset != want {
			t.Errorf("answer %d is %+v, want offset %d", i, answers[i], want)
		}
	}
	for i, want := range []error{nil, kerr.OffsetNotAvailable, nil, nil, kerr.UnknownTopicOrPartition, ErrUnknownTopic} {
		if !errors.Is(answers[i].Err, want) {
			t.Errorf("answer %d has error %v, want %v", i, answers[i].Err, want)
		}
	}
	if !errors.Is(err, kerr.OffsetNotAvailable) || !errors.Is(err, ErrUnknownTopic) {
		t.Errorf("joined error is %v", err)
	}
}
