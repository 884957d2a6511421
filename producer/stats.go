package producer

// Stats counts what became of the events of a producer since it was made. The numbers only grow, but for BufferedBytes. Events that were
// refused before they were taken, because they could not be encoded or were too large for a batch say, are in none of them.
type Stats struct {
	Acknowledged int64 // events that every in-sync replica has
	Failed       int64 // events that are certainly not written
	Unknown      int64 // events of which nobody can tell whether they are written

	Batches       int64 // record batches that were acknowledged
	Bytes         int64 // bytes of these, compressed
	Retries       int64 // attempts to send a batch after its first
	BufferedBytes int64 // bytes of Config.BufferBytes in use now
}

// Stats returns the counters as they are now. They are read one by one, not all at one instant. Safe for concurrent use.
func (p *Producer) Stats() Stats {
	s := p.sender.Stats()
	return Stats{
		Acknowledged: s.Acked, Failed: s.Failed, Unknown: s.Unknown,
		Batches: s.Batches, Bytes: s.Bytes, Retries: s.Retries, BufferedBytes: s.Buffered,
	}
}
