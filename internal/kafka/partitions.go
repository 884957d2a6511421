package kafka

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// MorePartitions asks for a topic to have so many partitions in all.
type MorePartitions struct {
	Topic string
	Total int32
}

// CreatePartitions adds partitions to topics, placed by the controller. Errors come in the order asked, nil for each that was done;
// err joins them, or is why the request failed as a whole (then errs is nil).
func (c *Client) CreatePartitions(ctx context.Context, wanted ...MorePartitions) (errs []error, err error) {
	req := kmsg.NewPtrCreatePartitionsRequest()
	req.TimeoutMillis = millis(adminTimeout)
	names := make([]string, len(wanted))
	for i, w := range wanted {
		names[i] = w.Topic
		topic := kmsg.NewCreatePartitionsRequestTopic()
		topic.Topic, topic.Count = w.Topic, w.Total
		req.Topics = append(req.Topics, topic)
	}
	node, err := c.Controller(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := c.Request(ctx, node, req)
	if err != nil {
		return nil, err
	}
	answers := make(map[string]topicAnswer)
	for _, t := range resp.(*kmsg.CreatePartitionsResponse).Topics {
		answers[t.Topic] = topicAnswer{t.ErrorCode, t.ErrorMessage}
	}
	return c.topicErrors("CreatePartitions", node, names, answers)
}
