package replay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/internal/phrase"
	"github.com/headrace/headrace/schema"
)

// lane copies what goes into one partition of the target: the only one who writes there for this copy, one batch at a time.
type lane struct {
	copy      *copier
	partition int32
	spans     []Span

	mu    sync.Mutex
	state laneState // what is certain; only the lane's own goroutine changes it

	// Work under way, from the state's position on: what commit adds to the state.
	at      int64 // source offset that the work reaches, in the span of the state
	more    counters
	skipped []Skipped
	builder batch.Builder
	codec   batch.Codec // of the batch being built

	paced bool // the copy's clock knows the lane's first event

	held []holding // what the target holds beyond the state, and the walk over the source has not met yet

	value   []byte // of an event, as it is written anew
	reader  batch.Reader
	record  batch.Record
	headers []batch.Header
	view    consumer.Record

	strange bool // nobody knows the event's schema, and it is copied as it is

	named bool // the filter has decided about the schema last
	last  schema.Ref
	kept  bool

	stamps stamps
}

func newLane(c *copier, partition int32) *lane {
	return &lane{copy: c, partition: partition, stamps: newStamps(&c.cfg.Plan, partition)}
}

func (l *lane) snapshot() laneState {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.state
	s.Skipped = slices.Clone(s.Skipped)
	return s
}

// run copies the lane's spans to their end. Where target and copy get out of step, because something that was sent before still
// arrived, it looks at the target again and goes on from there.
func (l *lane) run(ctx context.Context) error {
	defer l.unpace()
	written, since := int64(-1), time.Time{}
	for {
		if err := l.reconcile(ctx); err != nil {
			return err
		}
		err := l.walk(ctx)
		doubt := errors.Is(err, errDoubt)
		if !doubt && !errors.Is(err, errOutOfStep) {
			return err
		}
		switch {
		case doubt:
		case l.state.Written != written:
			written, since = l.state.Written, time.Now()
		case time.Since(since) > l.copy.cfg.pace.patience:
			if err := l.renew(ctx); err != nil {
				return err
			}
			written = -1
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(l.copy.cfg.pace.pause):
		}
	}
}

// renew gives the lane another producer: the broker has forgotten the old one, or takes it for another. What the old one had under
// way has arrived by now or never will.
func (l *lane) renew(ctx context.Context) error {
	c := l.copy
	ends, err := listOffsets(ctx, c.to, []kafka.OffsetQuery{{Topic: c.cfg.Plan.Target.Topic, Partition: l.partition, Timestamp: kafka.Latest}})
	if err != nil {
		return err
	}
	if err := l.reconcile(ctx); err != nil {
		return err
	}
	if len(l.held) > 0 {
		return nil // something has arrived after all
	}
	id, err := c.newProducer(ctx)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.state.Producer, l.state.Epoch, l.state.Written = id.ID, id.Epoch, 0
	l.state.Target = max(l.state.Target, ends[0].Offset)
	l.mu.Unlock()
	return c.save() // before anything is written under the new identity
}

// walk reads the source from the state's position and brings over what the target does not hold.
func (l *lane) walk(ctx context.Context) error {
	for l.state.Span < len(l.spans) {
		if err := l.walkSpan(ctx, l.spans[l.state.Span]); err != nil {
			return err
		}
	}
	if len(l.held) > 0 {
		return l.mismatch("it holds more of this copy than the source does")
	}
	return nil
}

func (l *lane) walkSpan(ctx context.Context, span Span) error {
	l.restart()
	src := openSource(ctx, l.copy, span, l.state.Next)
	defer src.close()
	for l.at < span.To {
		var c chunk
		select {
		case c = <-src.chunks:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		err := c.err
		if err == nil {
			err = l.takeChunk(ctx, span, &c)
		}
		c.release()
		if err != nil {
			return err
		}
	}
	if err := l.flush(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.Span++
	l.state.Next = 0
	if l.state.Span < len(l.spans) {
		l.state.Next = l.spans[l.state.Span].From
	}
	return nil
}

// restart forgets the work under way.
func (l *lane) restart() {
	l.at, l.more, l.skipped = l.state.Next, counters{}, nil
	l.builder.Reset(nil)
}

func (l *lane) takeChunk(ctx context.Context, span Span, c *chunk) error {
	for _, b := range c.batches {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		take := l.takeEvents
		if l.copy.cfg.Plan.Target.Raw {
			take = l.takeRaw
		}
		if err := take(ctx, span, b); err != nil {
			return err
		}
	}
	if s := c.skipped; s != nil {
		at := headrace.Location{Topic: s.Topic, Partition: s.Partition, Offset: s.From}
		if err := l.buryBatch(ctx, at, c.damaged, errors.New(s.Reason)); err != nil {
			return err
		}
		l.skipped = append(l.skipped, *s)
	}
	l.at = max(l.at, min(c.next, span.To))
	if l.builder.Count() == 0 {
		l.commit(sent{})
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
func (l *lane) commit(s sent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.Next = l.at
	l.state.Written += s.records
	l.state.Events += s.records
	l.state.Bytes += s.bytes
	l.state.Target = max(l.state.Target, s.end)
	l.state.add(l.more)
	l.state.SkippedTotal += int64(len(l.skipped))
	room := skippedMost - len(l.state.Skipped)
	l.state.Skipped = append(l.state.Skipped, l.skipped[:min(room, len(l.skipped))]...)
	l.more, l.skipped = counters{}, l.skipped[:0]
}

// skip passes over the rest of a batch that cannot be read, or says why not.
func (l *lane) skip(ctx context.Context, span Span, b batch.Batch, from int64, why error) error {
	at := headrace.Location{Topic: span.Topic, Partition: span.Partition, Offset: max(from, b.BaseOffset)}
	if !l.copy.passesCorrupt() {
		return &CorruptError{Location: at, Err: why}
	}
	if err := l.buryBatch(ctx, at, b.Raw(), why); err != nil {
		return err
	}
	l.note(span, at.Offset, min(b.LastOffset+1, span.To), why)
	return nil
}

// note reports a stretch that is passed over.
func (l *lane) note(span Span, from, to int64, why error) {
	l.skipped = append(l.skipped, Skipped{Topic: span.Topic, Partition: span.Partition, From: from, To: to, Reason: phrase.Clip([]byte(why.Error()), skippedReason)})
	l.at = max(l.at, to) // else a commit in between would report it once more
}

func (l *lane) mismatch(format string, args ...any) error {
	at := headrace.Location{Topic: l.copy.cfg.Plan.Target.Topic, Partition: l.partition, Offset: l.state.Target}
	return &MismatchError{Location: at, Reason: fmt.Sprintf(format, args...)}
}
