package replay

import (
	"context"
	"errors"
	"fmt"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/groups"
)

// Rewind moves the committed offsets of the plan's group, Target.Rewind, back to the beginnings of the spans, and returns the moves.
// Spans that the group has not gone beyond are left alone, so that nothing is ever skipped. All moves are one request.
//
// It refuses, with nothing changed: a plan that no longer fits (*[StaleError], also when the group has committed since), and a group
// with members (*[groups.LiveError]). So a plan that was applied is refused the second time, unless the first run has died before it
// could record its end.
func Rewind(ctx context.Context, cluster headrace.Cluster, p Plan, audit Auditing) (groups.Seek, error) {
	seek, err := PlanRewind(ctx, cluster, p, audit)
	if err != nil {
		return seek, err
	}
	run := &auditedRun{Auditing: audit, cluster: cluster, plan: &p, resumes: true}
	_, err = runAudited(ctx, run, func(ctx context.Context, tell func(Outcome)) (Outcome, error) {
		out := Outcome{}
		for _, s := range p.Spans {
			out.Total += max(0, s.Committed-s.From)
		}
		tell(out)
		if err := groups.Apply(ctx, cluster, seek); err != nil {
			return out, err
		}
		out.Done, out.Events, out.Passed = true, out.Total, out.Total
		return out, nil
	})
	return seek, err
}

// PlanRewind returns the moves that [Rewind] would make with the same arguments, and changes nothing. It fails as Rewind does. What an
// earlier run has moved before it died has no move: there is none when only its end was not recorded. Without an audit nobody can tell
// that from commits of the group, which are refused.
func PlanRewind(ctx context.Context, cluster headrace.Cluster, p Plan, audit Auditing) (groups.Seek, error) {
	died := false
	if !audit.Off {
		old, err := Status(ctx, cluster, p.ID)
		if _, unknown := errors.AsType[*UnknownReplayError](err); err != nil && !unknown {
			return groups.Seek{}, err
		}
		died = err == nil && old.State != StateDone
	}
	return planRewind(ctx, cluster, p, died)
}

// planRewind takes, when an earlier run has died, what stands at its target already for moved by it.
func planRewind(ctx context.Context, cluster headrace.Cluster, p Plan, died bool) (groups.Seek, error) {
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
			planned[partitionName(s.Topic, s.Partition)] = s.Committed
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
		if was := planned[partitionName(m.Topic, m.Partition)]; m.From != was {
			c.note(CommitMoved, m.Topic, m.Partition, fmt.Sprintf("a commit of %d", was), m.From)
		}
		delete(planned, partitionName(m.Topic, m.Partition))
	}
	for _, t := range targets { // what is at its target already has no move
		if was, left := planned[partitionName(t.Topic, t.Partition)]; left && !died {
			c.note(CommitMoved, t.Topic, t.Partition, fmt.Sprintf("a commit of %d", was), t.Offset)
		}
	}
	if len(c.stale) > 0 {
		return groups.Seek{}, errors.Join(c.stale...)
	}
	return seek, nil
}

func partitionName(topic string, partition int32) string {
	return fmt.Sprintf("%s/%d", topic, partition)
}
