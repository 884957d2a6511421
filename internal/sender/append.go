package sender

import "context"

// Entry is the record that is being put into the open batch of a partition, whose lock is held from [Sender.Begin] to [Entry.Close].
// Between them its value is appended to what [Entry.Buffer] returns, and handed to [Entry.End].
type Entry struct {
	partition *partition
	batch     *producerBatch // that the record is written into; not the partition's open one yet when it is the first
	dst       []byte
}

// Begin opens the batch that r goes to and a record in it, with r's key and time. r's value and headers are left to [Entry.End].
// On an error there is no entry to close, and the record was not taken. It returns the record's partition, AnyPartition when none was
// chosen before an error. It waits as [Sender.Append] does.
func (s *Sender) Begin(ctx context.Context, t *Topic, r *Record) (e *Entry, partition int32, err error) {
	if err := ctx.Err(); err != nil {
		return nil, r.Partition, err
	}
	for spare := 0; ; {
		p, err := t.pick(ctx, r)
		if err != nil {
			s.memory.force(-spare)
			return nil, r.Partition, err
		}
		p.mu.Lock()
		x, left, need, err := p.room(spare)
		if err == nil && need == 0 {
			if left > 0 {
				s.memory.force(-left)
			}
			e := &p.entry
			e.partition, e.batch, e.dst = p, x, x.builder.Begin(x.timestamp(r.Time, &s.clock), r.Key)
			return e, p.id, nil
		}
		p.mu.Unlock()
		if err == nil && s.cfg.FailWhenFull {
			err = ErrBufferFull
		}
		if err == nil {
			err = s.room(ctx, need)
		} else {
			s.memory.force(-left)
		}
		if err != nil {
			return nil, p.id, err
		}
		spare = need
	}
}

// Buffer is what the value is appended to, and nothing else.
func (e *Entry) Buffer() []byte { return e.dst }

// Scratch is a place of the partition's own for those who write records: empty at first, then what they left in it. It is good until
// Close.
func (e *Entry) Scratch() *[]any { return &e.partition.scratch }

// Close ends the hold on the partition. A record that has not come to its end, as when an encoder panics, is dropped.
func (e *Entry) Close() {
	p := e.partition
	e.batch, e.dst = nil, nil // or an idle partition would keep a buffer that the memory has let go
	p.mu.Unlock()
}

// Abort drops the record.
func (e *Entry) Abort() {
	e.batch.builder.Abort()
	e.partition.fresh = nil
	if e.batch != e.partition.open {
		e.partition.discard(e.batch)
	}
}

// End takes the record, whose value is what was appended to Buffer; dst is Buffer extended by it. The receiver, which may be nil, is told the
// record's result, unless there is an error: then the record was not taken.
func (e *Entry) End(dst []byte, r *Record, to Receiver) error {
	if err := e.partition.topic.sender.cfg.check(r, len(dst)-len(e.dst)); err != nil {
		e.Abort()
		return err
	}
	size, err := e.batch.builder.End(dst, r.Headers)
	return e.taken(size, err, cap(dst), to)
}

// EndNull takes the record with a null value.
func (e *Entry) EndNull(r *Record, to Receiver) error {
	if err := e.partition.topic.sender.cfg.check(r, 0); err != nil {
		e.Abort()
		return err
	}
	size, err := e.batch.builder.EndNull(r.Headers)
	return e.taken(size, err, cap(e.dst), to)
}

// taken does what follows from a record that the batch has, in a buffer of this capacity.
func (e *Entry) taken(size int, err error, capacity int, to Receiver) error {
	p, x := e.partition, e.batch
	s := p.topic.sender
	if err != nil {
		e.Abort()
		return err
	}
	p.fresh = nil
	if capacity > x.charged {
		s.memory.force(capacity - x.charged)
		x.charged = capacity
	}
	p.lastSize = size
	limit := s.cfg.BatchBytes
	if x.builder.Len() > limit {
		if x, err = p.overflow(x); err != nil {
			return err
		}
	}
	urgent := s.cfg.Linger < 0
	if x.receivers.add(to) {
		_, waits := to.(*Waiter)
		urgent = urgent || waits
		x.blocking = x.blocking || !waits && to != nil
	}
	if x != p.open {
		p.begin(x, urgent)
	}
	switch {
	case urgent:
		x.urgent = true
		p.list()
	case !x.room(limit, p.lastSize):
		p.shut()
		p.list()
	}
	return nil
}

// check refuses a record that those who read it would refuse.
func (c *Config) check(r *Record, value int) error {
	if len(r.Headers) > c.Headers {
		return &HeadersError{Headers: len(r.Headers), Limit: c.Headers}
	}
	size := len(r.Key) + value
	for i := range r.Headers {
		size += len(r.Headers[i].Key) + len(r.Headers[i].Value)
	}
	if size > c.RecordBytes {
		return &TooLargeError{Size: size, Limit: c.RecordBytes}
	}
	return nil
}
