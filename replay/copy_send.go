package replay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
)

// flush sends the batch being built, if there is one, and makes the work under way certain.
func (pc *partitionCopier) flush(ctx context.Context) error {
	count := pc.builder.Count()
	if count == 0 {
		pc.commit(sent{})
		return nil
	}
	raw, err := pc.builder.Seal(pc.codec)
	if err != nil {
		return err
	}
	err = pc.send(ctx, raw, count, pc.at)
	pc.builder.Reset(raw[:0])
	return err
}

// send writes a batch into the target and makes it certain, with everything of the source below next.
//
// Where an answer leaves open whether the batch has arrived, the target is looked at before anything is sent again ([errUncertain]). The
// producer's numbers alone do not do: a broker forgets a producer by the timestamps of its events (producer.id.expiration.ms against
// ProducerStateEntry.lastTimestamp), so that one which writes events of last year is forgotten when the broker restarts. They are what
// keeps out a request that a process which has died left under way: its numbers are the same as ours, and the broker takes one of the two.
func (pc *partitionCopier) send(ctx context.Context, raw []byte, count int, next int64) error {
	c := pc.copy
	if err := c.limits.wait(ctx, count, len(raw)); err != nil {
		return err
	}
	batch.Stamp(raw, pc.state.Producer, pc.state.Epoch, sequence(pc.state.Written), false)
	topic := c.cfg.Plan.Target.Topic
	request := &kafka.ProduceRequest{Partitions: []kafka.ProduceBatch{{Topic: topic, Partition: pc.partition, Batch: raw}}}
	var result kafka.ProduceResult
	err := c.to.Retry(ctx, func(ctx context.Context) error {
		leader, err := c.targetLeader(ctx, pc.partition)
		if err != nil {
			return err
		}
		response, err := c.to.Produce(ctx, leader.Leader, request)
		if err != nil {
			c.to.Invalidate(topic)
			return uncertain(err)
		}
		result = response.Partitions[0]
		if outOfStep(result.Err) {
			return errOutOfStep
		}
		if result.Err == nil {
			pauseFor(ctx, response.Throttle)
		} else if kafka.RefreshesMetadata(result.Err) {
			c.to.Invalidate(topic)
		}
		return uncertain(result.Err)
	})
	if errors.Is(err, errOutOfStep) || errors.Is(err, errUncertain) {
		return err
	}
	if err != nil {
		span := pc.spans[pc.state.Span]
		return fmt.Errorf("replay %s: events of topic %s partition %d from offset %d: %w", c.cfg.Plan.ID, span.Topic, span.Partition, pc.state.Next, err)
	}
	s := sent{records: int64(count), bytes: int64(len(raw))}
	if result.BaseOffset >= 0 {
		if result.BaseOffset < pc.state.Target {
			if err := pc.copy.refreshTargetID(ctx); err != nil {
				return err
			}
			return pc.mismatch("the broker has put a batch at offset %d, before what it held already", result.BaseOffset)
		}
		s.end = result.BaseOffset + int64(count)
	}
	pc.at = next
	pc.commit(s)
	return nil
}

// uncertain makes errUncertain of an error that another attempt may mend and that does not say for certain that nothing has arrived.
func uncertain(err error) error {
	if err == nil || !kafka.Retriable(err) {
		return err
	}
	if failed, ok := errors.AsType[*kafka.ConnError](err); ok && !failed.Sent {
		return err
	}
	return errUncertain
}

// sequence is the number of a producer's record: 31 bits, from 0 again after the last.
func sequence(written int64) int32 { return int32(written & (1<<31 - 1)) }

func outOfStep(err error) bool {
	return errors.Is(err, kerr.OutOfOrderSequenceNumber) || errors.Is(err, kerr.DuplicateSequenceNumber) ||
		errors.Is(err, kerr.UnknownProducerID) || errors.Is(err, kerr.InvalidProducerEpoch)
}

// pauseFor keeps the silence that a quota asks for.
func pauseFor(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
