package replay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/deadletter"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/reader"
)

// passesCorrupt reports whether the copy goes on behind what cannot be read.
func (c *copier) passesCorrupt() bool { return c.cfg.SkipCorrupt || c.cfg.DeadLetters != "" }

// corrupt passes over an event that is not what its schema says, or says why not.
func (pc *partitionCopier) corrupt(ctx context.Context, span Span, why error) error {
	rec := &pc.record
	if !pc.copy.passesCorrupt() {
		return &CorruptError{Location: pc.location(span), Err: why}
	}
	pc.noteSkipped(span, rec.Offset, rec.Offset+1, why)
	return pc.writeDeadLetter(ctx, pc.location(span), "decode", why, rec.Timestamp, rec.Key, rec.Value, rec.Headers(nil))
}

// unreadable passes over a record that is over a limit, or breaks the format, or says why not.
func (pc *partitionCopier) unreadable(ctx context.Context, span Span, why error) error {
	rec := &pc.record
	at := headrace.Location{Topic: span.Topic, Partition: span.Partition, Offset: rec.Offset}
	if !pc.copy.passesCorrupt() {
		return &CorruptError{Location: at, Err: why}
	}
	pc.noteSkipped(span, rec.Offset, rec.Offset+1, why)
	return pc.writeDeadLetter(ctx, at, "record", why, rec.Timestamp, nil, rec.Value, nil)
}

// writeDeadBatch writes a batch that cannot be read, as it lies in the log, as one dead letter.
func (pc *partitionCopier) writeDeadBatch(ctx context.Context, at headrace.Location, raw []byte, why error) error {
	return pc.writeDeadLetter(ctx, at, "batch", why, time.Now().UnixMilli(), nil, raw, nil)
}

// writeDeadLetter writes a dead letter where one is wanted, and returns when the broker has it. What the target holds beyond the state comes after
// it in the source, so that it was written then already; it may be written twice when the copy stops in between.
func (pc *partitionCopier) writeDeadLetter(ctx context.Context, at headrace.Location, kind string, why error, timestamp int64, key, value []byte, headers []headrace.Header) error {
	c := pc.copy
	if c.cfg.DeadLetters == "" {
		return nil
	}
	pc.pending.Dead++
	if len(pc.arrived) > 0 {
		return nil
	}
	// Headers of an earlier death would be taken for this one's where it has none, a group's name say.
	headers = slices.DeleteFunc(headers, func(h headrace.Header) bool { return deadletter.FamilyOwn.Owns(h.Key) || h.Key == HeaderReplay })
	own := len(headers)
	for _, h := range [][2]string{
		{consumer.HeaderTopic, at.Topic},
		{consumer.HeaderPartition, strconv.Itoa(int(at.Partition))},
		{consumer.HeaderOffset, strconv.FormatInt(at.Offset, 10)},
		{consumer.HeaderMessage, fmt.Sprintf("%.2000s", why.Error())},
		{consumer.HeaderDeliveryCount, "0"},
		{consumer.HeaderKind, kind},
		{consumer.HeaderTime, time.Now().UTC().Format(time.RFC3339)},
		{HeaderReplay, c.cfg.Plan.ID},
	} {
		headers = append(headers, headrace.Header{Key: h[0], Value: []byte(h[1])})
	}
	send := func(codec batch.Codec, key, value []byte, headers []headrace.Header) error {
		raw, err := oneRecord(codec, timestamp, key, value, headers)
		if err != nil {
			return err
		}
		return c.to.Retry(ctx, func(ctx context.Context) error { return c.sendDead(ctx, at.Partition, raw) })
	}
	err := errTooLarge
	if kind != "record" && own <= batch.Headers-batch.CopyHeaders && len(key)+len(value) <= batch.RecordBytes {
		if err = send(batch.None, key, value, headers); errors.Is(err, kerr.MessageTooLarge) {
			err = send(batch.Zstd, key, value, headers)
		}
	}
	if errors.Is(err, errTooLarge) || errors.Is(err, kerr.MessageTooLarge) { // it refers to the record
		headers = append(slices.Clone(headers[own:]),
			headrace.Header{Key: consumer.HeaderReference, Value: fmt.Appendf(nil, "%s/%d@%d", at.Topic, at.Partition, at.Offset)},
			headrace.Header{Key: consumer.HeaderStart, Value: value[:min(len(value), 1<<10)]})
		err = send(batch.None, nil, nil, headers)
	}
	if err != nil {
		return fmt.Errorf("dead letter of %s: %w", at, err)
	}
	return nil
}

// errTooLarge says that nobody would read a copy again.
var errTooLarge = errors.New("larger than is read")

// oneRecord is a batch of one record.
func oneRecord(codec batch.Codec, timestamp int64, key, value []byte, headers []headrace.Header) ([]byte, error) {
	var b batch.Builder
	dst := b.Begin(timestamp, key)
	var err error
	if value == nil {
		_, err = b.EndNull(headers)
	} else {
		_, err = b.End(append(dst, value...), headers)
	}
	if err != nil {
		return nil, err
	}
	return b.Seal(codec)
}

func (c *copier) sendDead(ctx context.Context, partition int32, raw []byte) error {
	name := c.cfg.DeadLetters
	topic, err := c.to.Topic(ctx, name)
	if errors.Is(err, kafka.ErrUnknownTopic) {
		return &reader.MissingTopicError{Topic: name}
	}
	if err != nil {
		return err
	}
	partition %= int32(len(topic.Partitions)) //nolint:gosec // partitions have 32-bit ids
	leader, err := leaderOf(ctx, c.to, name, topicID{}, partition)
	if err != nil {
		return err
	}
	response, err := c.to.Produce(ctx, leader.Leader, &kafka.ProduceRequest{
		Partitions: []kafka.ProduceBatch{{Topic: name, Partition: partition, Batch: raw}},
	})
	if err != nil {
		c.to.Invalidate(name)
		return err
	}
	return response.Partitions[0].Err
}

// without takes the headers of a key out.
func without(headers []headrace.Header, key string) []headrace.Header {
	kept := headers[:0]
	for _, h := range headers {
		if h.Key != key {
			kept = append(kept, h)
		}
	}
	return kept
}
