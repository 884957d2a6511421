package sender

import "sync/atomic"

// Stats counts what became of the records that a sender has taken.
type Stats struct {
	Acked, Failed, Unknown int64 // records, by their outcome
	Batches                int64 // acknowledged
	Bytes                  int64 // of acknowledged batches, as they travelled
	Retries                int64 // attempts after a batch's first
	Buffered               int64 // bytes of buffers in use now
}

type counters struct{ acked, failed, unknown, batches, bytes, retries atomic.Int64 }

// countResult counts a batch that has its result, once for all of its records.
func (c *counters) countResult(x *producerBatch) {
	records := int64(x.records())
	switch x.result.Outcome {
	case Acked:
		c.acked.Add(records)
		c.batches.Add(1)
		c.bytes.Add(int64(len(x.raw)))
	case Failed:
		c.failed.Add(records)
	case Unknown:
		c.unknown.Add(records)
	}
}

// Stats returns the counters as they are now. They are read one by one, not all at one instant.
func (s *Sender) Stats() Stats {
	c := &s.stats
	return Stats{
		Acked: c.acked.Load(), Failed: c.failed.Load(), Unknown: c.unknown.Load(), Batches: c.batches.Load(), Bytes: c.bytes.Load(),
		Retries: c.retries.Load(), Buffered: s.memory.used(),
	}
}
