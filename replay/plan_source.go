package replay

import (
	"cmp"
	"context"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/reader"
)

// Range returns the positions of the source as a range. An end that is what a group has committed is not set. Positions that make no sense
// are a *[PlanError].
func (s Source) Range(now time.Time) (reader.Range, error) {
	e, err := parseEnds(s.withStart(), now)
	return e.span, err
}

// Locate returns where the source lies in a cluster now, by topic, then partition.
func (s Source) Locate(ctx context.Context, cluster headrace.Cluster) ([]Span, error) {
	m := &planner{Request: Request{From: cluster}, plan: &Plan{Source: s.withStart()}, now: time.Now()}
	defer m.close()
	if err := m.open(ctx); err != nil {
		return nil, err
	}
	if err := m.locate(ctx); err != nil {
		return nil, err
	}
	return m.plan.Spans, nil
}

func (s Source) withStart() Source {
	s.From = cmp.Or(s.From, "start")
	return s
}
