package consumer

import (
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/reader"
)

// span is what of a partition is replayed.
type span struct {
	*replaying
	to   int64
	once sync.Once // for the end

	// Only the partition's goroutine uses what follows.
	over     bool  // the log has come to the end of the span
	filtered int32 // since the last event that was picked
	view     reader.Record

	// The partition's lock guards what follows.
	counts   ReplayCounts
	failures []ReplayFailure
}

// fate is what became of an event.
type fate int8

const (
	fateHandled fate = iota
	fateSkipped
	fateLiveOnly
	fateFailed
	fateDead
)

// add counts an event that is done, and those that the filter left out before it.
func (c *ReplayCounts) add(t *task) {
	c.Filtered += int64(t.before)
	switch t.fate {
	case fateHandled:
		c.Handled++
	case fateSkipped:
		c.Skipped++
	case fateLiveOnly:
		c.LiveOnly++
	case fateFailed:
		c.Failed++
	case fateDead:
		c.DeadLettered++
	}
}

// snapshot adds to a span how far it has come, and the counts of just that.
func (p *partition) snapshot(out *ReplaySpan) {
	if p.lane != nil {
		p.lane.mu.Lock() // before the partition's, as everywhere
		defer p.lane.mu.Unlock()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	done, counts := p.done.Clone(), p.span.counts
	count := func(t *task) {
		done.Mark(t.first, t.end)
		counts.add(t)
	}
	if l := p.lane; l != nil { // of the block at hand
		p.eachInOrder(l.claims[:limitOf(l.word.Load())], count)
	}
	for _, s := range p.live {
		s.eachCompleted(count)
	}
	out.Next, out.Counts, out.Failures = min(done.Prefix(), out.To), counts, slices.Clone(p.span.failures)
	out.Beyond = nil
	for _, b := range done.Beyond() {
		if b.From < out.To {
			b.To = min(b.To, out.To)
			out.Beyond = append(out.Beyond, b)
		}
	}
}

// endsBefore reports whether the span ends before a batch begins.
func (s *span) endsBefore(b batch.Batch) bool {
	s.over = s.over || b.BaseOffset >= s.to
	return s.over
}

// picked says whether an event is replayed.
type picked int8

const (
	pickYes  picked = iota
	pickNot         // the filter leaves it out
	pickEnd         // the span ends before it
	pickStop        // the partition goes no further
)

func (p *partition) pick(rec *batch.Record) picked {
	s := p.span
	if rec.Offset >= s.to {
		s.over = true
		return pickEnd
	}
	if s.cfg.Filter == nil {
		return pickYes
	}
	keep, err := s.keep(p, rec)
	switch {
	case p.stopped.Load():
		return pickStop
	case err != nil:
		p.fail(err)
		return pickStop
	case keep:
		return pickYes
	}
	s.filtered++
	return pickNot
}

// keep asks the filter. A filter that panics, or ends the goroutine, ends the replay, as one that returns an error does.
func (s *span) keep(p *partition, rec *batch.Record) (keep bool, err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack(), what: fmt.Sprintf("filter of replay %s at %s", s.id, p.atOffset(rec.Offset))}
			return
		}
		p.fail(fmt.Errorf("filter of replay %s at %s %w", s.id, p.atOffset(rec.Offset), errGoexit))
	}()
	keep, err = s.cfg.Filter(p.going, s.record(p, rec))
	returned = true
	return keep, err
}

// record is a record as the filter sees it.
func (s *span) record(p *partition, rec *batch.Record) *reader.Record {
	s.view = reader.Record{
		Topic: p.Topic, Partition: p.Partition, Offset: rec.Offset, Time: time.UnixMilli(rec.Timestamp).UTC(),
		Key: rec.Key, Value: rec.Value, Headers: rec.Headers(s.view.Headers[:0]),
	}
	return &s.view
}

// filteredBefore gives an event those to take along that the filter left out before it: they lie in the gap that it covers.
func (s *span) filteredBefore(t *task) { t.before, s.filtered = s.filtered, 0 }

// keepPace waits until the rate lets an event be handed over. It returns the task, which may lie in another block then, and nil when
// the partition stops.
func (p *partition) keepPace(t *task, c *heldChunk, r *heldReader, b batch.Batch) *task {
	p.span.filteredBefore(t)
	if p.span.limiter == nil {
		return t
	}
	if wait := p.span.limiter.Reserve().Delay(); wait > 0 {
		if t = p.moveOn(t, c, r, b); t == nil || !p.pause(wait) {
			return nil
		}
	}
	return t
}

// passed counts what the filter has left out since the last event, and returns how far the log up to end passes for read: a span ends
// where it ends, whatever the log has there. It needs the partition's lock.
func (s *span) passed(end int64) int64 {
	s.counts.Filtered += int64(s.filtered)
	s.filtered = 0
	if s.over {
		return s.to
	}
	return end
}

// finish ends the span once every event of it is done. It returns false, since the partition goes no further.
func (p *partition) finish() (more bool) {
	p.engine.fetcher.Remove(p.feed)
	for !p.quiet() {
		if !p.wait() {
			return false
		}
	}
	p.span.end()
	return false
}

// end says that the span is done, or given up.
func (s *span) end() { s.once.Do(s.ended.Done) }

// report keeps an event that is passed over.
func (p *partition) report(t *task, f *failure) {
	t.fate = fateFailed
	p.log().Warn("event passed over by the replay", zap.String("replay", p.span.id), zap.Int64("offset", t.record.Offset),
		zap.String("event", f.event), zap.String("kind", f.class()), zap.Error(f.reason))
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.span
	if len(s.failures) >= maxFailures || slices.ContainsFunc(s.failures, func(r ReplayFailure) bool { return r.Offset == t.record.Offset }) {
		return // reported before a crash
	}
	s.failures = append(s.failures, ReplayFailure{
		Offset: t.record.Offset, Event: f.event, Kind: f.class(), Attempts: f.attempts, Error: clip(f.reason.Error(), maxMessage),
	})
}

// maxFailures bounds what is kept of a span's failures.
const maxFailures = 100
