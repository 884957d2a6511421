package replay

import (
	"context"

	"github.com/headrace/headrace/internal/batch"
)

// takeRaw brings a batch over as it is. One that reaches over an end of the span, or that a broker takes from no client, is written
// anew, event by event.
func (l *lane) takeRaw(ctx context.Context, span Span, b batch.Batch) error {
	if b.BaseOffset < l.at || b.LastOffset >= span.To {
		return l.rewrite(ctx, span, b)
	}
	raw, ok := b.Pass()
	if !ok {
		return l.rewrite(ctx, span, b)
	}
	if err := l.keepPace(ctx, b.MaxTimestamp); err != nil {
		return err
	}
	return l.bring(ctx, raw, b.Count, b.LastOffset+1)
}

func (l *lane) rewrite(ctx context.Context, span Span, b batch.Batch) error {
	from := l.at
	if err := l.reader.Open(b, batch.Limits{}); err != nil {
		return l.skip(ctx, span, b, from, err)
	}
	l.builder.Reset(nil)
	for {
		more, fault := l.reader.Next(&l.record)
		if !more && fault != nil {
			l.builder.Reset(nil) // all of the batch or nothing
			return l.skip(ctx, span, b, from, fault)
		}
		if !more || l.record.Offset >= span.To {
			break
		}
		if l.record.Offset < from {
			continue
		}
		if fault != nil {
			if err := l.unreadable(ctx, span, fault); err != nil {
				return err
			}
			continue
		}
		var err error
		rec := &l.record
		l.headers = rec.Headers(l.headers[:0])
		dst := l.builder.Begin(rec.Timestamp, rec.Key)
		if rec.Value == nil {
			_, err = l.builder.EndNull(l.headers)
		} else {
			_, err = l.builder.End(append(dst, rec.Value...), l.headers)
		}
		if err != nil {
			return err
		}
	}
	count := l.builder.Count()
	if count == 0 {
		return nil
	}
	raw, err := l.builder.Seal(b.Codec)
	if err != nil {
		return err
	}
	return l.bring(ctx, raw, count, min(b.LastOffset+1, span.To))
}

// bring sends a batch, unless the target holds it.
func (l *lane) bring(ctx context.Context, raw []byte, count int, next int64) error {
	if len(l.held) == 0 {
		return l.send(ctx, raw, count, next)
	}
	h := &l.held[0]
	if !h.print.same(printOf(raw)) {
		return l.mismatch("the batch of %d events that it holds is not the one of the source, which has %d: the source was compacted since, perhaps",
			h.records, count)
	}
	h.bytes = int64(len(raw))
	l.at = next
	l.commit(h.sent)
	l.held = l.held[1:]
	return nil
}
