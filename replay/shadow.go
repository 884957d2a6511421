package replay

import (
	"context"
	"fmt"
	"time"
)

// OutputOf returns the config for comparing what was made from a part of a topic, the source: what a shadow run was given.
//
// With OriginHeader an event tells what it was made from, and Spans are set. Without, an output that keeps the time of its input has the
// same times: Expected.Begin and End are set, unless the config says already which part of it counts. A source that begins or ends at an offset says nothing
// about the output then, and is a *[PlanError].
func (c CompareConfig) OutputOf(ctx context.Context, source Source) (CompareConfig, error) {
	e, err := parseEnds(withEnds(source), time.Now())
	if err != nil {
		return c, err
	}
	if c.OriginHeader != "" {
		c.Spans, err = spansOf(ctx, c, source)
		return c, err
	}
	if x := c.Expected; !x.Range.From.IsZero() || !x.Range.To.IsZero() || !x.Begin.IsZero() || !x.End.IsZero() {
		return c, nil
	}
	for _, end := range []struct {
		field, text string
		time        bool
	}{{"source.from", source.From, e.fromTime}, {"source.to", source.To, e.toTime || e.fromTime && e.toGroup == ""}} {
		if !end.time && end.text != "" && end.text != "start" && end.text != "end" {
			return c, &PlanError{Field: end.field, Text: fmt.Sprintf("%q is a place in the input, and the output has places of its own: "+
				"give the range of the expected topic, or the header that tells of an event's origin", end.text)}
		}
	}
	if begin, ok := e.span.From.Time(); ok && e.fromTime {
		c.Expected.Range.From, c.Expected.Begin = e.span.From, begin // nothing that counts comes before
	}
	if end, ok := e.span.To.Time(); ok {
		c.Expected.End = end
	}
	return c, nil
}

func withEnds(s Source) Source {
	if s.From == "" {
		s.From = "start"
	}
	return s
}

// spansOf is where a source lies now.
func spansOf(ctx context.Context, c CompareConfig, source Source) ([]Span, error) {
	m := &making{Request: Request{From: c.Cluster}, plan: &Plan{Source: withEnds(source)}, now: time.Now()}
	defer m.close()
	if err := m.open(ctx); err != nil {
		return nil, err
	}
	if err := m.locate(ctx); err != nil {
		return nil, err
	}
	return m.plan.Spans, nil
}
