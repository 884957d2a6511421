package kafka

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ProducerID is the identity under which a broker recognises an idempotent producer's batches.
type ProducerID struct {
	ID    int64
	Epoch int16
}

// NoProducerID asks InitProducerID for a new identity.
var NoProducerID = ProducerID{ID: -1, Epoch: -1}

// InitProducerID obtains a producer identity, in one attempt. Given NoProducerID it returns a new one; given an
// identity in use it returns the same id with the next epoch (KIP-360), or a new id when the epochs are used up. A call
// without transactional id may be answered by any broker and needs no right on a transactional id.
func (c *Client) InitProducerID(ctx context.Context, transactionalID string, current ProducerID) (ProducerID, error) {
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionalID = optional(transactionalID)
	req.TransactionTimeoutMillis = 60_000
	req.ProducerID, req.ProducerEpoch = current.ID, current.Epoch
	node := AnyNode
	if transactionalID != "" {
		var err error
		if node, err = c.Coordinator(ctx, TransactionCoordinator, transactionalID); err != nil {
			return NoProducerID, err
		}
	}
	resp, err := c.Request(ctx, node, req)
	if err == nil {
		if code := codeError(resp.(*kmsg.InitProducerIDResponse).ErrorCode); code != nil {
			err = &BrokerError{Request: "InitProducerID", Node: node, Partition: -1, Err: code}
		}
	}
	if err != nil {
		if transactionalID != "" && RefreshesCoordinator(err) {
			c.ForgetCoordinator(TransactionCoordinator, transactionalID)
		}
		return NoProducerID, err
	}
	answer := resp.(*kmsg.InitProducerIDResponse)
	return ProducerID{ID: answer.ProducerID, Epoch: answer.ProducerEpoch}, nil
}
