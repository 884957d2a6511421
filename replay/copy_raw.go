package replay

import (
	"context"

	"github.com/headrace/headrace/internal/batch"
)

// copyRaw brings a batch over as it is. One that reaches over an end of the span, or that a broker takes from no client, is written
// anew, event by event.
func (pc *partitionCopier) copyRaw(ctx context.Context, span Span, b batch.Batch) error {
	if b.BaseOffset < pc.at || b.LastOffset >= span.To {
		return pc.copyRawEvents(ctx, span, b)
	}
	raw, ok := b.Pass()
	if !ok {
		return pc.copyRawEvents(ctx, span, b)
	}
	if err := pc.keepPace(ctx, b.MaxTimestamp); err != nil {
		return err
	}
	return pc.sendUnlessArrived(ctx, raw, b.Count, b.LastOffset+1)
}

func (pc *partitionCopier) copyRawEvents(ctx context.Context, span Span, b batch.Batch) error {
	from := pc.at
	if err := pc.reader.Open(b, batch.Limits{}); err != nil {
		return pc.skipBatch(ctx, span, b, from, err)
	}
	pc.builder.Reset(nil)
	for {
		more, fault := pc.reader.Next(&pc.record)
		if !more && fault != nil {
			pc.builder.Reset(nil) // all of the batch or nothing
			return pc.skipBatch(ctx, span, b, from, fault)
		}
		if !more || pc.record.Offset >= span.To {
			break
		}
		if pc.record.Offset < from {
			continue
		}
		if fault != nil {
			if err := pc.unreadable(ctx, span, fault); err != nil {
				return err
			}
			continue
		}
		var err error
		rec := &pc.record
		pc.headers = rec.Headers(pc.headers[:0])
		dst := pc.builder.Begin(rec.Timestamp, rec.Key)
		if rec.Value == nil {
			_, err = pc.builder.EndNull(pc.headers)
		} else {
			_, err = pc.builder.End(append(dst, rec.Value...), pc.headers)
		}
		if err != nil {
			return err
		}
	}
	count := pc.builder.Count()
	if count == 0 {
		return nil
	}
	raw, err := pc.builder.Seal(b.Codec)
	if err != nil {
		return err
	}
	return pc.sendUnlessArrived(ctx, raw, count, min(b.LastOffset+1, span.To))
}

// sendUnlessArrived sends a batch, unless the target holds it.
func (pc *partitionCopier) sendUnlessArrived(ctx context.Context, raw []byte, count int, next int64) error {
	if len(pc.arrived) == 0 {
		return pc.send(ctx, raw, count, next)
	}
	h := &pc.arrived[0]
	if !h.print.same(fingerprintOf(raw)) {
		return pc.mismatch("the batch of %d events that it holds is not the one of the source, which has %d: the source was compacted since, perhaps",
			h.records, count)
	}
	h.bytes = int64(len(raw))
	pc.at = next
	pc.commit(h.sent)
	pc.arrived = pc.arrived[1:]
	return nil
}
