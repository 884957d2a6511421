package kafka

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
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
	Err            error // *BrokerError; of ErrNoAnswer when the broker left the partition out
	RecordErrors   []RecordError
	Leader         int32 // with NOT_LEADER (KIP-951): the new leader's node, -1 when the broker did not say
	LeaderEpoch    int32 // of Leader; -1 when unknown
}

// RecordError blames one record for the refusal of its batch (KIP-467).
type RecordError struct {
	Index   int32 // of the record in its batch
	Message string
}

const defaultProduceTimeout = 30 * time.Second

// Produce sends batches with acks=all to one broker, in one attempt. When it returns, whatever it returns, nothing
// refers to the batches any more and they may be reused. A *ConnError with Sent=false is certain: nothing was written;
// with Sent=true the broker may have written any of the batches.
func (c *Client) Produce(ctx context.Context, node int32, req *ProduceRequest) (*ProduceResponse, error) {
	m := newProduceMessage(req)
	scratch := c.scratch.Get().(*[]byte)
	m.scratch = *scratch
	err := c.send(ctx, node, m, m.timeout)
	if cap(m.scratch) <= maxPooled {
		*scratch = m.scratch
		c.scratch.Put(scratch)
	}
	if err != nil {
		return nil, err
	}
	return m.response(node), nil
}

// produceMessage writes a Produce request around the caller's batches.
type produceMessage struct {
	req     *ProduceRequest
	timeout time.Duration
	order   []int // indexes of req.Partitions, a topic's side by side
	scratch []byte
	answer  kmsg.ProduceResponse
}

func newProduceMessage(req *ProduceRequest) *produceMessage {
	m := &produceMessage{req: req, timeout: req.Timeout, order: make([]int, len(req.Partitions))}
	if m.timeout <= 0 {
		m.timeout = defaultProduceTimeout
	}
	for i := range m.order {
		m.order[i] = i
	}
	slices.SortStableFunc(m.order, func(a, b int) int {
		return cmp.Compare(req.Partitions[a].Topic, req.Partitions[b].Topic)
	})
	return m
}

func (m *produceMessage) key() int16                  { return int16(kmsg.Produce) }
func (m *produceMessage) newest() int16               { return math.MaxInt16 }
func (m *produceMessage) flexible(version int16) bool { return version >= 9 }
func (m *produceMessage) buffer() (*[]byte, int, int) { return nil, 0, maxResponse }

// frame interleaves pieces of scratch with the batches. Layout: Kafka's ProduceRequest.json.
func (m *produceMessage) frame(version int16, correlation int32, clientID string) (net.Buffers, error) {
	compact := version >= 9
	tags := func(dst []byte) []byte {
		if compact {
			return append(dst, 0)
		}
		return dst
	}
	dst := append(m.scratch[:0], 0, 0, 0, 0) // the length, known at the end
	dst = appendInt16(dst, m.key())
	dst = appendInt16(dst, version)
	dst = appendInt32(dst, correlation)
	dst = appendString(dst, clientID, false) // never compact, also in a flexible header
	dst = tags(dst)
	dst = appendNullableString(dst, m.req.TransactionalID, compact)
	dst = appendInt16(dst, -1) // acks: all in-sync replicas
	dst = appendInt32(dst, millis(m.timeout))

	topics := 0
	for i, at := range m.order {
		if i == 0 || m.req.Partitions[at].Topic != m.req.Partitions[m.order[i-1]].Topic {
			topics++
		}
	}
	dst = appendLength(dst, topics, compact)
	cuts := make([]int, 0, len(m.order)) // where in dst each batch belongs
	size := 0
	for i := 0; i < len(m.order); {
		topic := m.req.Partitions[m.order[i]].Topic
		end := i + 1
		for end < len(m.order) && m.req.Partitions[m.order[end]].Topic == topic {
			end++
		}
		dst = appendString(dst, topic, compact)
		dst = appendLength(dst, end-i, compact)
		for ; i < end; i++ {
			p := &m.req.Partitions[m.order[i]]
			dst = appendInt32(dst, p.Partition)
			dst = appendLength(dst, len(p.Batch), compact)
			cuts = append(cuts, len(dst))
			size += len(p.Batch)
			dst = tags(dst)
		}
		dst = tags(dst)
	}
	dst = tags(dst)
	m.scratch = dst
	size += len(dst) - 4
	if size > math.MaxInt32 {
		return nil, fmt.Errorf("produce request of %d bytes does not fit a Kafka frame", size)
	}
	appendInt32(dst[:0], int32(size))

	pieces := make(net.Buffers, 0, 2*len(cuts)+1)
	from := 0
	for i, cut := range cuts {
		pieces = append(pieces, dst[from:cut], m.req.Partitions[m.order[i]].Batch)
		from = cut
	}
	if from < len(dst) {
		pieces = append(pieces, dst[from:])
	}
	return pieces, nil
}

func (m *produceMessage) parse(version int16, body []byte) error {
	m.answer.Version = version
	return decode(&m.answer, body)
}

// response orders the answers as the request was.
func (m *produceMessage) response(node int32) *ProduceResponse {
	resp := &ProduceResponse{
		Partitions: make([]ProduceResult, len(m.req.Partitions)),
		Throttle:   time.Duration(m.answer.ThrottleMillis) * time.Millisecond,
	}
	answers := make(map[TopicPartition]*kmsg.ProduceResponseTopicPartition, len(m.req.Partitions))
	for i := range m.answer.Topics {
		t := &m.answer.Topics[i]
		for j := range t.Partitions {
			answers[TopicPartition{t.Topic, t.Partitions[j].Partition}] = &t.Partitions[j]
		}
	}
	for i, p := range m.req.Partitions {
		resp.Partitions[i] = produceResult(node, p, answers[TopicPartition{p.Topic, p.Partition}])
	}
	return resp
}

func produceResult(node int32, p ProduceBatch, a *kmsg.ProduceResponseTopicPartition) ProduceResult {
	result := ProduceResult{
		Topic: p.Topic, Partition: p.Partition,
		BaseOffset: -1, LogAppendTime: -1, LogStartOffset: -1, Leader: -1, LeaderEpoch: -1,
	}
	failure := &BrokerError{Request: "Produce", Node: node, Topic: p.Topic, Partition: p.Partition, Err: ErrNoAnswer}
	if a == nil {
		result.Err = failure
		return result
	}
	if failure.Err = codeError(a.ErrorCode); failure.Err != nil {
		failure.Message = text(a.ErrorMessage)
		result.Err = failure
		for _, r := range a.ErrorRecords {
			result.RecordErrors = append(result.RecordErrors, RecordError{Index: r.RelativeOffset, Message: text(r.ErrorMessage)})
		}
		result.Leader, result.LeaderEpoch = a.CurrentLeader.LeaderID, a.CurrentLeader.LeaderEpoch
		return result
	}
	result.BaseOffset, result.LogAppendTime, result.LogStartOffset = a.BaseOffset, a.LogAppendTime, a.LogStartOffset
	return result
}
