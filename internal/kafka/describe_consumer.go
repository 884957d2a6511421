package kafka

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// dead is the state that DescribeGroups gives a group that does not exist, or that is not of the classic protocol.
const dead = "Dead"

// describeNewer describes a group that DescribeGroups knows nothing of. Of one that is not of KIP-848 either the coordinator lists
// state and type.
func (c *Client) describeNewer(ctx context.Context, group string) (DescribedGroup, error) {
	d, err := c.describeConsumerGroup(ctx, group)
	if err != nil || d.State != dead {
		return d, err
	}
	node, err := c.Coordinator(ctx, GroupCoordinator, group)
	if err != nil {
		return d, err
	}
	listed, err := c.listGroupsOn(ctx, node)
	for _, g := range listed {
		if g.Group == group && g.Type != "" && g.Type != ClassicGroup {
			d.State, d.Type, d.Coordinator = g.State, g.Type, node
		}
	}
	return d, err
}

// describeConsumerGroup describes a group of the protocol of KIP-848, which DescribeGroups knows nothing of. A group that
// does not exist is "Dead" here too, as it is where the broker does not know the protocol.
func (c *Client) describeConsumerGroup(ctx context.Context, group string) (DescribedGroup, error) {
	none := DescribedGroup{Group: group, State: dead}
	req := kmsg.NewPtrConsumerGroupDescribeRequest()
	req.Groups = []string{group}
	resp, node, err := groupRequest[*kmsg.ConsumerGroupDescribeResponse](ctx, c, group, req, 0)
	var version *VersionError
	if errors.As(err, &version) {
		return none, nil
	}
	if err != nil {
		return none, err
	}
	none.Coordinator = node
	for _, g := range resp.Groups {
		if g.Group != group {
			continue
		}
		err := c.groupError("ConsumerGroupDescribe", node, group, g.ErrorCode)
		if errors.Is(err, kerr.GroupIDNotFound) || errors.Is(err, kerr.UnsupportedVersion) {
			return none, nil
		}
		d := DescribedGroup{State: g.State, Type: ConsumerGroup, ProtocolType: consumerProtocol, Protocol: g.AssignorName, Coordinator: node}
		for _, m := range g.Members {
			member := DescribedMember{ID: m.MemberID, InstanceID: text(m.InstanceID), ClientID: m.ClientID, Host: m.ClientHost}
			for _, t := range m.Assignment.TopicPartitions {
				for _, id := range t.Partitions {
					member.Partitions = append(member.Partitions, TopicPartition{t.Topic, id})
				}
			}
			d.Members = append(d.Members, member)
		}
		return d, err
	}
	return none, &BrokerError{Request: "ConsumerGroupDescribe", Node: node, Partition: -1, Group: group, Err: ErrNoAnswer}
}

// consumerProtocol is the protocol type of consumers, whose assignments are in the encoding of Java's ConsumerProtocol.
const consumerProtocol = "consumer"

// assignedPartitions reads a classic member's assignment. What cannot be read is nothing: one odd member does not keep its
// group from being described.
func assignedPartitions(assignment []byte) []TopicPartition {
	read := kmsg.NewConsumerMemberAssignment()
	walk := answer{wireReader: wireReader{src: assignment}}
	walk.skip(2)
	array[kmsg.ConsumerMemberAssignmentTopic](&walk, func() { walk.text(); walk.numbers(4) })
	if walk.bad || walk.memory > maxDecoded {
		return nil
	}
	if err := read.ReadFrom(assignment); err != nil {
		return nil
	}
	var partitions []TopicPartition
	for _, t := range read.Topics {
		for _, id := range t.Partitions {
			partitions = append(partitions, TopicPartition{t.Topic, id})
		}
	}
	return partitions
}
