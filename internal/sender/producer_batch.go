package sender

import (
	"fmt"
	"time"

	"github.com/headrace/headrace/internal/batch"
)

// producerBatch is one batch on its way, with those who wait for its outcome.
type producerBatch struct {
	builder   batch.Builder // until sealed
	buffer    []byte        // what builder builds in
	charged   int           // of the sender's memory
	receivers receivers
	blocking  bool // a receiver may block

	ordinal  uint64    // of its partition; the parts of a divided batch share it
	part     bool      // more parts of the same ordinal follow
	urgent   bool      // somebody waits: do not linger
	lingered bool      // lingered long enough
	opened   time.Time // when its first record came
	deadline time.Time // until when it is tried

	codec    batch.Codec // other than the sender's; None for that
	raw      []byte      // sealed: the bytes that travel
	length   int         // of the records before compression
	stamped  bool        // raw carries stamp
	stamp    stamp
	doubt    bool // an attempt may have been appended
	attempts int
	err      error // of the last attempt
	timedOut bool  // an exchange did not end by itself: the buffer may still be read

	result Result // once settled; Offset is that of the first record
}

// records is the number of records, also after sealing.
func (x *producerBatch) records() int { return x.receivers.count }

// timestamp is a record's time in ms, that of the call when at is zero: read off the monotonic clock, since the wall clock was asked
// when the batch was opened and costs twice as much, and in a burst off the shared one.
func (x *producerBatch) timestamp(at time.Time, shared *clock) int64 {
	switch {
	case !at.IsZero():
		return at.UnixMilli()
	case x.records() >= ownClock:
		return shared.millis()
	}
	return x.opened.Add(time.Since(x.opened)).UnixMilli()
}

// move lets the batch go on in a buffer of the size that is charged for it.
func (x *producerBatch) move(m *memory) {
	x.buffer = m.buffer(x.charged)
	m.keep(x.builder.MoveTo(x.buffer))
}

// room reports whether a record like the last one fits below limit, so that hardly any has to be moved to the next batch.
func (x *producerBatch) room(limit, last int) bool {
	return x.builder.Len()+last+last/4 < limit
}

// seal closes the batch. It is called by the one who sends, off the partition's lock.
func (x *producerBatch) seal(codec batch.Codec) error {
	if x.raw != nil {
		return nil
	}
	x.length = x.builder.Len() - batch.HeaderSize
	raw, err := x.builder.Seal(codec)
	if err != nil {
		return &unsentError{fmt.Errorf("seal a batch: %w", err)}
	}
	x.raw, x.buffer = raw, raw[:0]
	return nil
}

// put stamps the sealed batch. It must not be called while an earlier exchange may still read the bytes: a batch gets another stamp
// only after every attempt has been answered.
func (x *producerBatch) put(s stamp) {
	batch.Stamp(x.raw, s.id.ID, s.id.Epoch, s.sequence, false)
	x.stamp, x.stamped = s, true
}

// notify calls the receivers with the result.
func (x *producerBatch) notify() {
	r, step := x.result, int64(1)
	if r.Offset < 0 {
		step = 0
	}
	for _, run := range x.receivers.runs {
		if run.to == nil {
			r.Offset += step * int64(run.records)
			continue
		}
		for range run.records {
			run.to.Done(r)
			r.Offset += step
		}
	}
}

// size is the number of bytes the batch takes up.
func (x *producerBatch) size() int {
	if x.raw != nil {
		return len(x.raw)
	}
	return x.builder.Len()
}
