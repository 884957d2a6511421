package replay

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
)

const (
	chunkBytes     = 4 << 20
	pacedBytes     = 256 << 10 // when all partitions are under way at once
	chunkBytesMost = 96 << 20
	fetchWait      = 500 * time.Millisecond
	emptyMost      = 60 // answers without an event, while the log ends before the span does
)

// source reads a span ahead of the lane, by one chunk.
type source struct {
	copy   *copier
	span   Span
	next   int64
	chunks chan chunk
	cancel context.CancelFunc
	done   sync.WaitGroup

	bytes    int32 // asked for at once
	doubted  int64 // offset of a batch that came damaged once; -1
	empty    int   // answers in a row
	aborted  batch.AbortedFilter
	listed   []batch.Aborted
	response *kafka.FetchResponse
}

// chunk is one answer of the source: whole batches with events of users, in order.
type chunk struct {
	batches  []batch.Batch // views into the answer
	next     int64         // offset behind the chunk
	skipped  *Skipped      // the stretch before next, when it could not be read
	damaged  []byte        // what lies there, in the answer
	err      error
	response *kafka.FetchResponse
}

func (c *chunk) release() { c.response.Release() }

func openSource(ctx context.Context, c *copier, span Span, from int64) *source {
	ctx, cancel := context.WithCancel(ctx)
	s := &source{copy: c, span: span, next: from, chunks: make(chan chunk), cancel: cancel, bytes: chunkBytes, doubted: -1}
	if c.cfg.Speed > 0 {
		s.bytes = pacedBytes
	}
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

// read returns the next chunk, or one with an error.
func (s *source) read(ctx context.Context) chunk {
	for {
		p, err := s.fetch(ctx)
		if err != nil {
			return chunk{err: err}
		}
		c := chunk{next: s.next, response: s.response}
		c.err = s.cut(&c, p)
		if c.err != nil || c.next > s.next {
			s.next, s.empty = c.next, 0
			return c
		}
		c.release()
		if s.empty++; s.empty > emptyMost && p.HighWatermark >= 0 && p.HighWatermark < s.span.To {
			return chunk{err: &GoneError{At: s.here(), LogStart: p.LogStartOffset, LogEnd: p.HighWatermark}}
		}
	}
}

func (s *source) here() consumer.At {
	return consumer.At{Topic: s.span.Topic, Partition: s.span.Partition, Offset: s.next}
}

// fetch asks the leader until it answers for the partition.
func (s *source) fetch(ctx context.Context) (p kafka.FetchedPartition, err error) {
	client := s.copy.from
	err = client.Retry(ctx, func(ctx context.Context) error {
		leader, err := leaderOf(ctx, client, s.span.Topic, s.span.Partition)
		if err != nil {
			return err
		}
		s.response, err = client.Fetch(ctx, leader.Leader, &kafka.FetchRequest{
			Partitions: []kafka.FetchPartition{{
				Topic: s.span.Topic, Partition: s.span.Partition, Offset: s.next, LeaderEpoch: leader.LeaderEpoch, MaxBytes: s.bytes,
			}},
			MaxWait: fetchWait, MaxBytes: s.bytes, ReadCommitted: true,
		})
		if err != nil {
			client.Invalidate(s.span.Topic)
			return err
		}
		err = kafka.ErrNoAnswer
		for _, got := range s.response.Partitions {
			if got.Topic == s.span.Topic && got.Partition == s.span.Partition {
				p, err = got, got.Err
			}
		}
		if err != nil {
			s.response.Release()
		}
		if errors.Is(err, kerr.OffsetOutOfRange) {
			return &GoneError{At: s.here(), LogStart: p.LogStartOffset, LogEnd: p.HighWatermark}
		}
		return err
	})
	return p, err
}

// cut divides an answer into batches, drops what a read-committed reader must not see, and stops before a batch that is damaged: that
// one comes first in the next answer, and is fetched twice before it is given up.
func (s *source) cut(c *chunk, p kafka.FetchedPartition) error {
	s.listed = s.listed[:0]
	for _, a := range p.Aborted {
		s.listed = append(s.listed, batch.Aborted(a))
	}
	s.aborted.Reset(s.listed)
	for data := p.Records; len(data) > 0 && c.next < s.span.To; {
		b, rest, err := batch.Next(data)
		if errors.Is(err, batch.ErrTruncated) {
			if c.next == s.next {
				s.bytes = min(2*s.bytes, chunkBytesMost)
			}
			return nil
		}
		data = rest
		drop := false
		if err == nil {
			drop, err = s.aborted.Drop(b)
		}
		switch {
		case err != nil && c.next > s.next:
			return nil
		case err != nil && s.doubted != s.next:
			s.doubted = s.next
			return nil
		case err != nil:
			return s.pass(c, b, err)
		}
		if !drop && b.LastOffset >= s.next && b.Count > 0 && b.BaseOffset < s.span.To {
			c.batches = append(c.batches, b)
		}
		c.next = max(c.next, b.LastOffset+1)
	}
	return nil
}

// pass goes past a damaged batch, as far as its header says: the broker itself goes by that.
func (s *source) pass(c *chunk, b batch.Batch, why error) error {
	first, last, ok := b.Span()
	if !s.copy.passesCorrupt() || !ok || last < s.next || first >= s.span.To {
		return &CorruptError{At: s.here(), Err: why}
	}
	c.next, c.damaged = last+1, b.Raw()
	c.skipped = &Skipped{
		Topic: s.span.Topic, Partition: s.span.Partition, From: s.next, To: min(c.next, s.span.To), Reason: why.Error(),
	}
	return nil
}
