package kafka

import (
	"cmp"
	"context"
	"net"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Overview is what one broker knows of the cluster at one moment.
type Overview struct {
	ClusterID  string
	Controller int32
	Brokers    []Broker // in order of node id
	Topics     []Topic  // in order of name, each with its own Err
}

// metadataBatch is how many topics one request names, so that neither it nor its answer grows without bounds.
const metadataBatch = 1000

// Overview reads the cluster's brokers and every topic that this client may describe from one node, or from AnyNode, past all caches.
func (c *Client) Overview(ctx context.Context, node int32) (Overview, error) {
	resp, err := c.describeTopics(ctx, node, nil)
	if err != nil {
		return Overview{}, err
	}
	o := Overview{ClusterID: text(resp.ClusterID), Controller: resp.ControllerID}
	for _, b := range resp.Brokers {
		o.Brokers = append(o.Brokers, Broker{Node: b.NodeID, Addr: net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port))), Rack: text(b.Rack)})
	}
	slices.SortFunc(o.Brokers, func(a, b Broker) int { return cmp.Compare(a.Node, b.Node) })
	for i := range resp.Topics {
		topic, err := convertTopic(&resp.Topics[i])
		topic.Err = err
		o.Topics = append(o.Topics, topic)
	}
	slices.SortFunc(o.Topics, func(a, b Topic) int { return cmp.Compare(a.Name, b.Name) })
	return o, nil
}

// TopicsNow returns the named topics in the order asked, past all caches and each with its own Err: kerr.UnknownTopicOrPartition
// for one that the broker asked has not heard of, kerr.TopicAuthorizationFailed for one that this client may not describe.
func (c *Client) TopicsNow(ctx context.Context, names []string) ([]Topic, error) {
	return c.topicsOf(ctx, AnyNode, names)
}

// topicsOf is TopicsNow as one node has it.
func (c *Client) topicsOf(ctx context.Context, node int32, names []string) ([]Topic, error) {
	at := make(map[string]int, len(names))
	topics := make([]Topic, len(names))
	for i, name := range names {
		at[name] = i
		topics[i] = Topic{Name: name, Err: &BrokerError{Request: "Metadata", Node: node, Topic: name, Partition: -1, Err: ErrNoAnswer}}
	}
	for some := range slices.Chunk(names, metadataBatch) {
		resp, err := c.describeTopics(ctx, node, some)
		if err != nil {
			return nil, err
		}
		for i := range resp.Topics {
			topic, err := convertTopic(&resp.Topics[i])
			topic.Err = err
			if where, asked := at[topic.Name]; asked {
				topics[where] = topic
			}
		}
	}
	return topics, nil
}

// describeTopics asks for the named topics, or without names for all.
func (c *Client) describeTopics(ctx context.Context, node int32, names []string) (*kmsg.MetadataResponse, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = false
	for _, name := range names {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, topic)
	}
	resp, err := c.Request(ctx, node, req)
	if err != nil {
		return nil, err
	}
	answer := resp.(*kmsg.MetadataResponse)
	if err := codeError(answer.ErrorCode); err != nil {
		return nil, &BrokerError{Request: "Metadata", Node: node, Partition: -1, Err: err}
	}
	return answer, nil
}
