package fetch

import (
	"sync"

	"github.com/headrace/headrace/internal/batch"
)

// Chunk is a part of a partition: the batches between two offsets that a reader may see.
type Chunk struct {
	From    int64         // records below it, in the first batch, have been read before
	End     int64         // where the next chunk begins; there is nothing to read between the last batch and it
	Batches []batch.Batch // checked; control batches, aborted and empty ones are left out
	Bytes   int           // what the chunk holds in memory

	memory *memory
}

// Release gives the chunk's memory back. Its batches, and every view of their records, are invalid from here on. Calling it is
// optional, calling it twice harmless.
func (c *Chunk) Release() {
	if c.memory == nil {
		return
	}
	clear(c.Batches)
	c.memory.batches = c.Batches[:0]
	memories.Put(c.memory)
	*c = Chunk{From: c.From, End: c.End}
}

// memory is what a chunk lies in. A response's own buffer does not serve: it holds every partition of a broker, so that one slow
// partition would pin them all.
type memory struct {
	data    []byte
	batches []batch.Batch
}

var memories = sync.Pool{New: func() any { return new(memory) }}
