package kafka

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// What DescribeGroups does not know is asked for as a group of KIP-848, and what that does not know is listed by its coordinator. Kafka 4
// answers GROUP_ID_NOT_FOUND for groups of other types, as for those that do not exist.
func TestGroupsOfEveryTypeAreDescribed(t *testing.T) {
	t.Parallel()
	listed := []kmsg.ListGroupsResponseGroup{
		{Group: "jobs", GroupState: "Stable", GroupType: "share"},
		{Group: "app", GroupState: "NotReady", GroupType: "streams", ProtocolType: "streams"},
		{Group: "next", GroupState: "Stable", GroupType: "consumer", ProtocolType: "consumer"},
		{Group: "dying", GroupState: "Empty", GroupType: "classic"},
	}
	b := newFakeBroker(t, func(b *fakeBroker, r fakeRequest) ([]byte, error) {
		switch req := r.req.(type) {
		case *kmsg.FindCoordinatorRequest:
			resp := kmsg.NewPtrFindCoordinatorResponse()
			resp.Coordinators = []kmsg.FindCoordinatorResponseCoordinator{{Key: req.CoordinatorKeys[0], NodeID: 1}}
			return r.reply(resp), nil
		case *kmsg.DescribeGroupsRequest:
			resp := kmsg.NewPtrDescribeGroupsResponse()
			resp.Groups = []kmsg.DescribeGroupsResponseGroup{{Group: req.Groups[0], State: "Dead", ErrorCode: groupIDNotFound}}
			if req.Groups[0] == "old" {
				resp.Groups[0] = kmsg.DescribeGroupsResponseGroup{Group: "old", State: "Stable", ProtocolType: "connect"}
			}
			return r.reply(resp), nil
		case *kmsg.ConsumerGroupDescribeRequest:
			resp := kmsg.NewPtrConsumerGroupDescribeResponse()
			resp.Groups = []kmsg.ConsumerGroupDescribeResponseGroup{{Group: req.Groups[0], ErrorCode: groupIDNotFound}}
			if req.Groups[0] == "next" {
				resp.Groups[0] = kmsg.ConsumerGroupDescribeResponseGroup{Group: "next", State: "Stable", AssignorName: "uniform"}
			}
			return r.reply(resp), nil
		case *kmsg.ListGroupsRequest:
			resp := kmsg.NewPtrListGroupsResponse()
			resp.Groups = listed
			return r.reply(resp), nil
		}
		return b.standard(r)
	})
	described, err := testClient(t, b.cluster()).DescribeGroups(testContext(t), "old", "next", "jobs", "app", "dying", "nobody")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []DescribedGroup{
		{State: "Stable", Type: ClassicGroup, ProtocolType: "connect"},
		{State: "Stable", Type: ConsumerGroup, ProtocolType: "consumer"},
		{State: "Stable", Type: ShareGroup},
		{State: "NotReady", Type: StreamsGroup},
		{State: "Dead"},
		{State: "Dead"},
	} {
		if d := described[i]; d.State != want.State || d.Type != want.Type || d.ProtocolType != want.ProtocolType {
			t.Errorf("%s is described as %+v, want %+v", d.Group, d, want)
		}
	}
}
