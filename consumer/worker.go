package consumer

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/headrace/headrace/internal/kafka"
)

// Worker is a member of a consumer group that hands events to handlers. Its methods are safe for concurrent use.
type Worker struct {
	cfg        Config
	id         uint64 // see assign.Member
	routes     *routes
	ran        atomic.Bool
	engine     atomic.Pointer[engine] // once it runs
	retries    atomic.Pointer[engine] // of its retry topics, if it has any
	stats      counters
	retryStats counters            // of the retry topics
	turns      *semaphore.Weighted // among suspects of a crash

	grace    time.Duration // how long a handler has to return once its context has ended
	metadata time.Duration // how often the group's leader looks for new partitions
}

// New checks cfg and the handlers and returns a worker, or every mistake in one error. It does no I/O.
func New(cfg Config, handlers ...Handler) (*Worker, error) {
	cfg = cfg.withDefaults()
	routes, err := newRoutes(cfg.Registry, cfg.Policy, handlers)
	if err := errors.Join(cfg.validate(), err); err != nil {
		return nil, err
	}
	if err := routes.checkNames(cfg); err != nil {
		return nil, err
	}
	id := rand.Uint64() | 1<<63 //nolint:gosec // it only has to be another than those of others
	return &Worker{cfg: cfg, id: id, routes: routes, grace: handlerGrace, turns: semaphore.NewWeighted(allTurns), metadata: metadataInterval}, nil
}

// Run joins the group and handles events until ctx ends or an error stops the worker. It can be called once.
//
// When ctx ends, the worker stops fetching, lets running handlers finish for up to Tuning.DrainTimeout, commits what is done, leaves
// the group and returns nil. Every other end is an error, after the same drain; it says where the worker stopped and what to do next:
// *[HandlerError], *[CrashError], *[UnhandledError], *[DecodeError], *[reader.CorruptError], *[reader.OutOfRangeError], *[FencedError], *[ProtocolError],
// *[MissingTopicError], *[PartitionsError], *[CompactedTopicError], *[CollisionError], *[StuckError], [ErrRunTwice], or what the broker refused.
//
// Outages, of brokers or of the registry, are not: the worker waits for them to pass, from its first second on, and logs what it waits for.
// A handler's context carries the values of ctx.
func (w *Worker) Run(ctx context.Context) error {
	if w.ran.Swap(true) {
		return ErrRunTwice
	}
	client, err := kafka.Open(w.cfg.Cluster, kafka.WithLogger(w.cfg.Logger))
	if err != nil {
		return err
	}
	defer client.Close()
	e, err := newEngine(ctx, w, client)
	if err != nil {
		return err
	}
	w.engine.Store(e)
	defer e.close(context.WithoutCancel(ctx))
	if err := e.check(ctx); err != nil {
		return unlessOver(ctx, err)
	}
	retries, err := e.ofRetries(ctx, w)
	if err != nil {
		return unlessOver(ctx, err)
	}
	return e.runWith(ctx, retries)
}

// unlessOver is the error of a start, unless the worker was told to stop meanwhile.
func unlessOver(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the stop was asked for, and the start has done nothing yet
	}
	return err
}
