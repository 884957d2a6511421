package kafka

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Member is the identity under which a group member commits. For a tool outside the group: MemberID "" and Generation
// -1, which the coordinator accepts only while the group is empty.
type Member struct {
	Group      string
	MemberID   string
	InstanceID string // static membership (KIP-345); empty for a dynamic member
	Generation int32
}

// OffsetCommit is what to remember for one partition.
type OffsetCommit struct {
	Topic     string
	Partition int32
	Offset    int64  // of the next record to handle
	Metadata  string // free text, offset.metadata.max.bytes (4096 by default) at most
}

// CommitOffsets stores offsets with the group's coordinator, in one attempt. The errors come in the order of the
// commits, nil for each that was stored; err is all of them joined, or why the request failed as a whole (then errs is
// nil). Leader epochs are sent as -1, unknown: an epoch that is not the record's own makes other clients see a
// truncated log.
func (c *Client) CommitOffsets(ctx context.Context, member Member, commits ...OffsetCommit) (errs []error, err error) {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group = member.Group
	req.Generation = member.Generation
	req.MemberID = member.MemberID
	req.InstanceID = optional(member.InstanceID)
	index := make(map[string]int)
	for _, o := range commits {
		at, ok := index[o.Topic]
		if !ok {
			at = len(req.Topics)
			index[o.Topic] = at
			topic := kmsg.NewOffsetCommitRequestTopic()
			topic.Topic = o.Topic
			req.Topics = append(req.Topics, topic)
		}
		partition := kmsg.NewOffsetCommitRequestTopicPartition()
		partition.Partition, partition.Offset, partition.LeaderEpoch = o.Partition, o.Offset, -1
		partition.Metadata = kmsg.StringPtr(o.Metadata)
		req.Topics[at].Partitions = append(req.Topics[at].Partitions, partition)
	}
	resp, node, err := groupRequest[*kmsg.OffsetCommitResponse](ctx, c, member.Group, req, 0)
	if err != nil {
		return nil, err
	}
	codes := make(map[TopicPartition]int16, len(commits))
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			codes[TopicPartition{t.Topic, p.Partition}] = p.ErrorCode
		}
	}
	errs = make([]error, len(commits))
	for i, o := range commits {
		code, answered := codes[TopicPartition{o.Topic, o.Partition}]
		errs[i] = c.offsetError("OffsetCommit", node, member.Group, o.Topic, o.Partition, code, answered)
	}
	return errs, errors.Join(errs...)
}

// CommittedOffset is what a group has stored for one partition.
type CommittedOffset struct {
	Topic       string
	Partition   int32
	Offset      int64 // -1: nothing stored
	LeaderEpoch int32 // -1 when unknown
	Metadata    string
	Err         error
}

// FetchOffsets reads what a group has committed, in one attempt, in the order of the partitions; without partitions,
// everything the group has. A group that does not exist has nothing. It asks for stable offsets: while a transaction
// that commits offsets is pending the answer is kerr.UnstableOffsetCommit, which is retriable, and never an offset that
// the transaction may overtake. err joins the partitions' errors, or is why the request failed as a whole.
func (c *Client) FetchOffsets(ctx context.Context, group string, partitions ...TopicPartition) ([]CommittedOffset, error) {
	resp, node, err := groupRequest[*kmsg.OffsetFetchResponse](ctx, c, group, offsetFetchRequest(group, partitions), 0)
	if err != nil {
		return nil, err
	}
	answer, ok := offsetFetchAnswer(resp, group)
	if !ok {
		return nil, &BrokerError{Request: "OffsetFetch", Node: node, Partition: -1, Group: group, Err: ErrNoAnswer}
	}
	if answer.ErrorCode == groupIDNotFound {
		return nothingCommitted(partitions), nil
	}
	if err := c.groupError("OffsetFetch", node, group, answer.ErrorCode); err != nil {
		return nil, err
	}
	found := make(map[TopicPartition]CommittedOffset)
	order := partitions
	for _, t := range answer.Topics {
		for _, p := range t.Partitions {
			key := TopicPartition{t.Topic, p.Partition}
			found[key] = CommittedOffset{
				Topic: t.Topic, Partition: p.Partition, Offset: p.Offset, LeaderEpoch: p.LeaderEpoch, Metadata: text(p.Metadata),
				Err: c.offsetError("OffsetFetch", node, group, t.Topic, p.Partition, p.ErrorCode, true),
			}
			if len(partitions) == 0 {
				order = append(order, key)
			}
		}
	}
	offsets := make([]CommittedOffset, len(order))
	var errs []error
	for i, key := range order {
		offset, ok := found[key]
		if !ok {
			offset = nothingCommitted([]TopicPartition{key})[0]
			offset.Err = c.offsetError("OffsetFetch", node, group, key.Topic, key.Partition, 0, false)
		}
		offsets[i] = offset
		errs = append(errs, offset.Err)
	}
	return offsets, errors.Join(errs...)
}

// nothingCommitted answers for a group that does not exist. Kafka itself answers so, other brokers with an error.
func nothingCommitted(partitions []TopicPartition) []CommittedOffset {
	offsets := make([]CommittedOffset, len(partitions))
	for i, p := range partitions {
		offsets[i] = CommittedOffset{Topic: p.Topic, Partition: p.Partition, Offset: -1, LeaderEpoch: -1}
	}
	return offsets
}

// offsetFetchRequest fills both forms of the request: one group up to version 7, a list of groups from version 8.
func offsetFetchRequest(group string, partitions []TopicPartition) *kmsg.OffsetFetchRequest {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group, req.RequireStable = group, true
	wanted := kmsg.NewOffsetFetchRequestGroup()
	wanted.Group = group
	index := make(map[string]int)
	for _, p := range partitions {
		at, ok := index[p.Topic]
		if !ok {
			at = len(req.Topics)
			index[p.Topic] = at
			topic := kmsg.NewOffsetFetchRequestTopic()
			topic.Topic = p.Topic
			req.Topics = append(req.Topics, topic)
			listed := kmsg.NewOffsetFetchRequestGroupTopic()
			listed.Topic = p.Topic
			wanted.Topics = append(wanted.Topics, listed)
		}
		req.Topics[at].Partitions = append(req.Topics[at].Partitions, p.Partition)
		wanted.Topics[at].Partitions = req.Topics[at].Partitions
	}
	req.Groups = append(req.Groups, wanted)
	return req
}

// offsetFetchAnswer returns a group's part of either form of the response.
func offsetFetchAnswer(resp *kmsg.OffsetFetchResponse, group string) (kmsg.OffsetFetchResponseGroup, bool) {
	if resp.Version >= 8 {
		for _, g := range resp.Groups {
			if g.Group == group {
				return g, true
			}
		}
		return kmsg.OffsetFetchResponseGroup{}, false
	}
	g := kmsg.OffsetFetchResponseGroup{Group: group, ErrorCode: resp.ErrorCode}
	for _, t := range resp.Topics {
		topic := kmsg.OffsetFetchResponseGroupTopic{Topic: t.Topic}
		for _, p := range t.Partitions {
			topic.Partitions = append(topic.Partitions, kmsg.OffsetFetchResponseGroupTopicPartition{
				Partition: p.Partition, Offset: p.Offset, LeaderEpoch: p.LeaderEpoch, Metadata: p.Metadata, ErrorCode: p.ErrorCode,
			})
		}
		g.Topics = append(g.Topics, topic)
	}
	return g, true
}

// offsetError is groupError for one partition.
func (c *Client) offsetError(request string, node int32, group, topic string, partition int32, code int16, answered bool) error {
	err := codeError(code)
	if !answered {
		err = ErrNoAnswer
	}
	if err == nil {
		return nil
	}
	if RefreshesCoordinator(err) {
		c.ForgetCoordinator(GroupCoordinator, group)
	}
	return &BrokerError{Request: request, Node: node, Topic: topic, Partition: partition, Group: group, Err: err}
}
