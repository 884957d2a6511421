package producer

import (
	"context"
	"errors"
)

// Producer sends events to one cluster. It is safe for concurrent use; a process needs one, shared by all its topics.
type Producer struct {
	cfg Config
}

// New returns a producer. It does no I/O apart from reading the files that Config.Cluster names; the cluster is first reached
// by the first event. Its error names every problem of cfg at once.
func New(cfg Config) (*Producer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Producer{cfg: cfg}, nil
}

// Flush sends what is buffered without further lingering and returns when every event accepted before the call has its
// outcome and its callback has returned, or when ctx ends, with ctx's error. It does not report the events' errors: their callbacks do.
func (p *Producer) Flush(ctx context.Context) error { return errors.New("not built yet") }

// Close flushes and ends the producer. When ctx ends first, every remaining event is given up at once with its outcome, and Close
// returns ctx's error. Later events fail with [ErrClosed]. No goroutine of the producer outlives Close, except those that
// run a callback which has not returned. Further calls return nil.
func (p *Producer) Close(ctx context.Context) error { return errors.New("not built yet") }
