package consumer

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"go.uber.org/zap"

	"github.com/headrace/headrace/consumer/internal/progress"
	"github.com/headrace/headrace/internal/kafka"
)

// committer tells the group what is done. It sends one request at a time, so that no offset overtakes a later one, and nothing twice
// that the group has taken.
type committer struct {
	engine *engine
	wanted chan struct{} // a commit before its time

	mu      sync.Mutex
	encoder progress.Encoder
	room    int // bytes that the brokers take as metadata
}

// doubtful is how many commits must be accepted after one that got no answer: the first may have been overtaken by it, since the two
// travel on different connections.
const doubtful = 2

// defaultMetadataBytes is the brokers' offset.metadata.max.bytes, unless it is set otherwise.
const defaultMetadataBytes = 4096

func newCommitter(e *engine) *committer {
	return &committer{engine: e, wanted: make(chan struct{}, 1), room: defaultMetadataBytes}
}

// run commits at each interval, and when it is asked to, until ctx ends.
func (c *committer) run(ctx context.Context) {
	ticker := time.NewTicker(c.engine.cfg.Tuning.CommitInterval)
	defer ticker.Stop()
	for {
		regular := false
		select {
		case <-ticker.C:
			regular = true
		case <-c.wanted:
		case <-ctx.Done():
			return
		}
		c.commit(ctx, c.engine.owned(), regular)
	}
}

// soon asks for a commit before its time.
func (c *committer) soon() {
	select {
	case c.wanted <- struct{}{}:
	default:
	}
}

// share is what is committed under one identity.
type share struct {
	partitions []*partition
	commits    []kafka.OffsetCommit
	marks      []progress.Mark
}

// commit sends what is done of some partitions, in one request unless they are owned under several identities, which they are for a
// moment of a rebalance. It returns those whose commit is to be tried again.
func (c *committer) commit(ctx context.Context, partitions []*partition, regular bool) (again []*partition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for member, s := range c.shares(partitions, regular) {
		request, cancel := context.WithTimeout(ctx, commitGrace)
		withheld, err := c.withhold(request, s)
		var errs []error
		if err == nil && len(s.partitions) > 0 {
			errs, err = c.engine.client.CommitOffsets(request, member, s.commits...)
		}
		cancel()
		again = append(again, withheld...)
		if err == nil && len(s.partitions) == 0 {
			continue
		}
		if err == nil {
			c.engine.stats.commits.Add(1)
		} else {
			c.engine.stats.commitErrors.Add(1)
		}
		for i, p := range s.partitions {
			refusal := err
			if errs != nil {
				refusal = errs[i]
			}
			if refusal != nil {
				p.repeat = nil
				if c.refused(ctx, p, &repeat{s.commits[i], s.marks[i]}, refusal) {
					again = append(again, p)
				}
				continue
			}
			p.repeat = nil
			p.committed, p.metadata = s.commits[i].Offset, s.commits[i].Metadata
			p.known.Store(p.committed)
			p.confirmed(s.marks[i])
			if p.doubt > 0 { // say it once more, to come after what may still arrive
				p.doubt--
			}
			if p.doubt > 0 {
				again = append(again, p)
			}
		}
	}
	return again
}

// repeat is a commit that got no answer. It is made again as it was, before a later one: a coordinator that hung may take both at once, in
// any order.
type repeat struct {
	commit kafka.OffsetCommit
	mark   progress.Mark
}

// shares gathers what the group has not been told.
func (c *committer) shares(partitions []*partition, regular bool) map[kafka.Member]*share {
	shares := make(map[kafka.Member]*share)
	add := func(p *partition, commit kafka.OffsetCommit, mark progress.Mark) {
		member := *p.member.Load()
		s := shares[member]
		if s == nil {
			s = new(share)
			shares[member] = s
		}
		s.partitions, s.commits, s.marks = append(s.partitions, p), append(s.commits, commit), append(s.marks, mark)
	}
	for _, p := range partitions {
		if p.prefix.Load() < 0 || p.lost.Load() { // not placed, or not ours
			continue
		}
		if r := p.repeat; r != nil {
			add(p, r.commit, r.mark)
			continue
		}
		n := progress.Note{Done: p.progress(), Partitions: p.began}
		n.Mark = p.limits.nextMark(&n.Done, regular)
		metadata, told := c.encode(p, &n)
		if full := told < n.Done.End(); p.limits.full.Swap(full) && !full {
			p.wake()
		}
		if n.Done.Prefix() == p.committed && metadata == p.metadata && p.doubt == 0 {
			p.confirmed(n.Mark)
			continue
		}
		add(p, kafka.OffsetCommit{Topic: p.Topic, Partition: p.Partition, Offset: n.Done.Prefix(), Metadata: metadata}, n.Mark)
	}
	return shares
}

// said is a note and the metadata that it came to. Encoding one that is large takes milliseconds, which a partition that stands still is
// not to take at each interval.
type said struct {
	log      progress.Log
	note     progress.Note
	room     int
	metadata string
	told     int64
}

// encode is progress.Encoder.Encode for a partition's note.
func (c *committer) encode(p *partition, n *progress.Note) (metadata string, told int64) {
	log := p.kafkaLog
	if s := &p.said; s.room != c.room || s.log != log || !s.note.Equal(n) {
		metadata, told = c.encoder.Encode(log, n, c.room)
		p.said = said{log, *n, c.room, metadata, told}
	}
	return p.said.metadata, p.said.told
}

// refused sorts out a commit that the group did not take, and returns whether to try again.
func (c *committer) refused(ctx context.Context, p *partition, r *repeat, err error) bool {
	commit := &r.commit
	log := p.log().With(zap.Int64("commit", commit.Offset), zap.Error(err))
	switch {
	case ctx.Err() != nil:
		p.doubt, p.repeat = doubtful, r
		return true
	case errors.Is(err, kerr.UnknownMemberID), errors.Is(err, kerr.FencedInstanceID):
		// Somebody else may own the partition. A heartbeat will tell, and end its handlers.
		log.Warn("commit refused: this worker is no longer a member")
		c.engine.member.Ask()
		return false
	case errors.Is(err, kerr.IllegalGeneration), errors.Is(err, kerr.RebalanceInProgress):
		// The group has moved on to a generation in which this worker may own the partition or not. Until it knows, it is not committed.
		log.Debug("commit waits for the rebalance to end")
		p.unconfirmed()
		return true
	case errors.Is(err, kerr.OffsetMetadataTooLarge) && commit.Metadata != "":
		// How much the brokers take is theirs to say, and nobody needs a right to ask them.
		c.room = min(c.room, len(commit.Metadata)/2)
		log.Warn("brokers accept less commit metadata", zap.Int("bytes", len(commit.Metadata)), zap.Int("new limit", c.room))
		c.soon()
		return true
	case kafka.Retriable(err), errors.Is(err, context.DeadlineExceeded), errors.Is(err, kerr.UnknownServerError):
		if conn, lost := errors.AsType[*kafka.ConnError](err); lost && conn.Sent || errors.Is(err, kerr.RequestTimedOut) {
			p.doubt, p.repeat = doubtful, r
		}
		log.Warn("commit not confirmed: retrying")
		p.unconfirmed()
		return true
	}
	c.engine.fail(err)
	return false
}

// commitRemaining commits until nothing is left to try again, or ctx ends. It returns the partitions that are not committed.
func (c *committer) commitRemaining(ctx context.Context, partitions []*partition) []*partition {
	for failures := 1; ; failures++ {
		partitions = c.withoutGone(ctx, c.commit(ctx, partitions, false))
		if len(partitions) == 0 || ctx.Err() != nil {
			return partitions
		}
		timer := time.NewTimer(min(20*time.Millisecond<<min(failures, 5), 500*time.Millisecond))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return partitions
		}
	}
}

// forget makes the next commit of a partition go out whatever was committed before.
func (c *committer) forget(p *partition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p.committed = -1
}
