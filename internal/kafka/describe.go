package kafka

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// groupIDNotFound is kerr.GroupIDNotFound on the wire.
const groupIDNotFound = 69

// ListedGroup is a group as ListGroups sees it.
type ListedGroup struct {
	Group        string
	ProtocolType string // "consumer" for consumer groups
	State        string // for example "Stable" or "Empty"
	Type         string // one of the types below; empty when the broker does not say
	Coordinator  int32
}

// Types of groups, by the names that Kafka has for them.
const (
	ClassicGroup  = "classic"
	ConsumerGroup = "consumer" // KIP-848
	ShareGroup    = "share"    // KIP-932
	StreamsGroup  = "streams"  // KIP-1071
)

// ListGroups asks every broker for the groups it coordinates and returns them in order of name. A broker that cannot be
// asked makes err not nil; the groups of the others are returned all the same.
func (c *Client) ListGroups(ctx context.Context) ([]ListedGroup, error) {
	brokers, err := c.Brokers(ctx)
	if err != nil {
		return nil, err
	}
	lists := make([][]ListedGroup, len(brokers))
	errs := make([]error, len(brokers))
	var wait sync.WaitGroup
	for i, b := range brokers {
		wait.Go(func() { lists[i], errs[i] = c.listGroupsOn(ctx, b.Node) })
	}
	wait.Wait()
	groups := slices.Concat(lists...)
	slices.SortFunc(groups, func(a, b ListedGroup) int { return cmp.Compare(a.Group, b.Group) })
	return groups, errors.Join(errs...)
}

func (c *Client) listGroupsOn(ctx context.Context, node int32) ([]ListedGroup, error) {
	resp, err := c.Request(ctx, node, kmsg.NewPtrListGroupsRequest())
	if err != nil {
		return nil, err
	}
	answer := resp.(*kmsg.ListGroupsResponse)
	if err := codeError(answer.ErrorCode); err != nil {
		return nil, &BrokerError{Request: "ListGroups", Node: node, Partition: -1, Err: err}
	}
	groups := make([]ListedGroup, len(answer.Groups))
	for i, g := range answer.Groups {
		groups[i] = ListedGroup{Group: g.Group, ProtocolType: g.ProtocolType, State: g.GroupState, Type: g.GroupType, Coordinator: node}
	}
	return groups, nil
}

// DescribedGroup is a group with its members.
type DescribedGroup struct {
	Group        string
	State        string // "Dead" when there is no such group
	Type         string // empty when there is no such group; members are described of classic and consumer groups
	ProtocolType string // of a classic or consumer group
	Protocol     string
	Coordinator  int32
	Members      []DescribedMember
	Err          error // why it could not be described
}

// DescribedMember is one member of a group.
type DescribedMember struct {
	ID         string
	InstanceID string
	ClientID   string
	Host       string
	Partitions []TopicPartition // what it is assigned; nil also for an assignment in an encoding of its own

	// Subscription is what it said when it joined, in the encoding of the group's protocol; nil while a rebalance goes on.
	Subscription []byte
}

// DescribeGroups returns the groups in the order asked, each from its coordinator, whichever protocol they use; err joins
// their errors.
func (c *Client) DescribeGroups(ctx context.Context, groups ...string) ([]DescribedGroup, error) {
	described := make([]DescribedGroup, len(groups))
	errs := make([]error, len(groups))
	for i, group := range groups {
		described[i], errs[i] = c.describeGroup(ctx, group)
		described[i].Group, described[i].Err = group, errs[i]
	}
	return described, errors.Join(errs...)
}

func (c *Client) describeGroup(ctx context.Context, group string) (DescribedGroup, error) {
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Groups = []string{group}
	resp, node, err := groupRequest[*kmsg.DescribeGroupsResponse](ctx, c, group, req, 0)
	if err != nil {
		return DescribedGroup{}, err
	}
	for _, g := range resp.Groups {
		if g.Group != group {
			continue
		}
		// From version 6 on a group that does not exist is an error (KIP-1043), before it was "Dead".
		if g.ErrorCode == groupIDNotFound || g.ErrorCode == 0 && g.State == dead {
			return c.describeNewer(ctx, group)
		}
		d := DescribedGroup{State: g.State, Type: ClassicGroup, ProtocolType: g.ProtocolType, Protocol: g.Protocol, Coordinator: node}
		for _, m := range g.Members {
			member := DescribedMember{ID: m.MemberID, InstanceID: text(m.InstanceID), ClientID: m.ClientID, Host: m.ClientHost, Subscription: m.ProtocolMetadata}
			if g.ProtocolType == consumerProtocol {
				member.Partitions = assignedPartitions(m.MemberAssignment)
			}
			d.Members = append(d.Members, member)
		}
		return d, c.groupError("DescribeGroups", node, group, g.ErrorCode)
	}
	return DescribedGroup{}, &BrokerError{Request: "DescribeGroups", Node: node, Partition: -1, Group: group, Err: ErrNoAnswer}
}
