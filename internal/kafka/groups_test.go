package kafka

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// join takes a new member through JoinGroup and SyncGroup; it is alone, so it leads.
func join(ctx context.Context, t *testing.T, client *Client, group, instance string) Member {
	t.Helper()
	req := JoinRequest{
		Group: group, InstanceID: instance, SessionTimeout: 10 * time.Second, RebalanceTimeout: 10 * time.Second,
		ProtocolType: "consumer", Protocols: []GroupProtocol{{Name: "range", Metadata: subscription("flights")}}, Reason: "test",
	}
	joined, err := client.JoinGroup(ctx, req)
	if errors.Is(err, kerr.MemberIDRequired) {
		if req.MemberID = joined.MemberID; req.MemberID == "" {
			t.Fatal("MEMBER_ID_REQUIRED came without a member id")
		}
		joined, err = client.JoinGroup(ctx, req)
	}
	if err != nil {
		t.Fatal(err)
	}
	if !joined.IsLeader() || len(joined.Members) != 1 || joined.Members[0].ID != joined.MemberID || joined.Members[0].InstanceID != instance || joined.Protocol != "range" {
		t.Errorf("joined as %+v", joined)
	}
	member := Member{Group: group, MemberID: joined.MemberID, InstanceID: instance, Generation: joined.Generation}
	assignment, err := client.SyncGroup(ctx, SyncRequest{
		Member: member, ProtocolType: "consumer", Protocol: "range",
		Assignments: map[string][]byte{joined.MemberID: []byte("mine")}, Timeout: 10 * time.Second,
	})
	if err != nil || string(assignment) != "mine" {
		t.Fatalf("assignment is %q, %v", assignment, err)
	}
	return member
}

func subscription(topics ...string) []byte {
	metadata := kmsg.NewConsumerMemberMetadata()
	metadata.Topics = topics
	return metadata.AppendTo(nil)
}

func TestMemberJoinsCommitsAndLeaves(t *testing.T) {
	t.Parallel()
	for _, instance := range []string{"", "worker-1"} {
		t.Run("instance "+instance, func(t *testing.T) {
			t.Parallel()
			ctx, fake := testContext(t), testCluster(t)
			client := testClient(t, plainCluster(fake))
			member := join(ctx, t, client, "delays", instance)
			if err := client.Heartbeat(ctx, member); err != nil {
				t.Error(err)
			}
			errs, err := client.CommitOffsets(ctx, member,
				OffsetCommit{Topic: "flights", Partition: 2, Offset: 7, Metadata: "h1:abc"},
				OffsetCommit{Topic: "flights", Partition: 0, Offset: 3})
			if err != nil || len(errs) != 2 {
				t.Fatalf("commit: %v, %v", errs, err)
			}
			offsets, err := client.FetchOffsets(ctx, "delays",
				TopicPartition{"flights", 0}, TopicPartition{"flights", 1}, TopicPartition{"flights", 2})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]CommittedOffset{
				{Topic: "flights", Partition: 0, Offset: 3, LeaderEpoch: -1},
				{Topic: "flights", Partition: 1, Offset: -1, LeaderEpoch: -1},
				{Topic: "flights", Partition: 2, Offset: 7, LeaderEpoch: -1, Metadata: "h1:abc"},
			}, offsets); diff != "" {
				t.Error(diff)
			}
			if all, err := client.FetchOffsets(ctx, "delays"); err != nil || len(all) != 2 {
				t.Errorf("all offsets are %+v, %v", all, err)
			}

			stale := member
			stale.Generation--
			errs, err = client.CommitOffsets(ctx, stale, OffsetCommit{Topic: "flights", Partition: 0, Offset: 1})
			if !errors.Is(err, kerr.IllegalGeneration) || !errors.Is(errs[0], kerr.IllegalGeneration) || Retriable(err) {
				t.Errorf("commit of an older generation: %v", err)
			}
			if err := client.Heartbeat(ctx, stale); !errors.Is(err, kerr.IllegalGeneration) || !strings.Contains(err.Error(), `group "delays"`) {
				t.Errorf("heartbeat of an older generation: %v", err)
			}

			described, err := client.DescribeGroups(ctx, "delays", "nobody")
			if err != nil || described[0].State != "Stable" || len(described[0].Members) != 1 || described[0].Members[0].ID != member.MemberID || described[1].State != "Dead" {
				t.Errorf("groups are %+v, %v", described, err)
			}
			if groups, err := client.ListGroups(ctx); err != nil || len(groups) != 1 || groups[0].Group != "delays" || groups[0].State != "Stable" {
				t.Errorf("groups are %+v, %v", groups, err)
			}
			if err := client.LeaveGroup(ctx, member, "done"); err != nil {
				t.Error(err)
			}
			if err := client.Heartbeat(ctx, member); !errors.Is(err, kerr.UnknownMemberID) {
				t.Errorf("heartbeat after leaving: %v", err)
			}
			if err := client.LeaveGroup(ctx, member, "again"); !errors.Is(err, kerr.UnknownMemberID) {
				t.Errorf("leaving twice: %v", err)
			}
		})
	}
}

func TestGroupThatDoesNotExistHasNoOffsets(t *testing.T) {
	t.Parallel()
	client, ctx := testClient(t, plainCluster(testCluster(t))), testContext(t)
	offsets, err := client.FetchOffsets(ctx, "nobody", TopicPartition{"flights", 1})
	if err != nil || len(offsets) != 1 || offsets[0] != (CommittedOffset{Topic: "flights", Partition: 1, Offset: -1, LeaderEpoch: -1}) {
		t.Errorf("offsets are %+v, %v", offsets, err)
	}
	if all, err := client.FetchOffsets(ctx, "nobody"); err != nil || len(all) != 0 {
		t.Errorf("all offsets are %+v, %v", all, err)
	}
}

func TestOffsetErrorsAreNotSwallowed(t *testing.T) {
	t.Parallel()
	ctx, fake := testContext(t), testCluster(t)
	client := testClient(t, plainCluster(fake))
	member := join(ctx, t, client, "delays", "")
	fake.Fault(
		kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Topic: "flights", Partitions: []int32{1}, Err: kerr.OffsetMetadataTooLarge},
		kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetFetch}, Topic: "flights", Partitions: []int32{1}, Err: kerr.UnstableOffsetCommit})
	errs, err := client.CommitOffsets(ctx, member,
		OffsetCommit{Topic: "flights", Partition: 0, Offset: 1}, OffsetCommit{Topic: "flights", Partition: 1, Offset: 1})
	if !errors.Is(err, kerr.OffsetMetadataTooLarge) || errs[0] != nil || !strings.Contains(errs[1].Error(), "partition 1") {
		t.Errorf("commit: %v, %v", errs, err)
	}
	offsets, err := client.FetchOffsets(ctx, "delays", TopicPartition{"flights", 0}, TopicPartition{"flights", 1})
	if !errors.Is(err, kerr.UnstableOffsetCommit) || !Retriable(err) || offsets[0].Err != nil || offsets[1].Err == nil {
		t.Errorf("fetch: %+v, %v", offsets, err)
	}
}

func TestOffsetsOfAnOldBroker(t *testing.T) {
	t.Parallel()
	b := newFakeBroker(t, func(b *fakeBroker, r fakeRequest) ([]byte, error) {
		switch req := r.req.(type) {
		case *kmsg.FindCoordinatorRequest:
			resp := kmsg.NewPtrFindCoordinatorResponse()
			resp.NodeID = 1
			if r.version >= 4 || req.CoordinatorKey != "delays" {
				return nil, errors.New("wrong form")
			}
			return r.reply(resp), nil
		case *kmsg.OffsetFetchRequest:
			if r.version != 7 || !req.RequireStable || req.Group != "delays" {
				return nil, errors.New("wrong form")
			}
			resp := kmsg.NewPtrOffsetFetchResponse()
			topic := kmsg.NewOffsetFetchResponseTopic()
			topic.Topic = "flights"
			topic.Partitions = []kmsg.OffsetFetchResponseTopicPartition{{Partition: 1, Offset: 5, LeaderEpoch: -1}}
			resp.Topics = append(resp.Topics, topic)
			return r.reply(resp), nil
		}
		return b.standard(r)
	})
	for key := int16(0); key < 40; key++ {
		api := kmsg.ApiVersionsResponseApiKey{ApiKey: key, MaxVersion: kmsg.RequestForKey(key).MaxVersion()}
		switch kmsg.Key(key) {
		case kmsg.FindCoordinator:
			api.MaxVersion = 3
		case kmsg.OffsetFetch:
			api.MaxVersion = 7
		}
		b.versions = append(b.versions, api)
	}
	offsets, err := testClient(t, b.cluster()).FetchOffsets(testContext(t), "delays", TopicPartition{"flights", 1})
	if err != nil || len(offsets) != 1 || offsets[0].Offset != 5 {
		t.Errorf("offsets are %+v, %v", offsets, err)
	}
}

func TestMovedCoordinatorIsFoundAgain(t *testing.T) {
	t.Parallel()
	for _, code := range []*kerr.Error{kerr.NotCoordinator, kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress} {
		t.Run(code.Message, func(t *testing.T) {
			t.Parallel()
			ctx, fake := testContext(t), testCluster(t)
			client := testClient(t, plainCluster(fake))
			member := join(ctx, t, client, "delays", "")
			lookups := fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.FindCoordinator}, Group: "delays", Observe: true, Count: -1})
			if err := client.Heartbeat(ctx, member); err != nil || lookups.Hits() != 0 {
				t.Fatalf("heartbeat with %d coordinator look-ups: %v", lookups.Hits(), err)
			}
			fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Group: "delays", TopLevel: true, Err: code})
			attempts := 0
			err := client.Retry(ctx, func(ctx context.Context) error {
				attempts++
				return client.Heartbeat(ctx, member)
			})
			wantLookups := int64(1)
			if code == kerr.CoordinatorLoadInProgress {
				wantLookups = 0
			}
			if err != nil || attempts != 2 || int64(lookups.Hits()) != wantLookups {
				t.Errorf("%d attempts, %d look-ups, %v", attempts, lookups.Hits(), err)
			}
		})
	}
}

func TestCoordinatorErrorsNameTheGroup(t *testing.T) {
	t.Parallel()
	ctx, fake := testContext(t), testCluster(t)
	client := testClient(t, plainCluster(fake))
	fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.FindCoordinator}, Group: "delays", Err: kerr.GroupAuthorizationFailed})
	_, err := client.Coordinator(ctx, GroupCoordinator, "delays")
	if !errors.Is(err, kerr.GroupAuthorizationFailed) || Retriable(err) || !strings.Contains(err.Error(), `group "delays"`) {
		t.Errorf("error is %v", err)
	}
}

func TestJoinWaitsForTheRebalanceBeyondAllTimeouts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newPipeBroker(t, func(b *fakeBroker, r fakeRequest) ([]byte, error) {
			switch r.req.(type) {
			case *kmsg.FindCoordinatorRequest:
				resp := kmsg.NewPtrFindCoordinatorResponse()
				found := kmsg.NewFindCoordinatorResponseCoordinator()
				found.Key, found.NodeID = "delays", 1
				resp.Coordinators = append(resp.Coordinators, found)
				return r.reply(resp), nil
			case *kmsg.JoinGroupRequest:
				<-time.After(300 * time.Millisecond) // the other members take their time
				resp := kmsg.NewPtrJoinGroupResponse()
				resp.MemberID = "m1"
				return r.reply(resp), nil
			}
			return b.standard(r)
		})
		client := testClient(t, b.cluster(), WithDial(dialPipes(b)), WithRequestTimeout(100*time.Millisecond), WithDialTimeout(150*time.Millisecond))
		joined, err := client.JoinGroup(testContext(t), JoinRequest{Group: "delays", RebalanceTimeout: 5 * time.Second})
		if err != nil || joined.MemberID != "m1" {
			t.Errorf("joined %+v, %v", joined, err)
		}
	})
}
