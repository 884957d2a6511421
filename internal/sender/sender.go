package sender

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/headrace/headrace/internal/kafka"
)

// Sender sends records to one cluster. It is safe for concurrent use.
type Sender struct {
	notices

	cfg      Config
	cluster  cluster
	memory   *memory
	identity *identity
	linger   *linger
	sweeper  *sweeper
	clock    clock
	tasks    tasks
	waiters  sync.Pool
	stats    counters

	ctx    context.Context // ends when what is left is given up
	cancel context.CancelCauseFunc

	mu      sync.RWMutex
	topics  map[string]*Topic
	brokers map[int32]*broker
	closed  bool
}

// New returns a sender over client, which stays the caller's to close, after the sender. It does no I/O.
func New(client *kafka.Client, cfg Config) (*Sender, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return newSender(client, cfg), nil
}

func newSender(c cluster, cfg Config) *Sender {
	cfg = cfg.withDefaults()
	s := &Sender{
		cfg:      cfg,
		cluster:  c,
		memory:   newMemory(cfg.BufferBytes, cfg.BatchBytes),
		identity: newIdentity(c),
		topics:   map[string]*Topic{},
		brokers:  map[int32]*broker{},
	}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	s.linger = newLinger(cfg.Linger)
	s.sweeper = newSweeper(s)
	return s
}

// Topic returns the way to a topic. It asks nobody: whether the topic exists is found out by the first record.
func (s *Sender) Topic(name string) *Topic {
	s.mu.RLock()
	t := s.topics[name]
	s.mu.RUnlock()
	if t != nil {
		return t
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t = s.topics[name]; t == nil {
		t = &Topic{sender: s, name: name}
		s.topics[name] = t
	}
	return t
}

// Append encodes r into the open batch of its partition. A nil error means that the sender has taken r and will tell to, which may
// be nil, its result; any other that r was not taken, so that it is certainly not written, and to will not be called. Records that
// one goroutine appends to one partition keep their order.
//
// It waits until ctx ends for the topic's metadata when it is not known yet, and for room when the buffer is full.
func (s *Sender) Append(ctx context.Context, t *Topic, r *Record, to Receiver) error {
	_, err := s.append(ctx, t, r, to)
	return err
}

// Send is Append and the wait for the result. It does not linger. When ctx ends first, the record is not recalled and its outcome
// is Unknown.
func (s *Sender) Send(ctx context.Context, t *Topic, r *Record) Result {
	w := s.Waiter()
	p, err := s.append(ctx, t, r, w)
	if err != nil {
		return w.Refuse(t, p, err)
	}
	return w.Wait(ctx, t, p)
}

func (s *Sender) append(ctx context.Context, t *Topic, r *Record, to Receiver) (partition int32, err error) {
	e, partition, err := s.Begin(ctx, t, r)
	if err != nil {
		return partition, err
	}
	defer e.Close()
	if r.Value == nil {
		return partition, e.EndNull(r, to)
	}
	dst, err := r.Value.AppendTo(e.Buffer())
	if err != nil {
		e.Abort()
		return partition, err
	}
	return partition, e.End(dst, r, to)
}

// room waits until size bytes are free and takes them.
func (s *Sender) room(ctx context.Context, size int) error {
	if s.ended() {
		return ErrClosed
	}
	err := s.memory.take(ctx, s.ctx.Done(), size, s.linger.hurry)
	if err != nil && !errors.Is(err, ErrClosed) {
		return fmt.Errorf("waiting for room in the buffer of %d bytes: %w", s.cfg.BufferBytes, err)
	}
	return err
}

// broker returns the one with this node id.
func (s *Sender) broker(node int32) *broker {
	s.mu.RLock()
	b := s.brokers[node]
	s.mu.RUnlock()
	if b != nil {
		return b
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if b = s.brokers[node]; b == nil {
		b = &broker{sender: s, node: node}
		s.brokers[node] = b
	}
	return b
}

// ended reports whether Close has begun.
func (s *Sender) ended() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.closed
}

// all returns every partition with records before or now.
func (s *Sender) all() []*partition {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []*partition
	for _, t := range s.topics {
		if known := t.partitions.Load(); known != nil {
			all = append(all, *known...)
		}
	}
	return all
}

// idle reports whether nothing waits or travels.
func (s *Sender) idle() bool {
	for _, p := range s.all() {
		p.mu.Lock()
		idle := p.open == nil && len(p.waiting) == 0 && p.flight == nil
		p.mu.Unlock()
		if !idle {
			return false
		}
	}
	return true
}
