package replay

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
)

const (
	probeBytes = 64 << 10 // a broker sends the first batch whole all the same
	probeWait  = 50 * time.Millisecond
	damageKept = 1 << 20 // bytes kept of a batch whose end is not known
)

var (
	errNoEnd   = fmt.Errorf("the record batch does not end within %d MiB", chunkBytesMost>>20)
	errNothing = errors.New("the broker sends nothing from here on, although the log goes on")
)

// unreadableError says that the broker itself cannot read the log at an offset. Asking again does not mend that.
type unreadableError struct{ text string }

func (e *unreadableError) Error() string { return e.text }

// unreadable keeps an error of a damaged log from being waited for, as kafka's errors say.
func unreadable(err error) error {
	if errors.Is(err, kerr.CorruptMessage) {
		return &unreadableError{text: err.Error()}
	}
	return err
}

// damagedBatch is what lies where a batch that can be read should be.
type damagedBatch struct {
	raw  []byte // as far as it is there
	rest []byte // what follows it in the answer, if its length is right
	end  int64  // of the log, -1 when unknown
	why  error
}

// damage is the damaged batch that was passed last. Nothing that it says of itself is relied on: its checksum does not cover its offset
// and its length, and what it covers is what is wrong.
type damage struct {
	head []byte // the batch's header
	seek int64  // the broker takes what lies below for the damaged batch, though others begin there
}

// laterDamage is a damaged batch that came behind others.
type laterDamage struct {
	at  int64 // where it has to begin
	why error
}

// vanished is the damaged batch that was seen behind others and does not come when it is asked for: a broker that takes it for a batch of
// lower offsets goes past it without a word.
func (s *source) vanished(p *kafka.FetchedPartition) *damagedBatch {
	if s.seen.why == nil || s.seen.at != s.next {
		return nil
	}
	b, _, err := batch.Next(p.Records)
	if err != nil || b.BaseOffset <= s.next {
		return nil
	}
	return &damagedBatch{rest: p.Records, end: p.HighWatermark, why: s.seen.why}
}

// misplaced says why a batch cannot lie where it does: its checksum does not cover its offset.
func misplaced(b batch.Batch, rest []byte, next, logEnd int64) error {
	if logEnd >= 0 && b.LastOffset >= logEnd {
		return fmt.Errorf("record batch: it says that it holds offsets %d to %d, and the log ends at %d", b.BaseOffset, b.LastOffset, logEnd)
	}
	if b.BaseOffset <= next || len(rest) < 8 {
		return nil
	}
	if behind := int64(binary.BigEndian.Uint64(rest)); behind >= next && behind <= b.LastOffset { //nolint:gosec // negative when damaged
		return fmt.Errorf("record batch: it says that it holds offsets %d to %d, and the one behind it begins at %d", b.BaseOffset, b.LastOffset, behind)
	}
	return nil
}

// behind is an answer without the damaged batch that was passed, which the broker may send again in front of what is wanted.
func (d *damage) behind(data []byte) []byte {
	if len(d.head) > 0 && bytes.HasPrefix(data, d.head) {
		if _, rest, _ := batch.Next(data); rest != nil {
			return rest
		}
	}
	return data
}

// passDamage goes past a damaged batch, to the next one that can be read: the one that follows in the answer, or the one that the broker finds
// from a higher offset on. It fails where damage is to end the copy.
func (s *source) passDamage(ctx context.Context, c *chunk, bad *damagedBatch) error {
	if !s.copy.passesCorrupt() {
		return &CorruptError{Location: s.here(), Err: bad.why}
	}
	head := bytes.Clone(bad.raw[:min(len(bad.raw), batch.HeaderSize)])
	to, seek := s.following(bad), int64(0)
	if to < 0 {
		var err error
		if to, seek, err = s.search(ctx, bad.raw, head); err != nil {
			return err
		}
	}
	s.damage, s.bytes = damage{head: head, seek: seek}, s.usual
	c.batches, c.next, c.damaged = nil, to, bad.raw
	c.skipped = &Skipped{Topic: s.span.Topic, Partition: s.span.Partition, OffsetRange: headrace.OffsetRange{From: s.next, To: min(to, s.span.To)}, Reason: bad.why.Error()}
	return nil
}

// following is where the batch begins that follows a damaged one in the same answer, -1 when there is none to believe.
func (s *source) following(bad *damagedBatch) int64 {
	b, rest, err := batch.Next(bad.rest)
	if err != nil || b.BaseOffset <= s.next || misplaced(b, rest, s.next, bad.end) != nil {
		return -1
	}
	return b.BaseOffset
}

// search finds the lowest offset from which on the broker sends another batch than the damaged one, by asking for ever higher ones. Where
// there is none the rest of the span is lost. seek is what to ask for to get the batch that begins at next.
func (s *source) search(ctx context.Context, raw, head []byte) (next, seek int64, err error) {
	low, high, base := s.next, s.span.To, s.span.To
	try := func(at int64) error {
		if at <= low || at >= high {
			return nil
		}
		begins, err := s.probe(ctx, at, head)
		switch {
		case err != nil:
			return err
		case begins < 0:
			low = at
		default:
			high, base = at, begins
		}
		return nil
	}
	claimed := []int64{}
	if last := claimedEnd(raw); last >= 0 { // mostly right, and then this is the end of the search
		claimed = append(claimed, last+1, last)
	}
	for _, at := range claimed {
		if err := try(at); err != nil {
			return 0, 0, err
		}
	}
	for step := int64(1); high-low > 1; step *= 2 {
		before := high
		if err := try(min(low+step, high-1)); err != nil {
			return 0, 0, err
		}
		if high < before {
			break
		}
	}
	for high-low > 1 {
		if err := try(low + (high-low)/2); err != nil {
			return 0, 0, err
		}
	}
	if base > s.next && base < high {
		return base, high, nil
	}
	return high, high, nil
}

// claimedEnd is the last offset that a damaged batch says it holds, -1 where it does not say so.
func claimedEnd(raw []byte) int64 {
	if len(raw) < batch.HeaderSize {
		return -1
	}
	base, delta := int64(binary.BigEndian.Uint64(raw)), int32(binary.BigEndian.Uint32(raw[23:])) //nolint:gosec // negative when damaged
	if base < 0 || base > math.MaxInt64-math.MaxInt32 || delta < 0 {
		return -1
	}
	return base + int64(delta)
}

// probe tells where the batch begins that the broker sends for an offset, -1 when it sends the damaged one, or none.
func (s *source) probe(ctx context.Context, at int64, damaged []byte) (begins int64, err error) {
	p, response, err := s.ask(ctx, at, probeBytes, probeWait)
	if _, ok := errors.AsType[*unreadableError](err); ok {
		return -1, nil
	}
	if err != nil {
		return -1, err
	}
	defer response.Release()
	if len(p.Records) < batch.HeaderSize || len(damaged) > 0 && bytes.HasPrefix(p.Records, damaged) {
		return -1, nil
	}
	return int64(binary.BigEndian.Uint64(p.Records)), nil //nolint:gosec // negative when damaged
}
