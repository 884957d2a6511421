package replay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/internal/phrase"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/schema"
)

// partitionCopier copies what goes into one partition of the target: the only one who writes there for this copy, one batch at a time.
type partitionCopier struct {
	copy      *copier
	partition int32
	spans     []Span

	mu    sync.Mutex
	state partitionState // what is certain; only the copier's own goroutine changes it

	// Work under way, from the state's position on: what commit adds to the state.
	at      int64 // source offset that the work reaches, in the span of the state
	pending counters
	skipped []Skipped
	builder batch.Builder
	codec   batch.Codec // of the batch being built

	paced bool // the pacer knows the partition's first event

	arrived []targetBatch // what the target holds beyond the state, and the source has not been read up to yet

	value   []byte // of an event, as it is written anew
	reader  batch.Reader
	record  batch.Record
	headers []headrace.Header
	view    reader.Record

	unknownSchema bool // the registry does not know the event's schema, and the event is copied as it is

	named bool // the filter has decided about the schema last
	last  schema.Ref
	kept  bool

	stamps originHeaders
}

func newPartitionCopier(c *copier, partition int32) *partitionCopier {
	return &partitionCopier{copy: c, partition: partition, stamps: newOriginHeaders(&c.cfg.Plan, partition)}
}

func (pc *partitionCopier) snapshot() partitionState {
	pc.mu.Lock()
	defer pc.mu.Unlock()
	s := pc.state
	s.Skipped = slices.Clone(s.Skipped)
	return s
}

// run copies the partition's spans to their end. Where target and copy get out of step, because something that was sent before still
// arrived, it looks at the target again and goes on from there.
func (pc *partitionCopier) run(ctx context.Context) error {
	defer pc.leavePace()
	written, since := int64(-1), time.Time{}
	for {
		if err := pc.reconcile(ctx); err != nil {
			return err
		}
		err := pc.copySpans(ctx)
		doubt := errors.Is(err, errUncertain)
		if !doubt && !errors.Is(err, errOutOfStep) {
			return err
		}
		switch {
		case doubt:
		case pc.state.Written != written:
			written, since = pc.state.Written, time.Now()
		case time.Since(since) > pc.copy.cfg.pace.patience:
			if err := pc.renewProducer(ctx); err != nil {
				return err
			}
			written = -1
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pc.copy.cfg.pace.pause):
		}
	}
}

// renewProducer gives the copier another producer id: the broker has forgotten the old one, or takes it for another. What the old one had under
// way has arrived by now or never will.
func (pc *partitionCopier) renewProducer(ctx context.Context) error {
	c := pc.copy
	ends, err := listOffsets(ctx, c.to, []kafka.OffsetQuery{{Topic: c.cfg.Plan.Target.Topic, Partition: pc.partition, Timestamp: kafka.Latest}})
	if err != nil {
		return err
	}
	if err := pc.reconcile(ctx); err != nil {
		return err
	}
	if len(pc.arrived) > 0 {
		return nil // something has arrived after all
	}
	id, err := c.newProducer(ctx)
	if err != nil {
		return err
	}
	pc.mu.Lock()
	pc.state.Producer, pc.state.Epoch, pc.state.Written = id.ID, id.Epoch, 0
	pc.state.Target = max(pc.state.Target, ends[0].Offset)
	pc.mu.Unlock()
	return c.save() // before anything is written under the new identity
}

// copySpans reads the source from the state's position and brings over what the target does not hold.
func (pc *partitionCopier) copySpans(ctx context.Context) error {
	for pc.state.Span < len(pc.spans) {
		if err := pc.copySpan(ctx, pc.spans[pc.state.Span]); err != nil {
			return err
		}
	}
	if len(pc.arrived) > 0 {
		return pc.mismatch("it holds more of this copy than the source does")
	}
	return nil
}

func (pc *partitionCopier) copySpan(ctx context.Context, span Span) error {
	pc.discardPending()
	src := openSource(ctx, pc.copy, span, pc.state.Next)
	defer src.close()
	for pc.at < span.To {
		var c chunk
		select {
		case c = <-src.chunks:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		err := c.err
		if err == nil {
			err = pc.copyChunk(ctx, span, &c)
		}
		c.release()
		if err != nil {
			return err
		}
	}
	if err := pc.flush(ctx); err != nil {
		return err
	}
	pc.mu.Lock()
	defer pc.mu.Unlock()
	pc.state.Span++
	pc.state.Next = 0
	if pc.state.Span < len(pc.spans) {
		pc.state.Next = pc.spans[pc.state.Span].From
	}
	return nil
}

// discardPending forgets the work under way.
func (pc *partitionCopier) discardPending() {
	pc.at, pc.pending, pc.skipped = pc.state.Next, counters{}, nil
	pc.builder.Reset(nil)
}

func (pc *partitionCopier) copyChunk(ctx context.Context, span Span, c *chunk) error {
	for _, b := range c.batches {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		take := pc.copyEvents
		if pc.copy.cfg.Plan.Target.Raw {
			take = pc.copyRaw
		}
		if err := take(ctx, span, b); err != nil {
			return err
		}
	}
	if s := c.skipped; s != nil {
		at := headrace.Location{Topic: s.Topic, Partition: s.Partition, Offset: s.From}
		if err := pc.writeDeadBatch(ctx, at, c.damaged, errors.New(s.Reason)); err != nil {
			return err
		}
		pc.skipped = append(pc.skipped, *s)
	}
	pc.at = max(pc.at, min(c.next, span.To))
	if pc.builder.Count() == 0 {
		pc.commit(sent{})
	}
	return nil
}

// sent is what the target holds more, for certain.
type sent struct {
	records int64
	bytes   int64
	end     int64 // offset behind it in the target; 0 when nothing was sent
}

// commit makes the work under way certain, together with what the target holds of it.
func (pc *partitionCopier) commit(s sent) {
	pc.mu.Lock()
	defer pc.mu.Unlock()
	pc.state.Next = pc.at
	pc.state.Written += s.records
	pc.state.Events += s.records
	pc.state.Bytes += s.bytes
	pc.state.Target = max(pc.state.Target, s.end)
	pc.state.add(pc.pending)
	pc.state.SkippedTotal += int64(len(pc.skipped))
	room := skippedMost - len(pc.state.Skipped)
	pc.state.Skipped = append(pc.state.Skipped, pc.skipped[:min(room, len(pc.skipped))]...)
	pc.pending, pc.skipped = counters{}, pc.skipped[:0]
}

// skipBatch passes over the rest of a batch that cannot be read, or says why not.
func (pc *partitionCopier) skipBatch(ctx context.Context, span Span, b batch.Batch, from int64, why error) error {
	at := headrace.Location{Topic: span.Topic, Partition: span.Partition, Offset: max(from, b.BaseOffset)}
	if !pc.copy.passesCorrupt() {
		return &CorruptError{Location: at, Err: why}
	}
	if err := pc.writeDeadBatch(ctx, at, b.Raw(), why); err != nil {
		return err
	}
	pc.noteSkipped(span, at.Offset, min(b.LastOffset+1, span.To), why)
	return nil
}

// noteSkipped reports an offset range that is skipped.
func (pc *partitionCopier) noteSkipped(span Span, from, to int64, why error) {
	pc.skipped = append(pc.skipped, Skipped{Topic: span.Topic, Partition: span.Partition, OffsetRange: headrace.OffsetRange{From: from, To: to}, Reason: phrase.Clip([]byte(why.Error()), skippedReason)})
	pc.at = max(pc.at, to) // else a commit in between would report it once more
}

func (pc *partitionCopier) mismatch(format string, args ...any) error {
	at := headrace.Location{Topic: pc.copy.cfg.Plan.Target.Topic, Partition: pc.partition, Offset: pc.state.Target}
	return &MismatchError{Location: at, Reason: fmt.Sprintf(format, args...)}
}
