package producer

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/internal/sender"
	"github.com/headrace/headrace/schema/registry"
)

// Producer sends events to one cluster. It is safe for concurrent use; a process needs one, shared by all its topics.
type Producer struct {
	client       *kafka.Client
	sender       *sender.Sender
	registry     *registry.Client
	autoRegister bool
	suffix       string // of topics
	logger       *zap.Logger
	patience     time.Duration // with a registry that does not answer

	closing atomic.Bool
	closed  chan struct{} // when Close is through
}

// New returns a producer. It does no I/O apart from reading the files that Config.Cluster names; the cluster is first reached
// by the first event. Its error names every problem of cfg at once. Close ends what New started.
func New(cfg Config) (*Producer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	logger := cfg.Logger
	if logger == nil {
		logger = zap.NewNop()
	}
	client, err := kafka.Open(cfg.Cluster, kafka.WithLogger(logger))
	if err != nil {
		return nil, err
	}
	s, err := sender.New(client, cfg.sender())
	if err != nil {
		client.Close()
		return nil, err
	}
	patience := cfg.DeliveryTimeout
	if patience == 0 {
		patience = DefaultDeliveryTimeout
	}
	return &Producer{
		client: client, sender: s, registry: cfg.Registry, autoRegister: cfg.AutoRegister, suffix: cfg.TopicSuffix,
		logger: logger, patience: patience, closed: make(chan struct{}),
	}, nil
}

// topic is where events for a name go.
func (p *Producer) topic(name string) *sender.Topic { return p.sender.Topic(name + p.suffix) }

// Flush sends what is buffered without further lingering and returns nil when every event accepted before the call has its
// outcome and its callback has returned, or ctx's error when ctx ends first. It does not report the events' errors: their callbacks do.
func (p *Producer) Flush(ctx context.Context) error { return p.sender.Flush(ctx) }

// Close flushes and ends the producer. When ctx ends first, every remaining event is given up at once with its outcome, and Close
// returns ctx's error. Later events fail with [ErrClosed]. No goroutine of the producer outlives Close, except one that
// runs a callback which does not return. Further calls wait for the first.
func (p *Producer) Close(ctx context.Context) error {
	if p.closing.Swap(true) {
		select {
		case <-p.closed:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("producer: close: %w", ctx.Err())
		}
	}
	defer close(p.closed)
	defer p.client.Close()
	return p.sender.Close(ctx)
}
