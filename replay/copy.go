package replay

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/replay/filter"
	"github.com/headrace/headrace/schema/registry"
)

// CopyConfig says how the spans of a plan are copied to its target topic. Plan and Checkpoint are needed.
type CopyConfig struct {
	From headrace.Cluster
	To   headrace.Cluster // without brokers it is From
	Plan Plan             // one whose target is a topic

	// Checkpoint is the path of the file that tells how far the copy has come; its folder must exist. A copy that finds it goes on from
	// there. Without it a copy begins anew, and writes what it wrote before once more.
	Checkpoint string

	// Registry is the source's. It is needed for a plan whose filter asks for the names or values of events, and where values are written
	// for another registry or with another schema. An expression that has no answer for an event ends the copy with an *[UndecidedError].
	Registry *registry.Client

	// ToRegistry is the one that readers of the target ask; nil is Registry. Where it is another, each schema's id in it is put before the
	// values in place of the source's. A schema that is in none of the target's subjects ends the copy with a *[SubjectError], unless
	// Register is set: then the copy registers it there. Values that are in no registry's wire format are left as they are.
	ToRegistry *registry.Client
	Register   bool

	Unknown Unknown // what becomes of events with unknown schemas, where they matter

	// SkipCorrupt passes over events and batches that cannot be read, and reports them. So does a topic of DeadLetters, in the target's
	// cluster, to which they are written as dead letters first, each at least once. With neither the copy stops there with a *[CorruptError].
	SkipCorrupt bool
	DeadLetters string

	Rate      int // events a second, over all partitions; 0 is no limit
	BytesRate int // bytes of batches a second, as they are sent; 0 is no limit

	// Speed is how many times faster than they came the events are sent, by their timestamps: 1 keeps their pace. Whole batches that pass
	// undecoded go when their last event is due. 0 is no limit.
	Speed float64

	// Audit says who copies, for the record in [AuditTopic].
	Audit Auditing

	// Progress hears about once a second how far the copy is, and at its end, from one goroutine at a time. It may be nil.
	Progress func(Outcome)

	pace pace
}

// Outcome is how far a copy has come, over all its runs.
type Outcome struct {
	Done     bool  // every span is copied
	Events   int64 // that the target topic holds
	Bytes    int64 // of their batches as they were sent, compressed
	Filtered int64 // events that the plan's filter did not let through

	Unknown   int64 // events with schemas that the registry does not know: copied as they are, or skipped
	Reencoded int64 // events whose values were written with another schema
	Dead      int64 // dead letters written

	Passed int64 // offsets of the spans that are behind the copy
	Total  int64 // offsets of the spans

	SkippedTotal int64     // offset ranges that could not be read and were skipped
	Skipped      []Skipped // the first of them, at most 100 for each partition and 1,000 in all
}

// Skipped is an offset range of a partition that could not be read.
type Skipped struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	headrace.OffsetRange
	Reason string `json:"reason"`
}

// Copy writes the events of the plan's spans into the target topic, each into the partition with the number of its own, in order, with
// its key, value, headers and timestamp and with the headers of this package. Plan.Target.Raw copies whole batches without a look into
// them, and without those headers.
//
// When ctx ends Copy returns its cause; another Copy with the same plan and checkpoint goes on, also when the process was killed: it
// reads from the target what had arrived there, and neither leaves out nor doubles an event. The identity of an idempotent producer,
// kept in the checkpoint, makes the broker refuse what a process that has died had still under way.
//
// A plan that no longer fits is refused before anything is written (*[StaleError]), and so is one that was applied before without this
// checkpoint (*[AppliedError]) and one whose events would go in circles through earlier replays (*[ChainError]). [Cancel] stops a copy
// where it can go on from; it returns [ErrCancelled] then.
//
// Outages of either cluster are waited for. It returns a *[LoopError] or a *[HopsError] for events that go in circles, a *[GoneError]
// when the source no longer holds what the plan says, a *[StaleError] when the plan does not fit the clusters any more, also when the
// target is made anew under way, a *[MismatchError] when the target does not hold what was written, a
// *[CorruptError] as SkipCorrupt says, and an error that wraps kafka's for missing topics and rights.
func Copy(ctx context.Context, cfg CopyConfig) (Outcome, error) {
	c, err := newCopier(cfg)
	if err != nil {
		return Outcome{}, err
	}
	defer c.close()
	goesOn, err := c.checkPlan(ctx)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return Outcome{}, err
	}
	return runAudited(ctx, c.audited(goesOn), func(ctx context.Context, tell func(Outcome)) (Outcome, error) {
		c.record = tell
		return c.apply(ctx)
	})
}

// apply is a Copy whose plan fits.
func (c *copier) apply(ctx context.Context) (Outcome, error) {
	if err := c.begin(ctx); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return Outcome{}, err
	}
	c.record(c.outcome())
	err := c.run(ctx)
	if err == nil {
		err = c.refreshTargetID(ctx) // batches are written by the topic's name
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	err = errors.Join(err, c.saveUnlessTakenOver(ctx))
	c.report()
	out := c.outcome()
	out.Done = out.Done && err == nil
	return out, err
}

// copier is one Copy.
type copier struct {
	cfg         CopyConfig
	from, to    *kafka.Client
	target      kafka.Topic // as it was when the copy began
	sources     map[string]topicID
	sameCluster bool            // source and target are in one cluster
	brought     brought         // what earlier replays have brought to the source
	filter      *filter.Matcher // nil lets everything through
	values      *values         // nil leaves values as they are
	digest      string
	partitions  []*partitionCopier // by partition
	limits      limits

	saving sync.Mutex
	record func(Outcome) // for the record of the replay
}

// pace is how often and how long things are done; tests make it short. The zero value is that of real life.
type pace struct {
	save     time.Duration // between two checkpoints
	patience time.Duration // before a producer's identity that the broker refuses is given up
	pause    time.Duration // between two looks at a target that is out of step
	batch    int           // events in a batch that is built, at most
	empty    int           // answers of the source without an event in a row, where there have to be some
}

func (p pace) withDefaults() pace {
	if p.save <= 0 {
		p.save = time.Second
	}
	if p.patience <= 0 {
		p.patience = 45 * time.Second
	}
	if p.pause <= 0 {
		p.pause = 500 * time.Millisecond
	}
	if p.batch <= 0 {
		p.batch = 1 << 16
	}
	if p.empty <= 0 {
		p.empty = 60
	}
	return p
}

// partitionsAtOnce bounds how many partitions are under way: each holds up to two answers of the source and a batch.
const partitionsAtOnce = 8

func newCopier(cfg CopyConfig) (*copier, error) {
	plan := &cfg.Plan
	cfg.pace = cfg.pace.withDefaults()
	switch {
	case plan.Target.Topic == "":
		return nil, errors.New("copy: the plan's target is not a topic")
	case plan.ID == "":
		return nil, errors.New("copy: the plan has no id")
	case cfg.Checkpoint == "":
		return nil, errors.New("copy: CopyConfig.Checkpoint is empty: without it a copy that is interrupted could not go on")
	case cfg.Rate < 0 || cfg.BytesRate < 0 || !(cfg.Speed >= 0) || math.IsInf(cfg.Speed, 0):
		return nil, fmt.Errorf("copy: a rate is negative, or none: %d events/s, %d bytes/s, speed %v", cfg.Rate, cfg.BytesRate, cfg.Speed)
	case cfg.DeadLetters == plan.Target.Topic:
		return nil, fmt.Errorf("copy: topic %s is the target and cannot have the dead letters too", plan.Target.Topic)
	case plan.Target.Raw && !plan.Filter.IsZero():
		return nil, errors.New("copy: batches that pass undecoded cannot be filtered: make the plan without raw or without a filter")
	}
	var filter *filter.Matcher
	if !plan.Filter.IsZero() {
		var err error
		if filter, err = plan.Filter.Compile(cfg.Registry); err != nil {
			return nil, err
		}
	}
	values, err := newValues(&cfg)
	if err != nil {
		return nil, err
	}
	digest, err := digestOf(plan)
	if err != nil {
		return nil, err
	}
	c := &copier{cfg: cfg, filter: filter, values: values, digest: digest, limits: newLimits(&cfg)}
	if c.partitions, err = newPartitionCopiers(c); err != nil {
		return nil, err
	}
	if c.from, err = kafka.Open(cfg.From); err != nil {
		return nil, err
	}
	if c.to = c.from; len(cfg.To.Brokers) > 0 {
		if c.to, err = kafka.Open(cfg.To); err != nil {
			c.from.Close()
			return nil, err
		}
	}
	return c, nil
}

func (c *copier) close() {
	c.from.Close()
	if c.to != c.from {
		c.to.Close()
	}
}

// run copies all partitions, and stops them all at the first error.
func (c *copier) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var copiers, saver sync.WaitGroup
	ended := make(chan struct{})
	saver.Go(func() { c.savePeriodically(ctx, ended, cancel) })
	room := make(chan struct{}, partitionsAtOnce)
	if c.cfg.Speed > 0 { // what is due at the same time must not wait for each other
		room = make(chan struct{}, len(c.partitions))
		c.limits.pace = newPacer(c.cfg.Speed, len(c.partitions))
	}
	for _, pc := range c.partitions {
		copiers.Go(func() {
			select {
			case room <- struct{}{}:
				defer func() { <-room }()
			case <-ctx.Done():
				return
			}
			if err := pc.run(ctx); err != nil {
				cancel(err)
			}
		})
	}
	copiers.Wait()
	close(ended)
	saver.Wait()
	return context.Cause(ctx)
}

// saveUnlessTakenOver saves, unless another process goes on with the checkpoint.
func (c *copier) saveUnlessTakenOver(ctx context.Context) error {
	if takenOver(ctx) {
		return nil
	}
	return c.save()
}

func (c *copier) savePeriodically(ctx context.Context, ended <-chan struct{}, cancel context.CancelCauseFunc) {
	ticker := time.NewTicker(c.cfg.pace.save)
	defer ticker.Stop()
	for {
		select {
		case <-ended:
			return
		case <-ticker.C:
		}
		if err := c.saveUnlessTakenOver(ctx); err != nil {
			cancel(err)
			return
		}
		c.report()
	}
}

func (c *copier) report() {
	c.record(c.outcome())
	if c.cfg.Progress != nil {
		c.cfg.Progress(c.outcome())
	}
}

func (c *copier) outcome() Outcome {
	out, room := Outcome{Done: true}, listedMost
	for _, pc := range c.partitions {
		s := pc.snapshot()
		out.Done = out.Done && s.Span == len(pc.spans)
		out.Events += s.Events
		out.Bytes += s.Bytes
		out.Filtered += s.Filtered
		out.Unknown += s.Unknown
		out.Reencoded += s.Reencoded
		out.Dead += s.Dead
		out.SkippedTotal += s.SkippedTotal
		out.Skipped = append(out.Skipped, within(&room, s.Skipped)...)
		for i, span := range pc.spans {
			out.Total += span.Len()
			switch {
			case i < s.Span:
				out.Passed += span.Len()
			case i == s.Span:
				out.Passed += s.Next - span.From
			}
		}
	}
	return out
}
