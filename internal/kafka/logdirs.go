package kafka

import (
	"context"
	"errors"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ReplicaSize is how many bytes a broker has on its disk of one partition.
type ReplicaSize struct {
	TopicPartition
	Node  int32
	Bytes int64
}

// LogSizes asks every broker what it holds of the topics. A broker that cannot be asked makes err not nil; what the others say is
// returned all the same.
func (c *Client) LogSizes(ctx context.Context, topics []Topic) ([]ReplicaSize, error) {
	brokers, err := c.Brokers(ctx)
	if err != nil {
		return nil, err
	}
	sizes := make([][]ReplicaSize, len(brokers))
	errs := make([]error, len(brokers))
	var wait sync.WaitGroup
	for i, b := range brokers {
		wait.Go(func() { sizes[i], errs[i] = c.logSizesOn(ctx, b.Node, topics) })
	}
	wait.Wait()
	var all []ReplicaSize
	for _, some := range sizes {
		all = append(all, some...)
	}
	return all, errors.Join(errs...)
}

func (c *Client) logSizesOn(ctx context.Context, node int32, topics []Topic) ([]ReplicaSize, error) {
	req := kmsg.NewPtrDescribeLogDirsRequest()
	for _, t := range topics {
		topic := kmsg.NewDescribeLogDirsRequestTopic()
		topic.Topic = t.Name
		for _, p := range t.Partitions {
			topic.Partitions = append(topic.Partitions, p.ID)
		}
		req.Topics = append(req.Topics, topic)
	}
	resp, err := c.Request(ctx, node, req)
	if err != nil {
		return nil, err
	}
	answer := resp.(*kmsg.DescribeLogDirsResponse)
	if err := codeError(answer.ErrorCode); err != nil {
		return nil, &BrokerError{Request: "DescribeLogDirs", Node: node, Partition: -1, Err: err}
	}
	var all []ReplicaSize
	for _, dir := range answer.Dirs {
		for _, t := range dir.Topics {
			for _, p := range t.Partitions {
				if !p.IsFuture { // a copy on its way to another disk of the same broker
					all = append(all, ReplicaSize{TopicPartition{t.Topic, p.Partition}, node, p.Size})
				}
			}
		}
	}
	return all, nil
}
