package replay

import (
	"context"
	"strconv"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/schemacache"
	"github.com/headrace/headrace/schema"
)

// copyBatchBytes is how large a batch is built before compression; one larger event makes a batch of its own.
const copyBatchBytes = 512 << 10

// stamps are the headers that say where an event came from.
type stamps struct {
	headers [5]batch.Header
	offset  []byte
	hops    []byte
}

func newStamps(plan *Plan, partition int32) stamps {
	return stamps{headers: [5]batch.Header{
		{Key: HeaderReplay, Value: []byte(plan.ID)},
		{Key: HeaderTopic},
		{Key: HeaderPartition, Value: strconv.AppendInt(nil, int64(partition), 10)},
		{Key: HeaderOffset},
		{Key: HeaderHops},
	}}
}

// of returns the headers of the next event; they are valid until the next call.
func (s *stamps) of(topic string, offset int64, hops int) []batch.Header {
	if string(s.headers[1].Value) != topic {
		s.headers[1].Value = []byte(topic)
	}
	s.offset = strconv.AppendInt(s.offset[:0], offset, 10)
	s.hops = strconv.AppendInt(s.hops[:0], int64(hops), 10)
	s.headers[3].Value, s.headers[4].Value = s.offset, s.hops
	return s.headers[:]
}

// takeEvents writes the events of a batch into batches of our own.
func (l *lane) takeEvents(ctx context.Context, span Span, b batch.Batch) error {
	if err := l.reader.Open(b, batch.Limits{}); err != nil {
		return l.skip(ctx, span, b, l.at, err)
	}
	for {
		more, fault := l.reader.Next(&l.record)
		if !more && fault != nil {
			return l.skip(ctx, span, b, l.at, fault)
		}
		if !more || l.record.Offset >= span.To {
			return nil
		}
		if l.record.Offset < l.at {
			continue
		}
		if fault != nil {
			if err := l.unreadable(ctx, span, fault); err != nil {
				return err
			}
			continue
		}
		if err := l.takeEvent(ctx, span, b.Codec); err != nil {
			return err
		}
		l.at = l.record.Offset + 1
		if err := l.settleHeld(span); err != nil {
			return err
		}
	}
}

func (l *lane) takeEvent(ctx context.Context, span Span, codec batch.Codec) error {
	rec := &l.record
	l.strange = false
	if filter := l.copy.filter; filter != nil && filter.NamesOnly() {
		if kept, err := l.matchName(ctx, span); err != nil || !kept {
			return err
		}
	}
	l.headers = rec.Headers(l.headers[:0])
	if filter := l.copy.filter; filter != nil && !filter.NamesOnly() {
		kept, err := filter.Match(ctx, l.viewOf(span))
		if err == nil && !kept {
			l.more.Filtered++
			return nil
		}
		if err != nil {
			kept, err = l.undecided(ctx, span, err)
		}
		if err != nil || !kept {
			return err
		}
	}
	hops, err := l.hops(span)
	if err != nil {
		return err
	}
	value, kept, err := l.revalue(ctx, span)
	if err != nil || !kept || len(l.held) > 0 {
		return err // what the target holds is not sent
	}
	if err := l.keepPace(ctx, rec.Timestamp); err != nil {
		return err
	}
	headers := append(l.headers, l.stamps.of(span.Topic, rec.Offset, hops)...)
	size := rec.Size() + len(value) - len(rec.Value) + len(span.Topic) + 200
	if l.builder.Count() > 0 && (l.builder.Len()+size > copyBatchBytes || l.builder.Count() >= l.copy.limits.batchEvents) {
		if err := l.flush(ctx); err != nil {
			return err
		}
	}
	if l.builder.Count() == 0 {
		l.codec = codec
	}
	dst := l.builder.Begin(rec.Timestamp, rec.Key)
	l.headers = headers
	if value == nil {
		_, err = l.builder.EndNull(headers)
	} else {
		_, err = l.builder.End(append(dst, value...), headers)
	}
	return err
}

// matchName is the filter for one that goes by types alone: it looks at the wire header and nothing else, and at the registry once for
// each schema.
func (l *lane) matchName(ctx context.Context, span Span) (bool, error) {
	header := l.record.Header
	if l.record.HeaderCount() == 0 {
		header = nil
	}
	ref, _, err := schema.ParseWire(l.record.Value, header)
	if err != nil { // a tombstone, or foreign: of no type
		l.more.Filtered++
		return false, nil //nolint:nilerr // that is no failure
	}
	if !l.named || ref != l.last {
		kept, err := l.copy.filter.MatchRef(ctx, ref)
		if schemacache.IsUnusable(err) {
			return l.unknown(span, err)
		}
		if err != nil {
			return false, err
		}
		l.named, l.last, l.kept = true, ref, kept
	}
	if !l.kept {
		l.more.Filtered++
	}
	return l.kept, nil
}

// hops says how many replays the event will have been through, and takes the headers of earlier ones out.
func (l *lane) hops(span Span) (int, error) {
	var c claims
	kept := l.headers[:0]
	for _, h := range l.headers {
		switch h.Key {
		case HeaderReplay:
			c.replay = h.Value
		case HeaderTopic:
			c.topic = h.Value
		case HeaderHops:
			c.hops = h.Value
		case HeaderPartition, HeaderOffset:
		default:
			kept = append(kept, h)
		}
	}
	l.headers = kept
	if !l.copy.brought.by(span.Topic, c.replay) {
		return 1, nil
	}
	err := c.refusal(&l.copy.cfg.Plan, l.copy.sameSide, headrace.Location{Topic: span.Topic, Partition: span.Partition, Offset: l.record.Offset})
	return c.passed() + 1, err
}

func (l *lane) viewOf(span Span) *consumer.Record {
	rec := &l.record
	l.view = consumer.Record{
		Topic: span.Topic, Partition: span.Partition, Offset: rec.Offset, Time: time.UnixMilli(rec.Timestamp).UTC(),
		Key: rec.Key, Value: rec.Value, Headers: l.view.Headers[:0],
	}
	for _, h := range l.headers {
		l.view.Headers = append(l.view.Headers, headrace.Header(h))
	}
	return &l.view
}

// settleHeld makes a batch that the target holds certain once the walk is past its last event.
func (l *lane) settleHeld(span Span) error {
	if len(l.held) == 0 {
		return nil
	}
	h := &l.held[0]
	if h.topic != span.Topic || h.source >= l.at {
		return nil
	}
	if h.source != l.at-1 {
		return l.mismatch("it holds offset %d of topic %s partition %d, which the source does not", h.source, h.topic, l.partition)
	}
	l.commit(h.sent)
	l.held = l.held[1:]
	return nil
}
