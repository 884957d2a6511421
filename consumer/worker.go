package consumer

import (
	"context"
	"sync/atomic"
)

// Worker is a member of a consumer group that hands events to handlers. Its methods are safe for concurrent use.
type Worker struct {
	cfg   Config
	ran   atomic.Bool
	stats counters
}

// New checks cfg and the handlers and returns a worker, with every mistake in one error otherwise. It does no I/O.
func New(cfg Config, handlers ...Handler) (*Worker, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Worker{cfg: cfg}, nil
}

// Run joins the group and handles events until ctx ends or an error stops the worker. It can be called once.
//
// When ctx ends, the worker stops fetching, lets running handlers finish for up to Tuning.DrainTimeout, commits what is done,
// leaves the group and returns nil. Every other end is an error, after the same drain; it says where the worker stopped and what to
// do next: *[HandlerError], *[UnhandledError], *[DecodeError], *[CorruptError], *[OutOfRangeError], *[FencedError],
// *[ProtocolError], *[MissingTopicError], *[StuckError], [ErrRunTwice], or what the broker refused.
//
// An outage of brokers or of the registry is not an error: the worker waits for it to pass.
func (w *Worker) Run(ctx context.Context) error {
	if w.ran.Swap(true) {
		return ErrRunTwice
	}
	<-ctx.Done()
	return nil
}
