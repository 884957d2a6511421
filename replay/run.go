package replay

import (
	"context"
	"errors"
	"sync"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/internal/schemacache"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/replay/filter"
)

// RunConfig says how handlers are given the events of a plan. Worker and Checkpoint are needed.
type RunConfig struct {
	// Worker is the config of the service's worker, as [consumer.ReplayConfig.Worker] takes it. Its Cluster is the one that the plan was
	// made for; its Group is not joined, and its offsets are neither read nor written.
	Worker consumer.Config

	// Checkpoint is the path of the file that tells how far the run has come; its folder must exist. A Run that finds it goes on from
	// there. It is written every Worker.Tuning.CommitInterval.
	Checkpoint string

	// OnFailure says what becomes of an event that is out of attempts, or that cannot be read. By default the run stops there, and goes on
	// there once the handler is mended.
	OnFailure consumer.OnFailure

	Rate float64 // events a second that are handed over, in all; 0 is no limit

	// Audit says who runs it, for the record in [AuditTopic].
	Audit Auditing

	// Progress hears at each checkpoint how far the run is, from one goroutine at a time. It may be nil.
	Progress func(Result)
}

// Result is how far a run has come, over all its processes.
type Result struct {
	Done   bool  `json:"done"`   // every span is through
	Passed int64 `json:"passed"` // offsets of the spans that are done
	Total  int64 `json:"total"`  // offsets of the spans

	// What became of the events that are done. Each counts once, also when it was handled once more after a crash.
	consumer.ReplayCounts

	// Failures are events that were passed over because of [consumer.OnFailureReport], the first 100 of each partition and
	// 1,000 in all.
	Failures []Failure `json:"failures,omitempty"`
}

// Failure is an event that was passed over.
type Failure struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	consumer.ReplayFailure
}

// Run gives the events of a plan for handlers to handlers of this process: the spans of the plan, what its filter lets through, with the
// policies, the order and the concurrency that a worker of the same config has, see [consumer.Replay]. No group is joined, so that the
// live workers go on beside it.
//
// When ctx ends Run returns its cause; another Run with the same plan and checkpoint goes on, also when the process was killed. Nothing
// is skipped then, and what is handled twice is bounded: what was done since the last checkpoint, and the events that were in hand,
// as many as Worker.Concurrency, or one for each partition without it.
//
// A plan that no longer fits is refused before anything is handled (*[StaleError]), and so is one that was run before without this
// checkpoint (*[AppliedError]). [Cancel] stops a run where it can go on from; it returns [ErrCancelled] then. Two processes do not run
// one plan at once: the later one takes over, and the other returns [ErrTakenOver]. An event that the filter cannot decide is an
// *[UndecidedError], and those of the handlers are the errors of [consumer.Replay]. Outages are waited for.
func Run(ctx context.Context, plan Plan, cfg RunConfig, handlers ...consumer.Handler) (Result, error) {
	r, err := newRun(plan, cfg)
	if err == nil {
		err = r.replay().Validate(handlers...)
	}
	if err != nil {
		return Result{}, err
	}
	goesOn, err := r.checkPlan(ctx)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return Result{}, err
	}
	a := &auditedRun{Auditing: cfg.Audit, cluster: cfg.Worker.Cluster, plan: &r.plan, resumes: goesOn}
	_, err = runAudited(ctx, a, func(ctx context.Context, tell func(Outcome)) (Outcome, error) {
		r.record = tell
		err := r.runHandlers(ctx, handlers)
		return r.result().outcome(), err
	})
	return r.result(), err
}

// run is one Run.
type run struct {
	cfg    RunConfig
	plan   Plan
	digest string
	filter *filter.Matcher // nil lets everything through
	record func(Outcome)

	mu    sync.Mutex
	spans []consumer.ReplaySpan // as they were told last
}

func newRun(plan Plan, cfg RunConfig) (*run, error) {
	if err := plan.Validate(); err != nil {
		return nil, err
	}
	switch {
	case plan.Target.Handlers == "":
		return nil, &PlanError{Field: "target.handlers", Text: "is missing: the plan is not one for handlers"}
	case cfg.Checkpoint == "":
		return nil, errors.New("run: RunConfig.Checkpoint is empty: without it a run that is interrupted could not go on")
	}
	r := &run{cfg: cfg, plan: plan}
	var err error
	if !plan.Filter.IsZero() {
		if r.filter, err = plan.Filter.Compile(cfg.Worker.Registry); err != nil {
			return nil, err
		}
	}
	if r.digest, err = digestOf(&plan); err != nil {
		return nil, err
	}
	for _, s := range plan.Spans {
		r.spans = append(r.spans, consumer.ReplaySpan{Topic: s.Topic, Partition: s.Partition, OffsetRange: s.OffsetRange, Next: s.From})
	}
	return r, nil
}

// checkPlan refuses a plan that does not fit the cluster any more, and reports whether a checkpoint says where to go on.
func (r *run) checkPlan(ctx context.Context) (goesOn bool, err error) {
	goesOn, err = r.resume()
	switch {
	case err != nil:
		return goesOn, err
	case goesOn:
		return true, r.plan.rest(r.next).checkRest(ctx, r.cfg.Worker.Cluster, nil)
	}
	return false, r.plan.check(ctx, r.cfg.Worker.Cluster, nil)
}

// next is the offset where the run goes on in a span.
func (r *run) next(span Span) int64 {
	for _, s := range r.spans {
		if s.Topic == span.Topic && s.Partition == span.Partition {
			return s.Next
		}
	}
	return span.From
}

// runHandlers gives the events to the handlers.
func (r *run) runHandlers(ctx context.Context, handlers []consumer.Handler) error {
	if err := r.report(ctx, r.spans); err != nil { // so that nothing is handled whose checkpoint could not be written
		return err
	}
	cfg := r.replay()
	cfg.Progress = func(spans []consumer.ReplaySpan) error { return r.report(ctx, spans) }
	return consumer.Replay(ctx, cfg, handlers...)
}

// replay is what is left to do.
func (r *run) replay() consumer.ReplayConfig {
	cfg := consumer.ReplayConfig{
		Worker: r.cfg.Worker, ID: r.plan.ID, Spans: r.spans, OnFailure: r.cfg.OnFailure, Rate: r.cfg.Rate,
	}
	if r.filter != nil {
		cfg.Filter = r.matches
	}
	return cfg
}

// matches asks the filter, and waits while the registry is away.
func (r *run) matches(ctx context.Context, record *reader.Record) (keep bool, err error) {
	err = schemacache.Retry(ctx, func() error {
		keep, err = r.filter.Match(ctx, record)
		return err
	})
	return keep, err
}

// report saves how far the spans have come, and calls Progress. A checkpoint that another process goes on with is left to it.
func (r *run) report(ctx context.Context, spans []consumer.ReplaySpan) error {
	if !takenOver(ctx) {
		if err := r.save(spans); err != nil {
			return err
		}
	}
	r.mu.Lock()
	r.spans = spans
	r.mu.Unlock()
	result := r.result()
	r.record(result.outcome())
	if r.cfg.Progress != nil {
		r.cfg.Progress(result)
	}
	return nil
}

func (r *run) result() Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	out, room := Result{Done: true}, listedMost
	for _, s := range r.spans {
		out.Done = out.Done && s.Done()
		out.Total += s.Len()
		out.Passed += max(s.Next, s.From) - s.From
		for _, b := range s.Beyond {
			out.Passed += b.Len()
		}
		out.Add(s.Counts)
		for _, f := range within(&room, s.Failures) {
			out.Failures = append(out.Failures, Failure{Topic: s.Topic, Partition: s.Partition, ReplayFailure: f})
		}
	}
	return out
}

// outcome is what the record of a replay says of the result.
func (r Result) outcome() Outcome {
	return Outcome{
		Done: r.Done, Events: r.Handled, Filtered: r.Filtered, Passed: r.Passed, Total: r.Total, SkippedTotal: r.Failed,
	}
}
