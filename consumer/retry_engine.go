package consumer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/reader"
)

// retryTopic is a topic in which events of another wait.
type retryTopic struct {
	source string
	group  string
	delay  time.Duration
}

// retryBuffer is the part of a worker's buffer that its retry topics have: one of so many.
const retryBuffer = 8

// maxRetryFetch is how much of a retry topic's partition is fetched at a time. It is small because it waits in memory until it is due.
const maxRetryFetch = 128 << 10

// divide makes a worker's config those of its two engines: of its topics, and of its retry topics, which have a group of their own.
func (c Config) divide() (own, retries Config) {
	own, retries = c, c
	part := max(1, c.Tuning.BufferBytes/retryBuffer)
	own.Tuning.BufferBytes = max(1, c.Tuning.BufferBytes-part)
	own.Tuning.PartitionBytes = min(c.Tuning.PartitionBytes, own.Tuning.BufferBytes)
	retries.Tuning.BufferBytes = part
	retries.Tuning.PartitionBytes = min(c.Tuning.PartitionBytes, part, maxRetryFetch)
	retries.Group = RetryGroup(c.Group)
	retries.Topics = nil
	retries.Start = reader.AtStart() // what waits is not to be skipped, whatever the worker's start
	return own, retries
}

// ofRetries makes the engine of the worker's retry topics, nil when there are none: those of its policies, and those that an earlier policy
// has left, whose events would be forgotten otherwise. It shares what bounds the worker: its lanes, and the sender.
func (e *engine) ofRetries(ctx context.Context, w *Worker) (*engine, error) {
	read, err := e.left(ctx)
	if err != nil {
		return nil, err
	}
	for name, left := range read {
		e.cfg.Logger.Info("retry topic is no longer in Policy.Retry: its events are still handled", zap.String("topic", name), zap.Duration("delay", left.delay))
	}
	for _, topic := range w.cfg.Topics {
		for _, delay := range w.routes.delays() {
			read[RetryTopic(topic, e.group, delay)] = &retryTopic{source: topic, group: e.group, delay: delay}
		}
	}
	if len(read) == 0 {
		return nil, nil //nolint:nilnil // no retry topics is no error
	}
	if e.sender == nil { // no policy copies events any more, and what an earlier policy has left may have to wait longer
		if e.sender, err = newCopySender(e.client, e.cfg); err != nil {
			return nil, err
		}
	}
	_, cfg := w.cfg.divide()
	cfg.Topics = slices.Sorted(maps.Keys(read))
	r := newBareEngine(cfg, w, e.client)
	r.group, r.stats, r.base, r.sender, r.lanes, r.retries, r.replays = e.group, &w.retryStats, e.base, e.sender, e.lanes, read, e.replays
	r.connect(w.metadata)
	w.retries.Store(r)
	return r, nil
}

// left finds the retry topics of the worker's topics that are in none of its policies.
func (e *engine) left(ctx context.Context) (map[string]*retryTopic, error) {
	var all []kafka.Topic
	err := e.client.Retry(ctx, func(ctx context.Context) (err error) {
		all, err = e.client.Topics(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("consumer: group %s: look for its retry topics: %w", e.group, err)
	}
	found := make(map[string]*retryTopic)
	current := e.routes.delays()
	for _, topic := range all {
		for _, source := range e.cfg.Topics {
			text, ours := strings.CutPrefix(topic.Name, retryPrefix(source, e.group))
			if !ours {
				continue
			}
			if delay, ok := parseDelay(text); ok && !slices.Contains(current, delay) {
				found[topic.Name] = &retryTopic{source: source, group: e.group, delay: delay}
			}
		}
	}
	return found, nil
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
