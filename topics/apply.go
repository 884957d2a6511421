package topics

import (
	"context"
	"errors"
	"fmt"

	"github.com/headrace/headrace/internal/kafka"
)

// ApplyOptions say how a plan is applied. The zero value stops at the first failure, copies without a throttle, and gives no leave
// beyond what the plan has.
type ApplyOptions struct {
	Options // leave for changes that need it, given now instead of when the plan was made

	// ContinueOnError goes on with the changes that do not depend on one that failed: those of other topics and subjects.
	ContinueOnError bool

	// Throttle bounds, in bytes per second and broker, how fast replicas are copied to where partitions move. 0 is no bound.
	Throttle int64

	// Step is how many partitions move at a time. Defaults to 10.
	Step int

	// Report is called with each change when it is over, in the order of the plan within each kind, by one goroutine. May be nil.
	Report func(Result)

	// Progress is called while partitions move, about twice a second, by the same goroutine. May be nil.
	Progress func(Progress)
}

// Status says what became of a change.
type Status string

// The statuses of a [Result].
const (
	Done      Status = "done"
	Unchanged Status = "unchanged" // it was so already
	Failed    Status = "failed"
	Skipped   Status = "skipped" // a change before it failed, or the context ended
)

// Result is what became of one change.
type Result struct {
	Change Change
	Status Status
	Err    error // of Failed
}

// Report is what became of every change of a plan, in the plan's order.
type Report struct{ Results []Result }

// Count returns how many changes ended with a status.
func (r Report) Count(s Status) int {
	n := 0
	for _, result := range r.Results {
		if result.Status == s {
			n++
		}
	}
	return n
}

// Apply carries a plan out and says what became of each of its changes, also when it returns an error.
//
// Before anything is changed it makes sure that this is the cluster the plan was made for ([*OtherClusterError]), that nothing stands in
// its way ([*BlockedError]), that leave is given for what needs it ([*LeaveError]), that everything the plan touches is still as the plan
// saw it or as it would make it ([*StaleError]), and that the brokers would take new topics and settings. What is as wanted already is
// left alone, so that a plan whose application was cut short can be applied again and goes on where it ended.
//
// Kafka cannot compare and set: what another program changes between this check and the change itself, a fraction of a second, is
// overwritten. Partitions that are being moved go on moving in the cluster when ctx ends.
func Apply(ctx context.Context, conn Connection, plan Plan, opts ApplyOptions) (Report, error) {
	a := &application{conn: conn, plan: plan, opts: opts, results: make([]Result, len(plan.Changes))}
	for i, c := range plan.Changes {
		a.results[i] = Result{Change: c, Status: Skipped}
	}
	if err := plan.Refusal(opts.Options); err != nil {
		return Report{a.results}, err
	}
	client, err := open(ctx, conn.Cluster)
	if err != nil {
		return Report{a.results}, err
	}
	defer client.Close()
	a.client = client
	if err := a.compare(ctx); err != nil {
		return Report{a.results}, err
	}
	a.rehearse(ctx)
	a.run(ctx)
	errs := a.failures()
	if ctx.Err() != nil {
		errs = append(errs, context.Cause(ctx))
	} else {
		errs = append(errs, a.settle(ctx))
	}
	return Report{a.results}, errors.Join(errs...)
}

// application is one plan being applied.
type application struct {
	conn    Connection
	client  *kafka.Client
	plan    Plan
	opts    ApplyOptions
	results []Result
	pending []bool          // by change: it is still to be made
	broken  map[string]bool // topics and subjects of which a change has failed
	world   *World
}

// Refusal returns why a plan cannot be applied anywhere with this leave: a [*BlockedError], a [*LeaveError] or what is wrong with
// the plan itself; nil when it can be tried.
func (p Plan) Refusal(leave Options) error {
	if err := p.check(); err != nil {
		return err
	}
	if len(p.Problems) > 0 {
		return &BlockedError{p.Problems}
	}
	var need []Change
	for _, c := range p.Changes {
		if c.Needs != "" && !leave.allows(c) {
			need = append(need, c)
		}
	}
	if len(need) > 0 {
		return &LeaveError{need}
	}
	return nil
}

func (o Options) allows(c Change) bool {
	names := o.AllowPartitions
	if c.Kind == DeleteTopic {
		names = o.AllowDelete
	}
	for _, name := range names {
		if name == c.Topic {
			return true
		}
	}
	return false
}

// compare holds the plan against the world of now.
func (a *application) compare(ctx context.Context) error {
	world, err := a.observe(ctx, kafka.AnyNode)
	if err != nil {
		return err
	}
	if world.ClusterID != a.plan.ClusterID {
		return &OtherClusterError{Planned: a.plan.ClusterID, Found: world.ClusterID}
	}
	a.world, a.broken = world, map[string]bool{}
	a.pending = make([]bool, len(a.plan.Changes))
	var differences []Difference
	for i, c := range a.plan.Changes {
		switch state, found := c.state(world); state {
		case asWanted:
			a.finish(i, Unchanged, nil)
		case asPlanned:
			a.pending[i] = true
		default:
			differences = append(differences, Difference{c, found})
		}
	}
	if len(differences) > 0 {
		return &StaleError{differences}
	}
	return nil
}

func (a *application) finish(i int, status Status, err error) {
	if a.pending != nil {
		a.pending[i] = false
	}
	a.results[i].Status, a.results[i].Err = status, err
	if status == Failed {
		a.broken[a.plan.Changes[i].subjectMatter()] = true
	}
	if a.opts.Report != nil {
		a.opts.Report(a.results[i])
	}
}

// subjectMatter is the topic, subject or principal that a change is about.
func (c Change) subjectMatter() string {
	switch {
	case c.Topic != "":
		return "topic " + c.Topic
	case c.Subject != "":
		return "subject " + c.Subject
	case c.ACL != nil:
		return c.ACL.Principal
	}
	return ""
}

func (a *application) failures() []error {
	var errs []error
	for _, r := range a.results {
		if r.Status == Failed {
			errs = append(errs, fmt.Errorf("%s: %w", r.Change, r.Err))
		}
	}
	return errs
}

// stopped reports that no further change is to be made.
func (a *application) stopped(ctx context.Context) bool {
	return ctx.Err() != nil || len(a.broken) > 0 && !a.opts.ContinueOnError
}

// run makes the changes, one rank after another.
func (a *application) run(ctx context.Context) {
	for rank := range lastRank + 1 {
		if a.stopped(ctx) {
			return
		}
		var due []int
		for i, c := range a.plan.Changes {
			if a.pending[i] && c.rank() == rank && !a.broken[c.subjectMatter()] {
				due = append(due, i)
			}
		}
		if len(due) == 0 {
			continue
		}
		switch rank {
		case 0:
			a.applySubjects(ctx, due)
		case 1:
			a.inBatches(ctx, due, createBatch, a.createTopics)
		case 2, 5:
			a.inBatches(ctx, due, alterBatch, a.alterConfigs)
		case 3:
			a.moveReplicas(ctx, due)
		case 4:
			a.inBatches(ctx, due, alterBatch, a.addPartitions)
		case 6:
			a.inBatches(ctx, due, alterBatch, a.createACLs)
		case 7:
			a.inBatches(ctx, due, alterBatch, a.deleteTopics)
		}
	}
}
