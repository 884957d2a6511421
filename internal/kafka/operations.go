package kafka

import (
	"context"
	"errors"
	"math"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Operations is the set of what this client may do with a topic or group (KIP-430). The zero value is not known.
type Operations struct {
	Known bool
	bits  int32 // 1 << the operation's code
}

// Allow reports whether an operation is allowed, or whether that is not known.
func (o Operations) Allow(op kmsg.ACLOperation) bool { return !o.Known || o.bits&(1<<op) != 0 }

func operations(bits int32) Operations {
	return Operations{Known: bits != math.MinInt32, bits: bits}
}

// TopicOperations tells what this client may do with a topic, nothing known of one that does not exist. A broker that checks no rights
// allows everything.
func (c *Client) TopicOperations(ctx context.Context, name string) (Operations, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation, req.IncludeTopicAuthorizedOperations = false, true
	topic := kmsg.NewMetadataRequestTopic()
	topic.Topic = kmsg.StringPtr(name)
	req.Topics = append(req.Topics, topic)
	resp, err := c.Request(ctx, AnyNode, req)
	if err != nil {
		return Operations{}, err
	}
	for _, t := range resp.(*kmsg.MetadataResponse).Topics {
		if text(t.Topic) != name {
			continue
		}
		err := codeError(t.ErrorCode)
		if errors.Is(err, kerr.UnknownTopicOrPartition) {
			return Operations{}, nil
		}
		if err != nil {
			return Operations{}, &BrokerError{Request: "Metadata", Node: AnyNode, Topic: name, Partition: -1, Err: err}
		}
		return operations(t.AuthorizedOperations), nil
	}
	return Operations{}, &BrokerError{Request: "Metadata", Node: AnyNode, Topic: name, Partition: -1, Err: ErrNoAnswer}
}

// GroupOperations tells what this client may do with a group.
func (c *Client) GroupOperations(ctx context.Context, group string) (Operations, error) {
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Groups, req.IncludeAuthorizedOperations = []string{group}, true
	resp, node, err := groupRequest[*kmsg.DescribeGroupsResponse](ctx, c, group, req, 0)
	if err != nil {
		return Operations{}, err
	}
	for _, g := range resp.Groups {
		if g.Group == group && g.ErrorCode != groupIDNotFound {
			return operations(g.AuthorizedOperations), c.groupError("DescribeGroups", node, group, g.ErrorCode)
		}
	}
	return Operations{}, nil // nothing is known of a group that there is not yet
}
