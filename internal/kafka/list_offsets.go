package kafka

import (
	"context"
	"errors"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Special timestamps of ListOffsets (KIP-79, KIP-734).
const (
	Latest       int64 = -1 // the end: the offset the next record gets; with readCommitted the last stable offset
	Earliest     int64 = -2 // the oldest record still there
	MaxTimestamp int64 = -3 // the record with the greatest timestamp
)

// OffsetQuery asks for one partition's offset at a time.
type OffsetQuery struct {
	Topic     string
	Partition int32
	// Timestamp is milliseconds since the epoch, which means the first record at or after it, or Latest, Earliest or
	// MaxTimestamp.
	Timestamp int64
}

// OffsetAnswer answers the OffsetQuery at the same index.
type OffsetAnswer struct {
	Topic       string
	Partition   int32
	Offset      int64 // -1: no record at or after the timestamp
	Timestamp   int64 // of the record found, -1 when there is none
	LeaderEpoch int32 // of the record found, -1 when unknown
	Err         error
}

// ListOffsets looks offsets up by time, on each partition's leader, side by side; answers come in the order of the
// queries and each has its own error. The error returned joins theirs, so that a caller that needs all of them checks
// one value. readCommitted makes Latest mean the end of what committed transactions cover.
func (c *Client) ListOffsets(ctx context.Context, readCommitted bool, queries ...OffsetQuery) ([]OffsetAnswer, error) {
	l := &offsetLookup{
		client: c, readCommitted: readCommitted, queries: queries,
		epochs: make([]int32, len(queries)), answers: make([]OffsetAnswer, len(queries)),
	}
	byLeader := make(map[int32][]int) // indexes of queries
	for i, q := range queries {
		l.answers[i] = OffsetAnswer{Topic: q.Topic, Partition: q.Partition, Offset: -1, Timestamp: -1, LeaderEpoch: -1}
		leader, err := c.leader(ctx, q.Topic, q.Partition)
		if err != nil {
			l.answers[i].Err = err
			continue
		}
		l.epochs[i] = leader.LeaderEpoch
		byLeader[leader.Leader] = append(byLeader[leader.Leader], i)
	}
	var wait sync.WaitGroup
	for node, indexes := range byLeader {
		wait.Go(func() { l.ask(ctx, node, indexes) })
	}
	wait.Wait()
	errs := make([]error, len(l.answers))
	for i := range l.answers {
		errs[i] = l.answers[i].Err
	}
	return l.answers, errors.Join(errs...)
}

// leader returns a partition that has a leader, or the reason why not.
func (c *Client) leader(ctx context.Context, topic string, partition int32) (Partition, error) {
	t, err := c.Topic(ctx, topic)
	if err != nil {
		return Partition{}, err
	}
	p, ok := t.Partition(partition)
	if !ok {
		missing := &BrokerError{Request: "Metadata", Node: AnyNode, Topic: topic, Partition: partition}
		missing.Err = kerr.UnknownTopicOrPartition
		return Partition{}, missing
	}
	if p.Leader < 0 {
		c.Invalidate(topic)
	}
	return p, p.Err
}

// offsetLookup is one ListOffsets call over several brokers. Each goroutine writes only the answers at its own indexes.
type offsetLookup struct {
	client        *Client
	readCommitted bool
	queries       []OffsetQuery
	epochs        []int32
	answers       []OffsetAnswer
}

// ask sends one leader the queries at indexes.
func (l *offsetLookup) ask(ctx context.Context, node int32, indexes []int) {
	req := kmsg.NewPtrListOffsetsRequest()
	if l.readCommitted {
		req.IsolationLevel = 1
	}
	var rest []int
	asked := make(map[TopicPartition]int, len(indexes))
	topics := make(map[string]int)
	for _, i := range indexes {
		q := l.queries[i]
		key := TopicPartition{q.Topic, q.Partition}
		if _, twice := asked[key]; twice {
			rest = append(rest, i) // a request may hold a partition once
			continue
		}
		asked[key] = i
		at, ok := topics[q.Topic]
		if !ok {
			at = len(req.Topics)
			topics[q.Topic] = at
			topic := kmsg.NewListOffsetsRequestTopic()
			topic.Topic = q.Topic
			req.Topics = append(req.Topics, topic)
		}
		partition := kmsg.NewListOffsetsRequestTopicPartition()
		partition.Partition, partition.Timestamp, partition.CurrentLeaderEpoch = q.Partition, q.Timestamp, l.epochs[i]
		req.Topics[at].Partitions = append(req.Topics[at].Partitions, partition)
	}
	resp, err := l.client.Request(ctx, node, req)
	for _, i := range asked {
		l.fail(i, node, ErrNoAnswer)
		if err != nil {
			l.answers[i].Err = err
		}
	}
	if err == nil {
		for _, t := range resp.(*kmsg.ListOffsetsResponse).Topics {
			for _, p := range t.Partitions {
				if i, ok := asked[TopicPartition{t.Topic, p.Partition}]; ok {
					l.answer(i, node, p)
				}
			}
		}
	}
	if len(rest) > 0 {
		l.ask(ctx, node, rest)
	}
}

func (l *offsetLookup) answer(i int, node int32, p kmsg.ListOffsetsResponseTopicPartition) {
	a := &l.answers[i]
	if err := codeError(p.ErrorCode); err != nil {
		l.fail(i, node, err)
		if RefreshesMetadata(err) {
			l.client.Invalidate(a.Topic)
		}
		return
	}
	a.Offset, a.Timestamp, a.LeaderEpoch, a.Err = p.Offset, p.Timestamp, p.LeaderEpoch, nil
}

func (l *offsetLookup) fail(i int, node int32, err error) {
	a := &l.answers[i]
	a.Err = &BrokerError{Request: "ListOffsets", Node: node, Topic: a.Topic, Partition: a.Partition, Err: err}
}
