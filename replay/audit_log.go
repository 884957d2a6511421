package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/internal/topicstate"
	"github.com/headrace/headrace/reader"
)

// auditLog is the audit topic, of which partition 0 alone is used.
type auditLog struct {
	cluster headrace.Cluster
	client  *kafka.Client
	next    int64 // offset behind what was read or written last
}

// errNoAuditTopic says that nothing was ever recorded.
var errNoAuditTopic = errors.New("there is no audit topic")

// openAudit finds the topic, and with create makes it where it is missing and refuses one that would forget replays.
func openAudit(ctx context.Context, cluster headrace.Cluster, create bool) (*auditLog, error) {
	client, err := kafka.Open(cluster)
	if err != nil {
		return nil, err
	}
	l := &auditLog{cluster: cluster, client: client}
	err = l.find(ctx)
	if create && errors.Is(err, errNoAuditTopic) {
		err = l.create(ctx)
	} else if create && err == nil {
		if forgets := topicstate.CheckCompacted(ctx, client, AuditTopic, "replays, which could be applied once more"); forgets != nil {
			err = &AuditError{Doing: "write", Err: forgets}
		}
	}
	if err != nil {
		client.Close()
		return nil, err
	}
	return l, nil
}

func (l *auditLog) close() { l.client.Close() }

func (l *auditLog) find(ctx context.Context) error {
	err := l.client.Retry(ctx, func(ctx context.Context) error {
		found, err := l.client.TopicsNow(ctx, []string{AuditTopic})
		switch {
		case err != nil:
			return err
		case errors.Is(found[0].Err, kerr.UnknownTopicOrPartition):
			return errNoAuditTopic
		}
		return found[0].Err
	})
	if err != nil && !errors.Is(err, errNoAuditTopic) {
		return &AuditError{Doing: "read", Err: err}
	}
	return err
}

func (l *auditLog) create(ctx context.Context) error {
	err := l.client.Retry(ctx, func(ctx context.Context) error {
		_, err := l.client.CreateTopics(ctx, false, kafka.NewTopic{
			Name: AuditTopic, Partitions: 1, ReplicationFactor: -1, Configs: map[string]string{"cleanup.policy": "compact"},
		})
		if errors.Is(err, kerr.TopicAlreadyExists) {
			return nil
		}
		return err
	})
	if err != nil {
		return &AuditError{Doing: "create", Err: err}
	}
	for { // brokers hear of it a little later
		_, err := l.client.Topic(ctx, AuditTopic)
		if err == nil || !errors.Is(err, kafka.ErrUnknownTopic) {
			return err
		}
	}
}

// read gives fn what has come since the last read and is still there, in order. What fn is given is only valid until it returns. Replays
// write without transactions, so that it does not wait for those that others have left open.
func (l *auditLog) read(ctx context.Context, fn func(key string, value []byte, offset int64)) error {
	bounds, err := listOffsets(ctx, l.client, []kafka.OffsetQuery{
		{Topic: AuditTopic, Timestamp: kafka.Earliest}, {Topic: AuditTopic, Timestamp: kafka.Latest},
	})
	if err != nil {
		return &AuditError{Doing: "read", Err: err}
	}
	from, end := max(l.next, bounds[0].Offset), bounds[1].Offset
	if end <= from {
		return nil
	}
	err = reader.Read(ctx, reader.Config{
		Cluster: l.cluster, Topic: AuditTopic, Ranges: []reader.PartitionRange{{OffsetRange: headrace.OffsetRange{From: from, To: end}}}, ReadUncommitted: true,
	}, func(r reader.Record) error {
		fn(string(r.Key), r.Value, r.Offset)
		return nil
	})
	if err != nil {
		return &AuditError{Doing: "read", Err: err}
	}
	l.next = end
	return nil
}

// write adds a record; a nil value removes what the key had.
func (l *auditLog) write(ctx context.Context, key string, value any) error {
	var builder batch.Builder
	dst := builder.Begin(time.Now().UnixMilli(), []byte(key))
	var err error
	if value == nil {
		_, err = builder.EndNull(nil)
	} else {
		var text []byte
		if text, err = json.Marshal(value); err == nil && len(text) > maxAuditBytes {
			err = fmt.Errorf("the record has %d bytes, and at most %d are kept", len(text), maxAuditBytes)
		}
		if err == nil {
			_, err = builder.End(append(dst, text...), nil)
		}
	}
	if err != nil {
		return &AuditError{Doing: "write", Err: err}
	}
	raw, err := builder.Seal(batch.None)
	if err != nil {
		return &AuditError{Doing: "write", Err: err}
	}
	batch.Stamp(raw, -1, -1, -1, false)
	err = l.client.Retry(ctx, func(ctx context.Context) error {
		leader, err := leaderOf(ctx, l.client, AuditTopic, topicID{}, 0)
		if err != nil {
			return err
		}
		response, err := l.client.Produce(ctx, leader.Leader, &kafka.ProduceRequest{Partitions: []kafka.ProduceBatch{{Topic: AuditTopic, Batch: raw}}})
		if err != nil {
			l.client.Invalidate(AuditTopic)
			return err
		}
		return response.Partitions[0].Err
	})
	if err != nil {
		return &AuditError{Doing: "write", Err: err}
	}
	return nil
}
