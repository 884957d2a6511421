package sender

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
)

// tooLarge reports whether a broker refused a batch for its size.
func tooLarge(err error) bool {
	return errors.Is(err, kerr.MessageTooLarge) || errors.Is(err, kerr.RecordListTooLarge)
}

// divide makes batches of the records of a refused batch, so that in the end only the records at fault fail. group says which of them
// record i goes to. It returns nil when the batch cannot be read back, with the reason in x.err.
func (s *Sender) divide(x *producerBatch, groups int, group func(i int) int) []*producerBatch {
	parts := make([]*producerBatch, groups)
	for g := range parts {
		parts[g] = s.part(x)
	}
	if err := s.distribute(x, parts, group); err != nil {
		x.err = errors.Join(x.err, fmt.Errorf("divide the batch: %w", err))
		for _, part := range parts {
			s.memory.release(part, true)
			s.memory.recycle(part)
		}
		return nil
	}
	parts[groups-1].part = x.part
	return parts
}

// halves divides a batch that is too large.
func (s *Sender) halves(x *producerBatch) []*producerBatch {
	half := x.records() / 2
	return s.divide(x, 2, func(i int) int {
		if i < half {
			return 0
		}
		return 1
	})
}

// compressed is a batch of one record that is too large as it is, in the codec for such records.
func (s *Sender) compressed(x *producerBatch) []*producerBatch {
	parts := s.divide(x, 1, func(int) int { return 0 })
	for _, part := range parts {
		part.codec = s.cfg.LargeCodec
	}
	return parts
}

// withoutBlamed divides a batch into the records that the broker blames (KIP-467) and the others. It returns nil when the
// broker blames none or all of them.
func (s *Sender) withoutBlamed(x *producerBatch, blamed []kafka.RecordError) []*producerBatch {
	guilty := make(map[int]bool, min(len(blamed), x.records()))
	for _, b := range blamed {
		if i := int(b.Index); i >= 0 && i < x.records() {
			guilty[i] = true
		}
	}
	if len(guilty) == 0 || len(guilty) == x.records() {
		return nil
	}
	return s.divide(x, 2, func(i int) int {
		if guilty[i] {
			return 0
		}
		return 1
	})
}

func (s *Sender) distribute(x *producerBatch, parts []*producerBatch, group func(i int) int) error {
	b, _, err := batch.Next(x.raw)
	if err != nil {
		return err
	}
	// The bytes are our own: no limit is meant to bite.
	const all = 1 << 30
	var reader batch.Reader
	limits := batch.Limits{DecompressedBytes: all, RecordBytes: all}
	if err := reader.Open(b, limits); err != nil {
		return err
	}
	var rec batch.Record
	var headers []headrace.Header
	return x.receivers.each(func(i int, to Receiver) error {
		more, err := reader.Next(&rec)
		if err != nil {
			return err
		}
		if !more {
			return fmt.Errorf("it holds %d records instead of %d", i, x.records())
		}
		part := parts[group(i)]
		headers = rec.Headers(headers[:0])
		dst := part.builder.Begin(rec.Timestamp, rec.Key)
		if rec.Value == nil {
			_, err = part.builder.EndNull(headers)
		} else {
			_, err = part.builder.End(append(dst, rec.Value...), headers)
		}
		if err != nil {
			return err
		}
		part.receivers.add(to)
		return nil
	})
}

// part is an empty batch for some of x's records.
func (s *Sender) part(x *producerBatch) *producerBatch {
	size := s.memory.fit(x.charged)
	s.memory.force(size)
	part := s.memory.newBatch(size)
	part.blocking, part.urgent, part.part = x.blocking, true, true
	part.ordinal, part.deadline, part.attempts = x.ordinal, x.deadline, x.attempts
	return part
}
