package consumer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/reader"
)

// ask calls a question about partitions until it has been answered for each of them that is still owned. The question returns why it was
// not, in the order of the partitions it was given. An error that time does not mend ends the worker.
func (e *engine) ask(what string, partitions []*partition, question func(context.Context, []*partition) []error) {
	for failures := 1; ; failures++ {
		if partitions = stillOwned(partitions); len(partitions) == 0 || e.ctx.Err() != nil {
			return
		}
		if partitions = e.unanswered(what, partitions, e.askOnce(partitions, question)); len(partitions) > 0 && !e.sleep(outage.Delay(failures)) {
			return
		}
	}
}

// answerTimeout is how long a question that brokers answer at once may take, before it is asked again on other connections.
const answerTimeout = 10 * time.Second

func (e *engine) askOnce(partitions []*partition, question func(context.Context, []*partition) []error) []error {
	ctx, cancel := context.WithTimeout(e.ctx, answerTimeout)
	defer cancel()
	return question(ctx, partitions)
}

// unanswered returns the partitions that a question is to be asked for again.
func (e *engine) unanswered(what string, partitions []*partition, errs []error) (again []*partition) {
	var last error
	for i, p := range partitions {
		switch {
		case errs[i] == nil:
		case !kafka.Retriable(errs[i]) && !errors.Is(errs[i], context.DeadlineExceeded) && e.ctx.Err() == nil:
			e.fail(fmt.Errorf("consumer: group %s: %s: %w", e.cfg.Group, what, errs[i]))
			return nil
		default:
			again, last = append(again, p), errs[i]
		}
	}
	if len(again) > 0 && e.ctx.Err() == nil {
		e.cfg.Logger.Warn(what+" unavailable: asking again", zap.String("group", e.cfg.Group), zap.String("topic", again[0].Topic),
			zap.Int32("partition", again[0].Partition), zap.Int("partitions", len(again)), zap.Error(last))
	}
	return again
}

// locate turns a position into an offset of each partition of one topic. Each leader is asked by itself, so that one which is away, or
// does not answer, keeps no other's partitions waiting. It does not block; found is called with the answers as they come.
func (e *engine) locate(what string, at reader.Position, readCommitted bool, partitions []*partition, found func([]*partition, []int64)) {
	e.locateAgain(what, 1, partitions, func(asked []*partition) []error {
		names := make([]kafka.TopicPartition, len(asked))
		for i, p := range asked {
			names[i] = p.TopicPartition
		}
		ctx, cancel := context.WithTimeout(e.ctx, answerTimeout)
		defer cancel()
		when, _ := at.Time() // zero when no time has to be looked up
		bounds, errs := e.client.Bounds(ctx, readCommitted, when, names)
		var answered []*partition
		var offsets []int64
		for i, p := range asked {
			if errs[i] == nil {
				answered, offsets = append(answered, p), append(offsets, at.OffsetIn(bounds[i].Start, bounds[i].End, bounds[i].AtTime))
			}
		}
		if len(answered) > 0 {
			e.wg.Go(func() { found(answered, offsets) })
		}
		return errs
	})
}

// locateAgain asks the leaders of partitions, and after a pause those that the ones without an answer have then.
func (e *engine) locateAgain(what string, failures int, partitions []*partition, question func([]*partition) []error) {
	for _, led := range e.byLeader(stillOwned(partitions)) {
		e.wg.Go(func() {
			if again := e.unanswered(what, led, question(led)); len(again) > 0 && e.sleep(outage.Delay(failures)) {
				e.locateAgain(what, failures+1, again, question)
			}
		})
	}
}

// byLeader groups partitions of one topic by the broker that leads them, as far as that is known.
func (e *engine) byLeader(partitions []*partition) map[int32][]*partition {
	groups := make(map[int32][]*partition)
	if len(partitions) == 0 {
		return groups
	}
	topic, err := e.client.Topic(e.ctx, partitions[0].Topic)
	for _, p := range partitions {
		leader := kafka.AnyNode
		if found, ok := topic.Partition(p.Partition); ok && err == nil {
			leader = found.Leader
		}
		groups[leader] = append(groups[leader], p)
	}
	return groups
}

// stillOwned drops the partitions that have been taken away.
func stillOwned(partitions []*partition) (owned []*partition) {
	for _, p := range partitions {
		if !p.stopped.Load() {
			owned = append(owned, p)
		}
	}
	return owned
}

func allFailed(partitions []*partition, err error) []error {
	errs := make([]error, len(partitions))
	for i := range errs {
		errs[i] = err
	}
	return errs
}

// sleep returns false when the worker ends first.
func (e *engine) sleep(d time.Duration) bool {
	timer := time.NewTimer(jitter(d))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-e.ctx.Done():
		return false
	}
}
