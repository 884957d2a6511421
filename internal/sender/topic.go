package sender

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/headrace/headrace/internal/kafka"
)

const (
	metadataAge   = time.Minute            // after which a topic in use is looked at again, for new partitions
	metadataPause = 100 * time.Millisecond // between looks while a leader is missing
)

// Topic is a sender's way to one topic. Get it once with [Sender.Topic] and keep it.
type Topic struct {
	sender *Sender
	name   string

	partitions atomic.Pointer[[]*partition] // by id; nil until the topic's metadata is known
	count      atomic.Int32                 // of the partitions that the topic has: records go to the first so many
	sticky     atomic.Int32                 // partition that records without a key go to

	mu         sync.Mutex
	id         [16]byte // of the topic that metadata told of last; zero where brokers have none
	refreshing bool
	again      bool // look once more when the look under way ends
	looked     time.Time
	problem    error // of the last look
}

// Name returns the topic's name.
func (t *Topic) Name() string { return t.name }

// load waits until the topic's partitions are known.
func (t *Topic) load(ctx context.Context) ([]*partition, error) {
	if known := t.partitions.Load(); known != nil {
		return *known, nil
	}
	ctx, cancel := context.WithTimeout(ctx, t.sender.cfg.DeliveryTimeout)
	defer cancel()
	for attempt := 0; ; attempt++ {
		meta, err := t.sender.cluster.Topic(ctx, t.name)
		if err == nil && len(meta.Partitions) == 0 {
			err = fmt.Errorf("topic %s: %w", t.name, errNoPartitions)
		}
		if err == nil {
			_ = t.apply(meta) // a batch without leader looks again
			return *t.partitions.Load(), nil
		}
		if t.sender.ended() {
			return nil, ErrClosed
		}
		if !errors.Is(err, errNoPartitions) && !kafka.Retriable(err) {
			return nil, err
		}
		if ended := wait(ctx, backoff(attempt)); ended != nil {
			return nil, fmt.Errorf("%w: %w", ended, err)
		}
	}
}

var errNoPartitions = errors.New("its metadata names no partitions")

// pick returns the partition a record goes to.
func (t *Topic) pick(ctx context.Context, r *Record) (*partition, error) {
	var partitions []*partition
	if known := t.partitions.Load(); known != nil {
		partitions = *known
	} else {
		var err error
		if partitions, err = t.load(ctx); err != nil {
			return nil, err
		}
	}
	n := t.count.Load()
	switch {
	case r.Partition >= n || r.Partition < AnyPartition:
		return nil, &PartitionError{Topic: t.name, Partition: r.Partition, Partitions: n}
	case r.Partition >= 0:
		return partitions[r.Partition], nil
	case r.Key != nil:
		return partitions[kafka.PartitionForKey(r.Key, n)], nil
	default:
		return partitions[t.sticky.Load()%n], nil
	}
}

// moveOn sends records without a key elsewhere, when partition id, whose batch is closed, is where they went (KIP-480).
func (t *Topic) moveOn(id int32) {
	n := t.count.Load()
	if n < 2 || t.sticky.Load() != id {
		return
	}
	t.sticky.CompareAndSwap(id, (id+1+rand.Int32N(n-1))%n) //nolint:gosec // spreading load needs no secrecy
}

// refresh looks at the topic's metadata again, in the background, until every partition has a leader. It may be called with a
// partition's lock held.
func (t *Topic) refresh() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refreshing {
		t.again = true
		return
	}
	t.refreshing = t.sender.tasks.start(t.findLeaders)
}

func (t *Topic) findLeaders() {
	s := t.sender
	began := time.Now()
	for attempt := 0; ; attempt++ {
		s.cluster.Invalidate(t.name)
		ctx, cancel := context.WithTimeout(s.ctx, requestTimeout)
		meta, err := s.cluster.Topic(ctx, t.name)
		cancel()
		if err == nil {
			err = t.apply(meta)
		}
		if t.searchIsOver(err) {
			return
		}
		if waited := time.Since(began); waited > noticeAfter && s.notice() {
			s.cfg.Logger.Warn("no leader found to produce to: trying again", zap.String("topic", t.name), zap.Duration("for", waited.Round(time.Millisecond)), zap.Error(err))
		}
		pause := metadataPause
		if err != nil && !errors.Is(err, errNoLeader) {
			pause = backoff(attempt)
		}
		_ = wait(s.ctx, pause) // searchIsOver asks the context
	}
}

// searchIsOver ends the looking when it has found all leaders, or nobody waits for one: the next batch that does will look again.
func (t *Topic) searchIsOver(err error) bool {
	s := t.sender
	idle := s.idle()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.problem = err
	if err == nil {
		t.looked = time.Now()
	}
	again := t.again
	t.again = false
	if s.ctx.Err() == nil && (again || err != nil && !idle) {
		return false
	}
	t.refreshing = false
	return true
}

// trouble is why the last look at the metadata did not help, or nil.
func (t *Topic) trouble() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.problem
}

// stale reports whether the metadata is old enough to be looked at again.
func (t *Topic) stale(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.refreshing && now.Sub(t.looked) > metadataAge
}

var errNoLeader = errors.New("no leader")

// apply takes over what metadata says. Its error names a partition without a leader.
func (t *Topic) apply(meta kafka.Topic) error {
	known, another := t.grow(meta)
	if another {
		for _, p := range known {
			p.startOver()
		}
	}
	var err error
	for _, m := range meta.Partitions {
		if m.ID < 0 || int(m.ID) >= len(known) {
			continue
		}
		if m.Leader < 0 {
			err = fmt.Errorf("topic %s partition %d: %w", t.name, m.ID, errNoLeader)
			continue
		}
		known[m.ID].follow(m.Leader, m.LeaderEpoch)
	}
	return err
}

// grow makes the partitions that metadata tells of, and says whether they are another topic's of the same name: one that was deleted and
// created again. Of such a one with fewer partitions the others stay, for what was on its way to them: their batches end by their deadline.
// The same topic never has fewer, whatever a broker says that lags.
func (t *Topic) grow(meta kafka.Topic) (known []*partition, another bool) {
	n := len(meta.Partitions)
	t.mu.Lock()
	defer t.mu.Unlock()
	another = t.id != meta.ID && t.id != [16]byte{} && meta.ID != [16]byte{}
	if meta.ID != ([16]byte{}) {
		t.id = meta.ID
	}
	if p := t.partitions.Load(); p != nil {
		known = *p
	}
	if n > len(known) {
		// With the lock held the sender is not closed meanwhile: Close closes the partitions it finds.
		t.sender.mu.RLock()
		defer t.sender.mu.RUnlock()
		grown := append([]*partition(nil), known...)
		for id := len(known); id < n; id++ {
			grown = append(grown, &partition{
				topic: t, id: int32(id), epoch: -1, closed: t.sender.closed, //nolint:gosec // a topic's partitions are numbered by int32
				sequence: sequence{id: kafka.NoProducerID},
			})
		}
		if known == nil {
			t.sticky.Store(rand.Int32N(int32(n))) //nolint:gosec // as above
			t.looked = time.Now()
		}
		known = grown
		t.partitions.Store(&known)
	}
	if most := int32(n); another && most > 0 || most > t.count.Load() { //nolint:gosec // as above
		t.count.Store(most)
	}
	return known, another
}

// startOver forgets the leader: the epochs of another topic begin anew, and the broker that led the old one may lead nothing of it.
//
// Sequence numbers go on at first, since the batch at hand may have landed in the new topic already, which recognises it by its stamp. A
// broker that has not seen the producer in a partition takes any first number, or says that it is out of order: then they begin anew.
func (p *partition) startOver() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.epoch = -1
	p.sequence.newTopic = true
}

// follow makes node the partition's leader unless a later one is known.
func (p *partition) follow(node, epoch int32) {
	b := p.topic.sender.broker(node)
	p.mu.Lock()
	defer p.mu.Unlock()
	if epoch >= 0 && epoch < p.epoch {
		return
	}
	p.epoch = epoch
	p.leader = b
	if p.listed != nil && p.listed != b {
		p.listed = nil // the old leader's list forgets it when it comes to it
	}
	p.list()
}
