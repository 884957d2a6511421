package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"

	"github.com/headrace/headrace/consumer/internal/progress"
	"github.com/headrace/headrace/internal/kafka"
)

// replaying is one Replay: an engine without a group.
type replaying struct {
	cfg     ReplayConfig
	id      string
	failed  OnFailure
	worker  *Worker
	limiter *rate.Limiter // nil does not limit

	partitions []*partition // of cfg.Spans; nil where a span was done before
	ended      sync.WaitGroup
}

func newReplaying(cfg ReplayConfig, handlers []Handler) (*replaying, error) {
	w := cfg.Worker.withDefaults()
	w.Policy.Retry, w.Topics = nil, nil
	w.Tuning.OutOfRange = OutOfRangeStop // anything else would leave events out
	if w.Group == "" {
		w.Group = cfg.ID
	}
	for _, s := range cfg.Spans {
		if !slices.Contains(w.Topics, s.Topic) {
			w.Topics = append(w.Topics, s.Topic)
		}
	}
	routes, err := newRoutes(w.Registry, w.Policy, handlers)
	if err := errors.Join(cfg.validate(), w.withTopics().validate(), err); err != nil {
		return nil, err
	}
	for _, route := range routes.byEvent {
		route.policy.Retry = nil
	}
	r := &replaying{cfg: cfg, id: cfg.ID, failed: cfg.OnFailure}
	if cfg.Rate > 0 {
		r.limiter = rate.NewLimiter(rate.Limit(cfg.Rate), max(1, int(cfg.Rate/10)))
	}
	r.worker = &Worker{cfg: w, routes: routes, grace: handlerGrace, turns: semaphore.NewWeighted(allTurns)}
	return r, nil
}

// withTopics is a config whose lack of topics is no mistake: there may be nothing to replay.
func (c Config) withTopics() Config {
	if len(c.Topics) == 0 {
		c.Topics = []string{"none"}
	}
	return c
}

// passesOver reports whether the replay goes on past a failed event; dead is what a worker would do.
func (r *replaying) passesOver(f *failure, dead bool) bool {
	switch r.failed {
	case OnFailureReport:
		return dead || f.kind != kindUnhandled
	case OnFailureDeadLetter:
		return dead
	case OnFailureStop:
	}
	return false
}

func (r *replaying) run(ctx context.Context) error {
	cfg := r.worker.cfg
	client, err := kafka.Open(cfg.Cluster, kafka.WithLogger(cfg.Logger))
	if err != nil {
		return err
	}
	defer client.Close()
	e := newBareEngine(cfg, r.worker, client)
	e.replay, e.base = r, context.WithoutCancel(ctx)
	if cfg.Concurrency > 0 {
		e.lanes = newLanes(cfg.Concurrency)
	}
	deadLetters := r.failed == OnFailureDeadLetter && r.worker.routes.deadLetters(cfg)
	if deadLetters {
		if e.sender, err = newCopySender(client, cfg); err != nil {
			return err
		}
	}
	e.fetch()
	defer e.close(context.WithoutCancel(ctx))
	if err := e.checkReplay(ctx, deadLetters); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return err
	}
	return e.runReplay(ctx)
}

// checkReplay is check for a replay.
func (e *engine) checkReplay(ctx context.Context, deadLetters bool) error {
	if err := e.client.Ping(ctx); err != nil {
		return err
	}
	sides := sideTopics{client: e.client, group: e.group, dead: deadLetters, create: e.cfg.Tuning.CreateTopics, log: e.cfg.Logger}
	var errs []error
	for _, name := range e.cfg.Topics {
		topic, err := e.topic(ctx, name)
		if errors.Is(err, kafka.ErrUnknownTopic) {
			errs = append(errs, missingTopic(name))
			continue
		}
		if err != nil {
			return err
		}
		for _, s := range e.replay.cfg.Spans {
			if _, has := topic.Partition(s.Partition); s.Topic == name && !has {
				errs = append(errs, fmt.Errorf("replay %s: topic %s has no partition %d: it has %d", e.replay.id, name, s.Partition, len(topic.Partitions)))
			}
		}
		e.takeUp(name, topic.ID)
		errs = append(errs, sides.of(ctx, topic))
	}
	return errors.Join(errs...)
}

// runReplay works until every span is done, ctx ends or something fails, and then stops in order.
func (e *engine) runReplay(ctx context.Context) error {
	r := e.replay
	r.cfg.Spans = slices.Clone(r.cfg.Spans) // they belong to the caller
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	e.ctx = background
	watched := make(chan struct{})
	e.wg.Go(func() { e.watch.run(watched) }) //nolint:contextcheck // handlers run under the contexts of their partitions
	e.startSpans()                           //nolint:contextcheck // handlers run under the contexts of their partitions
	ended := make(chan struct{})
	go func() {
		r.ended.Wait()
		close(ended)
	}()
	failure := r.follow(ctx, e.failed, ended)

	e.mu.Lock()
	e.stopping = true
	e.mu.Unlock()
	working := e.working()
	for _, p := range working {
		p.halt()
	}
	stuck := e.drain(working, ErrStopping)
	for _, p := range r.partitions {
		if p != nil {
			p.span.end()
		}
	}
	<-ended
	cancel()
	close(watched)
	e.wg.Wait()
	e.fetcher.Stop()
	return errors.Join(append([]error{failure, r.reportProgress()}, stuck...)...)
}

// follow tells of progress until the replay is over, and returns why it ends before that.
func (r *replaying) follow(ctx context.Context, failed <-chan error, ended <-chan struct{}) error {
	ticker := time.NewTicker(r.worker.cfg.Tuning.CommitInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ended:
			select {
			case err := <-failed: // also one of the last moment
				return err
			default:
				return nil
			}
		case err := <-failed:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
			if err := r.reportProgress(); err != nil {
				return err
			}
		}
	}
}

// startSpans starts the partitions of spans that are not done.
func (e *engine) startSpans() {
	e.makeSpans()
	r := e.replay
	for i, p := range r.partitions {
		if p == nil {
			continue
		}
		s := r.cfg.Spans[i]
		done := progress.NewDone(s.Next)
		for _, b := range s.Beyond {
			done.Mark(b.From, b.To)
		}
		p.setPosition(progress.Note{Done: done}, -1, "")
		p.unconfirmed() // there is no group to tell what may be in hand
		p.start()
	}
	e.cfg.Logger.Info("replaying", zap.String("replay", r.id), zap.Int64("partitions", e.stats.assigned.Load()))
}

func (e *engine) makeSpans() {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.replay
	r.partitions = make([]*partition, len(r.cfg.Spans))
	for i := range r.cfg.Spans {
		s := &r.cfg.Spans[i]
		s.Next = max(s.Next, s.From)
		if s.Done() {
			continue
		}
		p := newPartition(e, kafka.TopicPartition{Topic: s.Topic, Partition: s.Partition}, kafka.Member{})
		p.kafkaLog = progress.Log{Topic: e.topicIDs[s.Topic], Partition: s.Partition}
		r.ended.Add(1)
		p.span = &span{replaying: r, to: s.To, counts: s.Counts, failures: slices.Clone(s.Failures)}
		r.partitions[i] = p
		e.partitions[p.TopicPartition] = p
	}
	e.stats.assigned.Store(int64(len(e.partitions)))
}

// reportProgress tells how far the spans have come.
func (r *replaying) reportProgress() error {
	if r.cfg.Progress == nil {
		return nil
	}
	spans := slices.Clone(r.cfg.Spans)
	for i, p := range r.partitions {
		if p != nil {
			p.snapshot(&spans[i])
		}
	}
	return r.cfg.Progress(spans)
}
