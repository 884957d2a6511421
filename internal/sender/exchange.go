package sender

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
)

// requestTimeout bounds one request, so that a broker that has stopped answering is noticed before the delivery timeout.
const requestTimeout = 30 * time.Second

// exchange sends the batches of load in one request and deals with the answers. The request ends by the earliest deadline in it.
// It returns how long the broker asks for silence.
func (s *Sender) exchange(b *broker, load []requestBatch) (silence time.Duration) {
	deadline := time.Now().Add(requestTimeout)
	for _, sh := range load {
		if sh.x.deadline.Before(deadline) {
			deadline = sh.x.deadline
		}
	}
	ctx, cancel := context.WithDeadline(s.ctx, deadline)
	defer cancel()

	for _, sh := range load {
		sh.p.mu.Lock()
		sh.p.request = request{to: b, began: time.Now(), end: cancel}
		sh.p.mu.Unlock()
	}

	ready := load[:0:0]
	req := &kafka.ProduceRequest{Timeout: time.Until(deadline)}
	for _, sh := range load {
		if err := s.prepare(ctx, sh); err != nil {
			s.answered(sh, kafka.ProduceResult{Err: err, Leader: -1}, false)
			continue
		}
		ready = append(ready, sh)
		req.Partitions = append(req.Partitions, kafka.ProduceBatch{Topic: sh.p.topic.name, Partition: sh.p.id, Batch: sh.x.raw})
	}
	if len(ready) == 0 {
		return 0
	}
	resp, err := s.cluster.Produce(ctx, b.node, req)
	if err == nil && len(resp.Partitions) != len(ready) {
		err = fmt.Errorf("produce to broker %d: %d answers for %d batches: %w", b.node, len(resp.Partitions), len(ready), kafka.ErrNoAnswer)
	}
	for i, sh := range ready {
		if err != nil {
			s.answered(sh, kafka.ProduceResult{Err: err, Leader: -1}, true)
			continue
		}
		s.answered(sh, resp.Partitions[i], false)
	}
	if err != nil {
		return 0
	}
	return resp.Throttle
}

// prepare seals and stamps a batch for its next attempt.
func (s *Sender) prepare(ctx context.Context, sh requestBatch) error {
	codec := s.cfg.Codec
	if sh.x.codec != batch.None {
		codec = sh.x.codec
	}
	if err := sh.x.seal(codec); err != nil {
		return err
	}
	if sh.x.stamped {
		return nil // the same bytes again
	}
	id, err := s.identity.get(ctx)
	if err != nil {
		return err
	}
	sh.p.mu.Lock()
	st := sh.p.sequence.assign(id)
	sh.p.mu.Unlock()
	sh.x.put(st)
	return nil
}

// answered takes a batch out of flight. cut says that the exchange ended without an answer.
func (s *Sender) answered(sh requestBatch, answer kafka.ProduceResult, cut bool) {
	p, x := sh.p, sh.x
	v, doubt := judge(answer.Err, x.doubt, x.records())
	x.doubt, x.err = doubt, answer.Err
	x.attempts++
	x.timedOut = x.timedOut || cut
	var parts []*producerBatch
	switch {
	case v == divide:
		parts = s.halves(x)
	case v == rejected && tooLarge(x.err) && x.codec == batch.None && s.cfg.LargeCodec != batch.None:
		if parts = s.compressed(x); parts != nil {
			v = divide
		}
	case v == rejected && len(answer.RecordErrors) > 0:
		if parts = s.withoutBlamed(x, answer.RecordErrors); parts != nil {
			v = dropRejected
		}
	}
	if v != acked {
		log := s.cfg.Logger.Debug
		if x.attempts > 1 && s.notice() {
			log = s.cfg.Logger.Warn
		}
		log("produce attempt failed", zap.String("topic", p.topic.name), zap.Int32("partition", p.id), zap.Int("events", x.records()),
			zap.Int("attempt", x.attempts), zap.Bool("in doubt", doubt), zap.Error(answer.Err))
	}

	p.mu.Lock()
	defer p.mu.Unlock()
	p.flight, p.request = nil, request{}
	if s.ctx.Err() != nil && v != acked && v != lost {
		v = final(doubt)
		x.err = fmt.Errorf("%w: %w", context.Cause(s.ctx), answer.Err)
	}
	if v == divide && parts == nil {
		v = rejected // it could not be read back
	}
	if v == lost && p.sequence.newTopic && outOfSequence(answer.Err) {
		v = restamp // it was never in this topic, which would recognise it, and the one that it may have been in is gone
	}
	switch v {
	case acked:
		p.sequence.acked(x.records())
		x.result = Result{Topic: p.topic.name, Partition: p.id, Offset: -1, Outcome: Acked}
		if answer.Err == nil {
			x.result.Offset = answer.BaseOffset
		}
		p.complete(x)
	case restamp:
		p.sequence.bumpEpoch(s.identity.above(p.sequence.id))
		x.stamped, x.doubt = false, false
		p.retry(x, answer)
	case again:
		if answer.Leader >= 0 && answer.LeaderEpoch > p.epoch {
			p.leader, p.epoch = s.broker(answer.Leader), answer.LeaderEpoch // KIP-951
		}
		p.retry(x, answer)
	case divide:
		p.replace(x, parts)
	case dropRejected:
		parts[0].err = x.err
		p.replace(x, parts[1:])
		p.abandon(parts[0], parts[0].err)
	case rejected, lost:
		p.abandon(x, s.explain(x))
	}
	p.list()
}

// replace puts parts in front in the place of x. The lock is held.
func (p *partition) replace(x *producerBatch, parts []*producerBatch) {
	m := p.topic.sender.memory
	m.release(x, true)
	m.recycle(x)
	p.waiting = append(parts, p.waiting...)
}

// explain is the error of a batch that ended by an answer rather than by its deadline.
func (s *Sender) explain(x *producerBatch) error {
	if tooLarge(x.err) && x.records() == 1 {
		return &TooLargeError{Size: x.length, Err: x.err}
	}
	return x.err
}

// retry puts a batch back in front for another attempt after a pause. The lock is held.
func (p *partition) retry(x *producerBatch, answer kafka.ProduceResult) {
	s := p.topic.sender
	s.stats.retries.Add(1)
	p.waiting = append([]*producerBatch{x}, p.waiting...)
	p.resting = true
	pause := backoff(x.attempts - 1)
	if kafka.RefreshesMetadata(answer.Err) {
		p.topic.refresh()
	}
	if left := time.Until(x.deadline); pause > left {
		pause = max(left, 0)
	}
	time.AfterFunc(pause, func() {
		p.mu.Lock()
		p.resting = false
		p.expire(time.Now())
		p.list()
		p.mu.Unlock()
		s.reportLater(p)
	})
}
