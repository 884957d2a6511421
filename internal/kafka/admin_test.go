package kafka

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestOverviewTellsClusterBrokersAndTopics(t *testing.T) {
	t.Parallel()
	ctx, fake := testContext(t), testCluster(t, kfake.ClusterID("here"))
	client := testClient(t, plainCluster(fake))
	if err := fake.CreateTopic("alerts", 2, nil); err != nil {
		t.Fatal(err)
	}
	for _, node := range []int32{AnyNode, 1} {
		o, err := client.Overview(ctx, node)
		if err != nil || o.ClusterID != "here" || len(o.Brokers) != 3 || len(o.Topics) != 2 || o.Topics[0].Name != "alerts" || len(o.Topics[0].Partitions) != 2 {
			t.Errorf("node %d: %+v, %v", node, o, err)
		}
	}
	topics, err := client.TopicsNow(ctx, []string{"nowhere", "alerts"})
	if err != nil || !errors.Is(topics[0].Err, kerr.UnknownTopicOrPartition) || topics[0].Name != "nowhere" || len(topics[1].Partitions) != 2 {
		t.Errorf("%+v, %v", topics, err)
	}
}

func TestSettingsAreChangedOneByOneAndTakenBack(t *testing.T) {
	t.Parallel()
	ctx, fake := testContext(t), testCluster(t)
	client := testClient(t, plainCluster(fake))
	value := func(name string) string {
		t.Helper()
		entries, errs, err := client.Configs(ctx, AnyNode, []string{"flights", "nowhere"})
		if err != nil || errs[0] != nil || !errors.Is(errs[1], kerr.UnknownTopicOrPartition) {
			t.Fatalf("%v, %v", errs, err)
		}
		for _, e := range entries[0] {
			if e.Name == name && !e.Default {
				return e.Value
			}
		}
		return ""
	}
	day, segment := "86400000", "1000"
	change := ConfigChange{Resource: ConfigResource{Topic: "flights"}, Set: map[string]*string{"retention.ms": &day, "segment.ms": &segment}}
	if errs, err := client.AlterConfigs(ctx, true, change); err != nil || errs[0] != nil || value("retention.ms") != "" {
		t.Errorf("validation only: %v, %v, %q", errs, err, value("retention.ms"))
	}
	if _, err := client.AlterConfigs(ctx, false, change); err != nil || value("retention.ms") != day || value("segment.ms") != segment {
		t.Errorf("%v, %q, %q", err, value("retention.ms"), value("segment.ms"))
	}
	change.Set = map[string]*string{"retention.ms": nil}
	if _, err := client.AlterConfigs(ctx, false, change); err != nil || value("retention.ms") != "" || value("segment.ms") != segment {
		t.Errorf("%v, %q, %q", err, value("retention.ms"), value("segment.ms"))
	}
	missing := ConfigChange{Resource: ConfigResource{Topic: "nowhere"}, Set: map[string]*string{"retention.ms": &day}}
	errs, err := client.AlterConfigs(ctx, false, change, missing)
	if errs[0] != nil || !errors.Is(errs[1], kerr.UnknownTopicOrPartition) || err == nil {
		t.Errorf("%v, %v", errs, err)
	}
}

func TestSettingsOfBrokers(t *testing.T) {
	t.Parallel()
	ctx, fake := testContext(t), testCluster(t)
	client := testClient(t, plainCluster(fake))
	rate := "1000"
	for _, node := range []int32{0, 1, 2} {
		change := ConfigChange{Resource: ConfigResource{Node: node}, Set: map[string]*string{"message.max.bytes": &rate}}
		if _, err := client.AlterConfigs(ctx, false, change); err != nil {
			t.Errorf("broker %d: %v", node, err)
		}
	}
	entries, err := client.BrokerConfigs(ctx, 1, "message.max.bytes")
	if err != nil || !slices.ContainsFunc(entries, func(e ConfigEntry) bool { return e.Name == "message.max.bytes" && e.Value == rate && !e.Default }) {
		t.Errorf("%+v, %v", entries, err)
	}
}

func TestPartitionsAreAdded(t *testing.T) {
	t.Parallel()
	ctx, fake := testContext(t), testCluster(t)
	client := testClient(t, plainCluster(fake))
	errs, err := client.CreatePartitions(ctx, MorePartitions{"flights", 5}, MorePartitions{"nowhere", 5})
	if errs[0] != nil || !errors.Is(errs[1], kerr.UnknownTopicOrPartition) || err == nil {
		t.Errorf("%v, %v", errs, err)
	}
	if topic, err := client.Topic(ctx, "flights"); err != nil || len(topic.Partitions) != 5 {
		t.Errorf("%+v, %v", topic, err)
	}
	if _, err := client.CreatePartitions(ctx, MorePartitions{"flights", 4}); !errors.Is(err, kerr.InvalidPartitions) {
		t.Errorf("fewer: %v", err)
	}
}

func TestReassignmentsAreAskedForAndListed(t *testing.T) {
	t.Parallel()
	ctx, fake := testContext(t), testCluster(t)
	client := testClient(t, plainCluster(fake))
	here := Placement{TopicPartition{"flights", 1}, []int32{0, 1}}
	errs, err := client.Reassign(ctx, here, Placement{TopicPartition{"nowhere", 0}, []int32{0}})
	if errs[0] != nil || !errors.Is(errs[1], kerr.UnknownTopicOrPartition) || err == nil {
		t.Errorf("%v, %v", errs, err)
	}
	fake.ControlKey(int16(kmsg.ListPartitionReassignments), func(req kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		resp := req.ResponseKind().(*kmsg.ListPartitionReassignmentsResponse)
		topic := kmsg.NewListPartitionReassignmentsResponseTopic()
		topic.Topic = "flights"
		for _, p := range []int32{2, 1} {
			partition := kmsg.NewListPartitionReassignmentsResponseTopicPartition()
			partition.Partition, partition.Replicas, partition.AddingReplicas, partition.RemovingReplicas = p, []int32{0, 1, 2}, []int32{1}, []int32{2}
			topic.Partitions = append(topic.Partitions, partition)
		}
		resp.Topics = append(resp.Topics, topic)
		return resp, nil, true
	})
	moving, err := client.Reassignments(ctx)
	if err != nil || len(moving) != 2 || moving[0].Partition != 1 {
		t.Fatalf("%+v, %v", moving, err)
	}
	if diff := cmp.Diff([]int32{0, 1}, moving[0].Goal()); diff != "" {
		t.Errorf("goal (-want +got):\n%s", diff)
	}
}

func TestRulesAreAddedListedAndRemoved(t *testing.T) {
	t.Parallel()
	ctx, fake := testContext(t), testCluster(t)
	client := testClient(t, plainCluster(fake))
	rules := []ACL{
		{Principal: "User:a", Host: "*", Resource: "GROUP", Name: "g", Pattern: "LITERAL", Operation: "READ", Allow: true},
		{Principal: "User:a", Host: "10.0.0.1", Resource: "TOPIC", Name: "fl", Pattern: "PREFIXED", Operation: "WRITE"},
	}
	for range 2 { // the second time they are there already
		if errs, err := client.CreateACLs(ctx, rules...); err != nil || len(errs) != 2 {
			t.Fatalf("%v, %v", errs, err)
		}
	}
	got, err := client.ACLs(ctx)
	slices.SortFunc(got, func(a, b ACL) int { return strings.Compare(a.Resource, b.Resource) })
	if diff := cmp.Diff(rules, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := client.DeleteACLs(ctx, rules[0]); err != nil {
		t.Error(err)
	}
	if got, err := client.ACLs(ctx); err != nil || len(got) != 1 || got[0] != rules[1] {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := client.CreateACLs(ctx, ACL{Resource: "CASTLE"}); err == nil {
		t.Error("a rule about a castle was taken")
	}
}

func TestClusterWithoutAnAuthorizerSaysSo(t *testing.T) {
	t.Parallel()
	ctx, fake := testContext(t), testCluster(t)
	client := testClient(t, plainCluster(fake))
	fake.ControlKey(int16(kmsg.DescribeACLs), func(req kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		resp := req.ResponseKind().(*kmsg.DescribeACLsResponse)
		resp.ErrorCode = kerr.SecurityDisabled.Code
		return resp, nil, true
	})
	if _, err := client.ACLs(ctx); !errors.Is(err, ErrNoAuthorizer) {
		t.Errorf("got %v", err)
	}
}

func TestLogSizesCountWhatIsOnTheDisks(t *testing.T) {
	t.Parallel()
	ctx, fake := testContext(t), testCluster(t)
	client := testClient(t, plainCluster(fake))
	if _, err := produceOne(ctx, client, "flights", 0, testBatch(0, "x", "y")); err != nil {
		t.Fatal(err)
	}
	topic, err := client.Topic(ctx, "flights")
	if err != nil {
		t.Fatal(err)
	}
	sizes, err := client.LogSizes(ctx, []Topic{topic})
	if err != nil {
		t.Fatal(err)
	}
	var bytes int64
	for _, size := range sizes {
		bytes += size.Bytes
		if size.Topic != "flights" || size.Partition != 0 && size.Bytes > 0 {
			t.Errorf("%+v", size)
		}
	}
	if bytes == 0 {
		t.Errorf("nothing is on the disks: %+v", sizes)
	}
}
