package fetch

import (
	"errors"
	"slices"

	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
)

// cut copies a partition's part of an answer and cuts it into batches, up to the first damaged one, whose error it returns beside the
// chunk. A chunk that ends where it begins has nothing.
func (f *Feed) cut(p *kafka.FetchedPartition, readCommitted bool) (Chunk, error) {
	m := memories.Get().(*memory)
	m.data = slices.Grow(m.data[:0], len(p.Records))
	c := Chunk{From: f.position, End: f.position, Batches: m.batches[:0], memory: m}
	f.aborted = f.aborted[:0]
	for _, a := range p.Aborted {
		f.aborted = append(f.aborted, batch.Aborted(a))
	}
	f.filter.Reset(f.aborted)

	for rest := p.Records; len(rest) > 0; {
		var b batch.Batch
		var err error
		b, rest, m.data, err = batch.Copy(m.data, rest)
		if errors.Is(err, batch.ErrTruncated) {
			return c, nil
		}
		drop := b.Control
		if err == nil && readCommitted {
			drop, err = f.filter.Drop(b)
		}
		if err != nil {
			return c, err
		}
		c.Bytes = len(m.data)
		if b.LastOffset < c.End {
			continue // of a batch that was asked for from its middle, or out of order
		}
		c.End = b.LastOffset + 1
		if !drop && b.Count > 0 {
			c.Batches = append(c.Batches, b)
		}
	}
	return c, nil
}
