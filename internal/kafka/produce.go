package kafka

import (
	"context"
	"time"
)

// ProduceRequest carries record batches to the broker that leads their partitions.
type ProduceRequest struct {
	TransactionalID string        // empty outside transactions
	Timeout         time.Duration // how long the broker may wait for the in-sync replicas; 0 means 30 s
	Partitions      []ProduceBatch
}

// ProduceBatch is one partition's batch. Kafka takes exactly one batch per partition and request.
type ProduceBatch struct {
	Topic     string
	Partition int32
	Batch     []byte // one record batch, format v2, ready for the wire; sent as it is, never copied nor written to
}

// ProduceResponse has one answer for each batch of the request, at the same index.
type ProduceResponse struct {
	Partitions []ProduceResult
	Throttle   time.Duration // the broker asks for this much silence (quota); 0 when it does not
}

// ProduceResult is what became of one batch.
type ProduceResult struct {
	Topic          string
	Partition      int32
	BaseOffset     int64 // offset of the batch's first record; -1 when Err is not nil
	LogAppendTime  int64 // milliseconds, when the topic stamps records itself; otherwise -1
	LogStartOffset int64 // -1 when unknown
	Err            error // *BrokerError, or one that wraps ErrNoAnswer
	RecordErrors   []RecordError
	Leader         int32 // with NOT_LEADER (KIP-951): the new leader's node, -1 when the broker did not say
	LeaderEpoch    int32 // of Leader; -1 when unknown
}

// RecordError blames one record for the refusal of its batch (KIP-467).
type RecordError struct {
	Index   int32 // of the record in its batch
	Message string
}

// Produce sends batches with acks=all to one broker, in one attempt. When it returns, whatever it returns, nothing refers
// to the batches any more and they may be reused. A *ConnError with Sent=false is certain: nothing was written; with
// Sent=true the broker may have written any of the batches.
func (c *Client) Produce(ctx context.Context, node int32, req *ProduceRequest) (*ProduceResponse, error) {
	return c.produce(ctx, node, req)
}
