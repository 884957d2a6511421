package kafka

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Placement says on which brokers a partition's replicas are to be, the preferred leader first.
type Placement struct {
	TopicPartition
	Replicas []int32
}

// Reassign begins to move partitions (KIP-455) and returns when the controller has accepted that; the brokers copy the records
// afterwards, see [Client.Reassignments]. A partition that is being moved already gets the new goal. Errors come in the order of the
// placements, nil for each accepted; err joins them, or is why the request failed as a whole (then errs is nil).
func (c *Client) Reassign(ctx context.Context, placements ...Placement) (errs []error, err error) {
	req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	req.TimeoutMillis = millis(adminTimeout)
	topics := make(map[string]int)
	for _, p := range placements {
		at, ok := topics[p.Topic]
		if !ok {
			at = len(req.Topics)
			topics[p.Topic] = at
			topic := kmsg.NewAlterPartitionAssignmentsRequestTopic()
			topic.Topic = p.Topic
			req.Topics = append(req.Topics, topic)
		}
		partition := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
		partition.Partition, partition.Replicas = p.Partition, p.Replicas
		req.Topics[at].Partitions = append(req.Topics[at].Partitions, partition)
	}
	node, err := c.Controller(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := c.Request(ctx, node, req)
	if err != nil {
		return nil, err
	}
	answer := resp.(*kmsg.AlterPartitionAssignmentsResponse)
	if err := codeError(answer.ErrorCode); err != nil {
		return nil, &BrokerError{Request: requestName(answer.Key()), Node: node, Partition: -1, Message: text(answer.ErrorMessage), Err: err}
	}
	answers := make(map[TopicPartition]topicAnswer)
	for _, t := range answer.Topics {
		for _, p := range t.Partitions {
			answers[TopicPartition{t.Topic, p.Partition}] = topicAnswer{p.ErrorCode, p.ErrorMessage}
		}
	}
	errs = make([]error, len(placements))
	for i, p := range placements {
		a, ok := answers[p.TopicPartition]
		err := codeError(a.code)
		if !ok {
			err = ErrNoAnswer
		}
		if err != nil {
			errs[i] = &BrokerError{
				Request: requestName(answer.Key()), Node: node, Topic: p.Topic, Partition: p.Partition, Message: text(a.message), Err: err,
			}
		}
	}
	return errs, errors.Join(errs...)
}

// Reassignment is a partition that is being moved.
type Reassignment struct {
	TopicPartition
	Replicas []int32 // where replicas are or are to be: the goal is these without Removing
	Adding   []int32
	Removing []int32
}

// Goal is where the partition's replicas will be.
func (r Reassignment) Goal() []int32 {
	return slices.DeleteFunc(slices.Clone(r.Replicas), func(id int32) bool { return slices.Contains(r.Removing, id) })
}

// Reassignments returns every partition of the cluster that is being moved, in order of topic and partition.
func (c *Client) Reassignments(ctx context.Context) ([]Reassignment, error) {
	req := kmsg.NewPtrListPartitionReassignmentsRequest()
	req.TimeoutMillis = millis(adminTimeout)
	node, err := c.Controller(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := c.Request(ctx, node, req)
	if err != nil {
		return nil, err
	}
	answer := resp.(*kmsg.ListPartitionReassignmentsResponse)
	if err := codeError(answer.ErrorCode); err != nil {
		return nil, &BrokerError{Request: requestName(answer.Key()), Node: node, Partition: -1, Message: text(answer.ErrorMessage), Err: err}
	}
	var all []Reassignment
	for _, t := range answer.Topics {
		for _, p := range t.Partitions {
			all = append(all, Reassignment{TopicPartition{t.Topic, p.Partition}, p.Replicas, p.AddingReplicas, p.RemovingReplicas})
		}
	}
	slices.SortFunc(all, func(a, b Reassignment) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return all, nil
}
