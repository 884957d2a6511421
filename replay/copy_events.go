package replay

import (
	"context"
	"strconv"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/schemacache"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/schema"
)

// copyBatchBytes is how large a batch is built before compression; one larger event makes a batch of its own.
const copyBatchBytes = 512 << 10

// originHeaders are the headers that say where an event came from.
type originHeaders struct {
	headers [5]headrace.Header
	offset  []byte
	hops    []byte
}

func newOriginHeaders(plan *Plan, partition int32) originHeaders {
	return originHeaders{headers: [5]headrace.Header{
		{Key: HeaderReplay, Value: []byte(plan.ID)},
		{Key: HeaderTopic},
		{Key: HeaderPartition, Value: strconv.AppendInt(nil, int64(partition), 10)},
		{Key: HeaderOffset},
		{Key: HeaderHops},
	}}
}

// of returns the headers of the next event; they are valid until the next call.
func (s *originHeaders) of(topic string, offset int64, hops int) []headrace.Header {
	if string(s.headers[1].Value) != topic {
		s.headers[1].Value = []byte(topic)
	}
	s.offset = strconv.AppendInt(s.offset[:0], offset, 10)
	s.hops = strconv.AppendInt(s.hops[:0], int64(hops), 10)
	s.headers[3].Value, s.headers[4].Value = s.offset, s.hops
	return s.headers[:]
}

// copyEvents writes the events of a batch into batches of our own.
func (pc *partitionCopier) copyEvents(ctx context.Context, span Span, b batch.Batch) error {
	if err := pc.reader.Open(b, batch.Limits{}); err != nil {
		return pc.skipBatch(ctx, span, b, pc.at, err)
	}
	for {
		more, fault := pc.reader.Next(&pc.record)
		if !more && fault != nil {
			return pc.skipBatch(ctx, span, b, pc.at, fault)
		}
		if !more || pc.record.Offset >= span.To {
			return nil
		}
		if pc.record.Offset < pc.at {
			continue
		}
		if fault != nil {
			if err := pc.unreadable(ctx, span, fault); err != nil {
				return err
			}
			continue
		}
		if err := pc.copyEvent(ctx, span, b.Codec); err != nil {
			return err
		}
		pc.at = pc.record.Offset + 1
		if err := pc.matchArrived(span); err != nil {
			return err
		}
	}
}

func (pc *partitionCopier) copyEvent(ctx context.Context, span Span, codec batch.Codec) error {
	rec := &pc.record
	pc.unknownSchema = false
	if filter := pc.copy.filter; filter != nil && filter.NamesOnly() {
		if kept, err := pc.matchName(ctx, span); err != nil || !kept {
			return err
		}
	}
	pc.headers = rec.Headers(pc.headers[:0])
	if filter := pc.copy.filter; filter != nil && !filter.NamesOnly() {
		kept, err := filter.Match(ctx, pc.recordOf(span))
		if err == nil && !kept {
			pc.pending.Filtered++
			return nil
		}
		if err != nil {
			kept, err = pc.undecided(ctx, span, err)
		}
		if err != nil || !kept {
			return err
		}
	}
	hops, err := pc.hops(span)
	if err != nil {
		return err
	}
	value, kept, err := pc.convertValue(ctx, span)
	if err != nil || !kept || len(pc.arrived) > 0 {
		return err // what the target holds is not sent
	}
	if err := pc.keepPace(ctx, rec.Timestamp); err != nil {
		return err
	}
	headers := append(pc.headers, pc.stamps.of(span.Topic, rec.Offset, hops)...)
	size := rec.Size() + len(value) - len(rec.Value) + len(span.Topic) + 200
	if pc.builder.Count() > 0 && (pc.builder.Len()+size > copyBatchBytes || pc.builder.Count() >= pc.copy.limits.batchEvents) {
		if err := pc.flush(ctx); err != nil {
			return err
		}
	}
	if pc.builder.Count() == 0 {
		pc.codec = codec
	}
	dst := pc.builder.Begin(rec.Timestamp, rec.Key)
	pc.headers = headers
	if value == nil {
		_, err = pc.builder.EndNull(headers)
	} else {
		_, err = pc.builder.End(append(dst, value...), headers)
	}
	return err
}

// matchName is the filter for one that goes by types alone: it looks at the wire header and nothing else, and at the registry once for
// each schema.
func (pc *partitionCopier) matchName(ctx context.Context, span Span) (bool, error) {
	header := pc.record.Header
	if pc.record.HeaderCount() == 0 {
		header = nil
	}
	ref, _, err := schema.ParseWire(pc.record.Value, header)
	if err != nil { // a tombstone, or foreign: of no type
		pc.pending.Filtered++
		return false, nil //nolint:nilerr // that is no failure
	}
	if !pc.named || ref != pc.last {
		kept, err := pc.copy.filter.MatchRef(ctx, ref)
		if schemacache.IsUnusable(err) {
			return pc.unknown(span, err)
		}
		if err != nil {
			return false, err
		}
		pc.named, pc.last, pc.kept = true, ref, kept
	}
	if !pc.kept {
		pc.pending.Filtered++
	}
	return pc.kept, nil
}

// hops says how many replays the event will have been through, and takes the headers of earlier ones out.
func (pc *partitionCopier) hops(span Span) (int, error) {
	var c claims
	kept := pc.headers[:0]
	for _, h := range pc.headers {
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
	pc.headers = kept
	if !pc.copy.brought.by(span.Topic, c.replay) {
		return 1, nil
	}
	err := c.refusal(&pc.copy.cfg.Plan, pc.copy.sameCluster, headrace.Location{Topic: span.Topic, Partition: span.Partition, Offset: pc.record.Offset})
	return c.passed() + 1, err
}

func (pc *partitionCopier) recordOf(span Span) *reader.Record {
	rec := &pc.record
	pc.view = reader.Record{
		Topic: span.Topic, Partition: span.Partition, Offset: rec.Offset, Time: time.UnixMilli(rec.Timestamp).UTC(),
		Key: rec.Key, Value: rec.Value, Headers: append(pc.view.Headers[:0], pc.headers...),
	}
	return &pc.view
}

// matchArrived counts a batch that the target holds as copied, once the source is read past its last event.
func (pc *partitionCopier) matchArrived(span Span) error {
	if len(pc.arrived) == 0 {
		return nil
	}
	h := &pc.arrived[0]
	if h.topic != span.Topic || h.source >= pc.at {
		return nil
	}
	if h.source != pc.at-1 {
		return pc.mismatch("it holds offset %d of topic %s partition %d, which the source does not", h.source, h.topic, pc.partition)
	}
	pc.commit(h.sent)
	pc.arrived = pc.arrived[1:]
	return nil
}
