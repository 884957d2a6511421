package replay

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
)

const (
	chunkBytes     = 4 << 20
	pacedBytes     = 256 << 10 // when all partitions are under way at once
	chunkBytesMost = 96 << 20
	fetchWait      = 500 * time.Millisecond
)

// source reads a span ahead of its copier, by one chunk.
type source struct {
	copy   *copier
	span   Span
	next   int64
	chunks chan chunk
	cancel context.CancelFunc
	done   sync.WaitGroup

	bytes    int32 // asked for at once
	usual    int32 // what bytes begins with
	doubted  int64 // offset of a batch that came damaged once; -1
	seen     laterDamage
	damage   damage
	empty    int // answers in a row
	aborted  batch.AbortedFilter
	listed   []batch.Aborted
	response *kafka.FetchResponse
}

// chunk is one answer of the source: whole batches with events of users, in order.
type chunk struct {
	batches  []batch.Batch // views into the answer
	next     int64         // offset behind the chunk
	skipped  *Skipped      // the offsets before next, when they could not be read; there are no batches then
	damaged  []byte        // what lies there, in the answer
	err      error
	response *kafka.FetchResponse
}

func (c *chunk) release() { c.response.Release() }

func openSource(ctx context.Context, c *copier, span Span, from int64) *source {
	ctx, cancel := context.WithCancel(ctx)
	s := &source{copy: c, span: span, next: from, chunks: make(chan chunk), cancel: cancel, usual: chunkBytes, doubted: -1}
	if c.cfg.Speed > 0 {
		s.usual = pacedBytes
	}
	s.bytes = s.usual
	s.done.Go(func() { s.run(ctx) })
	return s
}

// close ends the reading. What it has read ahead is forgotten.
func (s *source) close() {
	s.cancel()
	s.done.Wait()
}

func (s *source) run(ctx context.Context) {
	for s.next < s.span.To {
		c := s.read(ctx)
		select {
		case s.chunks <- c:
		case <-ctx.Done():
			c.release()
			return
		}
		if c.err != nil {
			return
		}
	}
}

// read returns the next chunk, or one with an error. A batch that is damaged ends the chunk before it, comes first in the next answer,
// and is fetched twice before it is given up.
func (s *source) read(ctx context.Context) chunk {
	for {
		p, err := s.fetch(ctx)
		c := chunk{next: s.next, response: s.response}
		var bad *damagedBatch
		if unreadable, ok := errors.AsType[*unreadableError](err); ok {
			bad, err = &damagedBatch{why: unreadable}, nil
		} else if err == nil {
			bad, err = s.cut(&c, &p)
		}
		if err == nil && bad == nil {
			bad = s.vanished(&p)
		}
		switch {
		case err != nil || bad == nil:
			c.err = err
		case s.doubted != s.next:
			s.doubted = s.next
			c.release()
			continue
		default:
			c.err = s.passDamage(ctx, &c, bad)
		}
		if c.err != nil || c.next > s.next {
			s.next, s.empty = c.next, 0
			return c
		}
		c.release()
		if s.empty++; s.empty <= s.copy.cfg.pace.empty {
			continue
		}
		switch {
		case p.HighWatermark >= 0 && p.HighWatermark < s.span.To:
			return chunk{err: &GoneError{Location: s.here(), LogStart: p.LogStartOffset, LogEnd: p.HighWatermark}}
		case p.HighWatermark > s.next && p.LastStableOffset > s.next:
			c = chunk{next: s.next}
			c.err = s.passDamage(ctx, &c, &damagedBatch{why: errNothing})
			s.next, s.empty = c.next, 0
			return c
		}
	}
}

func (s *source) here() headrace.Location {
	return headrace.Location{Topic: s.span.Topic, Partition: s.span.Partition, Offset: s.next}
}

// fetch asks for what comes next.
func (s *source) fetch(ctx context.Context) (p kafka.FetchedPartition, err error) {
	p, s.response, err = s.ask(ctx, max(s.next, s.damage.seek), s.bytes, fetchWait)
	return p, err
}

// ask asks the leader until it answers for the partition. Without an error the answer has to be released. The fetch names the topic's
// id, so that a topic made anew under the same name does not answer (KIP-516).
func (s *source) ask(ctx context.Context, offset int64, most int32, wait time.Duration) (p kafka.FetchedPartition, response *kafka.FetchResponse, err error) {
	client, id := s.copy.from, s.copy.sources[s.span.Topic]
	err = client.Retry(ctx, func(ctx context.Context) error {
		leader, err := leaderOf(ctx, client, s.span.Topic, id, s.span.Partition)
		if err != nil {
			return err
		}
		response, err = client.Fetch(ctx, leader.Leader, &kafka.FetchRequest{
			Partitions: []kafka.FetchPartition{{
				Topic: s.span.Topic, TopicID: id, Partition: s.span.Partition, Offset: offset, LeaderEpoch: leader.LeaderEpoch, MaxBytes: most,
			}},
			MaxWait: wait, MaxBytes: most, ReadCommitted: true,
		})
		if err != nil {
			client.Invalidate(s.span.Topic)
			return unreadable(err)
		}
		err = kafka.ErrNoAnswer
		for _, got := range response.Partitions {
			if got.Topic == s.span.Topic && got.Partition == s.span.Partition {
				p, err = got, got.Err
			}
		}
		if err != nil {
			response.Release()
			response = nil
		}
		if errors.Is(err, kerr.OffsetOutOfRange) {
			return s.goneError(ctx, offset)
		}
		return unreadable(err)
	})
	return p, response, err
}

// goneError says what the log holds in place of an offset that it does not hold.
func (s *source) goneError(ctx context.Context, offset int64) error {
	bounds, err := s.copy.from.ListOffsets(ctx, false,
		kafka.OffsetQuery{Topic: s.span.Topic, Partition: s.span.Partition, Timestamp: kafka.Earliest},
		kafka.OffsetQuery{Topic: s.span.Topic, Partition: s.span.Partition, Timestamp: kafka.Latest})
	if err != nil {
		return err
	}
	at := s.here()
	at.Offset = offset
	return &GoneError{Location: at, LogStart: bounds[0].Offset, LogEnd: bounds[1].Offset}
}

// cut divides an answer into batches, drops what a read-committed reader must not see, and stops before a batch that is damaged. It
// returns the batch when nothing comes before it.
func (s *source) cut(c *chunk, p *kafka.FetchedPartition) (*damagedBatch, error) {
	s.listed = s.listed[:0]
	for _, a := range p.Aborted {
		s.listed = append(s.listed, batch.Aborted(a))
	}
	s.aborted.Reset(s.listed)
	for data := s.damage.behind(p.Records); len(data) > 0 && c.next < s.span.To; {
		b, rest, err := batch.Next(data)
		if errors.Is(err, batch.ErrTruncated) {
			if c.next > s.next {
				return nil, nil
			}
			if s.bytes >= chunkBytesMost {
				return &damagedBatch{raw: data[:min(len(data), damageKept)], why: errNoEnd}, nil
			}
			s.bytes = min(2*s.bytes, chunkBytesMost)
			return nil, nil
		}
		drop := false
		if err == nil {
			err = misplaced(b, rest, c.next, p.HighWatermark)
		}
		if err == nil {
			drop, err = s.aborted.Drop(b)
		}
		if err != nil {
			if c.next > s.next {
				s.seen = laterDamage{at: c.next, why: err}
				return nil, nil
			}
			return &damagedBatch{raw: b.Raw(), rest: rest, end: p.HighWatermark, why: err}, nil
		}
		data = rest
		if !drop && b.LastOffset >= s.next && b.Count > 0 && b.BaseOffset < s.span.To {
			c.batches = append(c.batches, b)
		}
		c.next = max(c.next, b.LastOffset+1)
	}
	return nil, nil
}
