package replay

import (
	"context"
	"errors"
	"fmt"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/groups"
)

// Rewind moves the committed offsets of the plan's group, Target.Rewind, back to the beginnings of the spans, and returns the moves.
// Spans that the group has not gone beyond are left alone, so that nothing is ever skipped.
//
// It refuses, with nothing changed: a plan that no longer fits (*[StaleError], also when the group has committed since), and a group
// with members (*[groups.LiveError]). So a plan that was applied is refused the second time.
func Rewind(ctx context.Context, cluster headrace.Cluster, p Plan) (groups.Seek, error) {
	seek, err := PlanRewind(ctx, cluster, p)
	if err != nil || len(seek.Moves) == 0 {
		return seek, err
	}
	return seek, groups.Apply(ctx, cluster, seek)
}

// PlanRewind returns the moves that [Rewind] would make, and changes nothing. It fails as Rewind does.
func PlanRewind(ctx context.Context, cluster headrace.Cluster, p Plan) (groups.Seek, error) {
	if err := p.Validate(); err != nil {
		return groups.Seek{}, err
	}
	group := p.Target.Rewind
	if group == "" {
		return groups.Seek{}, &PlanError{Field: "target.rewind", Text: "is missing: the plan is not one of moving a group"}
	}
	if err := p.check(ctx, cluster, nil); err != nil {
		return groups.Seek{}, err
	}
	var targets []groups.Target
	planned := map[string]int64{}
	for _, s := range p.Spans {
		if s.Committed > s.From {
			targets = append(targets, groups.Target{Topic: s.Topic, Partition: s.Partition, Offset: s.From})
			planned[placeOf(s.Topic, s.Partition)] = s.Committed
		}
	}
	if len(targets) == 0 {
		return groups.Seek{Group: group}, nil
	}
	seek, err := groups.PlanSeek(ctx, cluster, group, targets...)
	if err != nil {
		return groups.Seek{}, err
	}
	c := &staleness{plan: p}
	for _, m := range seek.Moves {
		if was := planned[placeOf(m.Topic, m.Partition)]; m.From != was {
			c.note(CommitMoved, m.Topic, m.Partition, fmt.Sprintf("a commit of %d", was), m.From)
		}
		delete(planned, placeOf(m.Topic, m.Partition))
	}
	for _, t := range targets { // what is at its target already has no move
		if was, left := planned[placeOf(t.Topic, t.Partition)]; left {
			c.note(CommitMoved, t.Topic, t.Partition, fmt.Sprintf("a commit of %d", was), t.Offset)
		}
	}
	if len(c.stale) > 0 {
		return groups.Seek{}, errors.Join(c.stale...)
	}
	return seek, nil
}

func placeOf(topic string, partition int32) string { return fmt.Sprintf("%s/%d", topic, partition) }
