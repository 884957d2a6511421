package replay

import (
	"context"
	"errors"
	"time"

	"github.com/headrace/headrace/internal/schemacache"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/replay/filter"
	"github.com/headrace/headrace/schema"
)

const (
	// progressStep is how many events pass between two looks at whether to tell of progress.
	progressStep = 1 << 12
	maxDays      = 5000 // times come from outside
	otherDays    = "other"
)

// scanned is what a scan saw.
type scanned struct {
	writers     map[schema.Ref]int64 // of events that pass
	dropped     map[schema.Ref]int64 // of events that do not, where the filter names types
	overflow    int64                // events of schemas beyond maxKnown
	days        map[string]int64
	day         int64 // of dayName, in days since 1970
	dayName     string
	first, last time.Time // of events that pass
	unknown     error     // the first event that the filter cannot decide because of its schema
	undecided   error     // the first that it cannot decide because of what is in it
	damaged     []error   // batches, one for each partition
	order       order
	done, total int64
	largest     int64 // event that passes, in bytes of key and value
}

// scan reads the spans once and counts.
func (m *planner) scan(ctx context.Context) error {
	m.scanned = &scanned{writers: map[schema.Ref]int64{}, dropped: map[schema.Ref]int64{}, days: map[string]int64{}, day: -1 << 62}
	for _, s := range m.plan.Spans {
		m.scanned.total += s.Len()
	}
	for start := 0; start < len(m.plan.Spans); {
		end := start
		for end < len(m.plan.Spans) && m.plan.Spans[end].Topic == m.plan.Spans[start].Topic {
			end++
		}
		if err := m.scanTopic(ctx, m.plan.Spans[start:end]); err != nil {
			return err
		}
		start = end
	}
	if m.Progress != nil {
		m.Progress(m.scanned.total, m.scanned.total)
	}
	return nil
}

// scanTopic reads the spans of one topic. A damaged batch ends the scan of its partition, since where the next one begins is not
// certain; that is told as a risk.
func (m *planner) scanTopic(ctx context.Context, spans []Span) error {
	ranges := make([]reader.PartitionRange, len(spans))
	of := make(map[int32]int, len(spans))
	latest := make([]time.Time, len(spans))
	for i, s := range spans {
		ranges[i], of[s.Partition] = reader.PartitionRange{Partition: s.Partition, OffsetRange: s.OffsetRange}, i
	}
	for {
		err := reader.Read(ctx, reader.Config{Cluster: m.Request.From, Topic: spans[0].Topic, Ranges: ranges}, func(r reader.Record) error {
			i := of[r.Partition]
			m.scanned.done += r.Offset + 1 - ranges[i].From
			ranges[i].From = r.Offset + 1
			m.scanned.order.count(m.ends, &r, &latest[i])
			return m.countEvent(ctx, &r, &spans[i])
		})
		damaged, ok := errors.AsType[*reader.CorruptError](err)
		if !ok {
			return err
		}
		m.plan.Counts.Corrupt++
		m.scanned.damaged = append(m.scanned.damaged, damaged)
		i := of[damaged.Partition]
		ranges[i].From = ranges[i].To
	}
}

// countEvent counts one event.
func (m *planner) countEvent(ctx context.Context, r *reader.Record, s *Span) error {
	n := &m.plan.Counts
	n.Scanned++
	if m.Progress != nil && n.Scanned%progressStep == 0 {
		m.Progress(m.scanned.done, m.scanned.total)
	}
	ref, _, wire := schema.ParseWire(r.Value, r.Header)
	switch {
	case errors.Is(wire, schema.ErrTombstone):
		n.Tombstones++
	case wire != nil:
		n.Foreign++
	}
	passes, err := m.match.Match(ctx, r)
	if err != nil {
		_, inExpression := errors.AsType[*filter.Error](err)
		if _, ok := errors.AsType[*filter.UndecidedError](err); !ok || inExpression {
			return err
		}
		m.undecided(err)
		return nil
	}
	if !passes {
		if wire == nil && len(m.plan.Filter.Events) > 0 {
			m.scanned.drop(ref)
		}
		return nil
	}
	if m.plan.Target.Topic != "" && len(r.Headers) > 0 {
		m.origins.add(m.plan, r)
	}
	size := int64(len(r.Key) + len(r.Value))
	m.scanned.largest = max(m.scanned.largest, size)
	s.Events++
	s.Bytes += size
	n.Events++
	n.Bytes += size
	m.scanned.at(r.Time)
	if wire == nil {
		m.scanned.writer(ref)
	}
	return nil
}

// undecided counts an event that the filter cannot decide.
func (m *planner) undecided(why error) {
	count, first := &m.plan.Counts.Corrupt, &m.scanned.undecided
	if schemacache.IsUnusable(why) {
		count, first = &m.plan.Counts.Unknown, &m.scanned.unknown
	}
	if *count++; *first == nil {
		*first = why
	}
}

func (c *scanned) at(t time.Time) {
	if c.first.IsZero() || t.Before(c.first) {
		c.first = t
	}
	if t.After(c.last) {
		c.last = t
	}
	if day := t.Unix() / 86400; day != c.day {
		c.day, c.dayName = day, t.UTC().Format(time.DateOnly)
		if _, known := c.days[c.dayName]; !known && len(c.days) >= maxDays {
			c.dayName = otherDays
		}
	}
	c.days[c.dayName]++
}

func (c *scanned) drop(ref schema.Ref) {
	if _, known := c.dropped[ref]; known || len(c.dropped) < schemacache.Max {
		c.dropped[ref]++
	}
}

func (c *scanned) writer(ref schema.Ref) {
	if _, known := c.writers[ref]; !known && len(c.writers) >= schemacache.Max {
		c.overflow++
		return
	}
	c.writers[ref]++
}
