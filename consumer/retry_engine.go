package consumer

import (
	"context"
	"errors"
	"time"
)

// retryTopic is a topic in which events of another wait.
type retryTopic struct {
	source string
	delay  time.Duration
}

// retryBuffer is the part of a worker's buffer that its retry topics have: one of so many.
const retryBuffer = 8

// maxRetryFetch is how much of a retry topic's partition is fetched at a time. It is small because it waits in memory until it is due.
const maxRetryFetch = 128 << 10

// divide makes a worker's config those of its two engines: of its topics, and of its retry topics, which have a group of their own.
// Without a ladder the first is the whole.
func (c Config) divide(delays []time.Duration) (own, retries Config) {
	if len(delays) == 0 {
		return c, Config{}
	}
	own, retries = c, c
	part := max(1, c.Tuning.BufferBytes/retryBuffer)
	own.Tuning.BufferBytes = max(1, c.Tuning.BufferBytes-part)
	own.Tuning.PartitionBytes = min(c.Tuning.PartitionBytes, own.Tuning.BufferBytes)
	retries.Tuning.BufferBytes = part
	retries.Tuning.PartitionBytes = min(c.Tuning.PartitionBytes, part, maxRetryFetch)
	retries.Group = RetryGroup(c.Group)
	retries.Start = AtStart() // what waits is not to be skipped, whatever the worker's start
	retries.Topics = nil
	for _, topic := range c.Topics {
		for _, delay := range delays {
			retries.Topics = append(retries.Topics, RetryTopic(topic, c.Group, delay))
		}
	}
	return own, retries
}

// ofRetries makes the engine of the worker's retry topics, nil when it has none. It shares what bounds the worker: its lanes, and the
// sender.
func (e *engine) ofRetries(w *Worker) *engine {
	waits := w.routes.delays()
	if len(waits) == 0 {
		return nil
	}
	_, cfg := w.cfg.divide(waits)
	r := newBareEngine(cfg, w, e.client)
	r.group, r.stats, r.base, r.sender, r.lanes = e.group, &w.retryStats, e.base, e.sender, e.lanes
	r.retries = make(map[string]*retryTopic, len(cfg.Topics))
	for _, topic := range w.cfg.Topics {
		for _, delay := range waits {
			r.retries[RetryTopic(topic, e.group, delay)] = &retryTopic{source: topic, delay: delay}
		}
	}
	r.connect(w.metadata)
	w.retries.Store(r)
	return r
}

// runWith runs the engine of the worker's topics and the one of its retry topics, if there is one, until ctx ends or one of them fails.
func (e *engine) runWith(ctx context.Context, retries *engine) error {
	if retries == nil {
		return e.run(ctx)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		defer stop()
		ended <- retries.run(ctx)
	}()
	err := e.run(ctx)
	stop()
	return errors.Join(err, <-ended)
}
