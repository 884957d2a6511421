package replay

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/kafka"
)

// checkPlan refuses a plan that does not fit the clusters any more, and reports whether a checkpoint says where to go on. Of a copy that goes
// on only what is left counts, so that it is not refused for what has changed because of itself.
func (c *copier) checkPlan(ctx context.Context) (goesOn bool, err error) {
	var to *headrace.Cluster
	if len(c.cfg.To.Brokers) > 0 {
		to = &c.cfg.To
	}
	old, err := readCheckpoint(c.cfg.Checkpoint)
	if err != nil {
		return false, err
	}
	if old == nil {
		err = c.cfg.Plan.check(ctx, c.cfg.From, to)
	} else if err = c.resume(old); err == nil {
		err = c.cfg.Plan.rest(c.next).checkRest(ctx, c.cfg.From, to)
	}
	if err != nil {
		return old != nil, err
	}
	return old != nil, c.checkRights(ctx)
}

// checkRights refuses a copy that would stop for want of a schema, of a right, or of the topic for dead letters: a broker's word on the producer
// does not name the topic.
func (c *copier) checkRights(ctx context.Context) error {
	if err := c.values.check(ctx, c.cfg.Plan.Writers); err != nil {
		return err
	}
	if err := c.checkWriteRight(ctx, c.cfg.Plan.Target.Topic); err != nil || c.cfg.DeadLetters == "" {
		return err
	}
	if _, err := stateOf(ctx, c.to, c.cfg.DeadLetters); err != nil {
		return fmt.Errorf("replay %s: dead letters: %w", c.cfg.Plan.ID, err)
	}
	return c.checkWriteRight(ctx, c.cfg.DeadLetters)
}

func (c *copier) checkWriteRight(ctx context.Context, topic string) error {
	var allowed kafka.Operations
	err := c.to.Retry(ctx, func(ctx context.Context) (err error) {
		allowed, err = c.to.TopicOperations(ctx, topic)
		return err
	})
	if err == nil && !allowed.Allow(kmsg.ACLOperationWrite) {
		return &RightError{Operation: "WRITE", Topic: topic}
	}
	return err
}

// next is the offset where the copy goes on in a span.
func (c *copier) next(span Span) int64 {
	for _, pc := range c.partitions {
		for i, s := range pc.spans {
			switch {
			case s != span:
			case i < pc.state.Span:
				return s.To
			case i == pc.state.Span:
				return pc.state.Next
			}
		}
	}
	return span.From
}

// audited is the run of a copy that is recorded where the target is.
func (c *copier) audited(goesOn bool) *auditedRun {
	a := &auditedRun{Auditing: c.cfg.Audit, cluster: c.cfg.From, plan: &c.cfg.Plan, resumes: goesOn}
	if len(c.cfg.To.Brokers) > 0 {
		a.cluster, a.source = c.cfg.To, &c.cfg.From
	}
	return a
}

// PlanCopy says where a [Copy] would begin, or go on, and writes nothing at all. It fails as Copy does before it writes; that the target
// may be written to is not tried.
func PlanCopy(ctx context.Context, cfg CopyConfig) (Outcome, error) {
	c, err := newCopier(cfg)
	if err != nil {
		return Outcome{}, err
	}
	defer c.close()
	goesOn, err := c.checkPlan(ctx)
	if err == nil && !cfg.Audit.Off {
		err = c.audited(goesOn).check(ctx)
	}
	if err == nil {
		err = c.checkClusters(ctx)
	}
	if err == nil {
		err = c.checkTarget(ctx)
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if !goesOn {
		for _, pc := range c.partitions {
			pc.state.Next = pc.spans[0].From
		}
	}
	return c.outcome(), err
}
