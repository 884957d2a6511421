package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/replay"
	"github.com/headrace/headrace/replay/filter"
	"github.com/headrace/headrace/schema/registry"
	"github.com/headrace/headrace/topics"
)

const replayPlanLong = `Work out what a replay would do, and change nothing: the exact offsets, the end fixed as it is now; how many events, by
type and day; which schemas they were written with, and whether the target can read each; what retention has removed; who
else reads the target. The source is read once.

--from and --to say what to replay:

  start, end           the first event kept; what there is now
  47, +2, -3           an offset; 2 after the start; 3 before the end
  @2022-02-14, @-48h   the first event at or after a time, or as long ago
  committed:GROUP      what a group has committed
  1h30m, 31d           only --to, after a time in --from: as long after it

The target is one of --to-topic (events are copied, each into the partition of the same number), --handlers (a service
replays with its own handlers) and --rewind (a group goes back, and reads again).

--where is an expression in CEL over event (the fields of the value), name (its type), key, headers, time, topic, partition
and offset. The plan is written with --out: the file that "headrace replay apply" does.

The schema registry names the schemas and tells what the target can read. Where no filter needs it the plan is made without
when nobody answers there, or with --no-registry.`

type replayPlanFlags struct {
	source  replay.Source
	filter  filter.Filter
	target  replay.Target
	headers map[string]string
	pace    pace
	context string // with the target
	without bool   // the registry
	readers []string
	save    string
	out     format
}

func (a *app) replayPlan() *cobra.Command {
	var f replayPlanFlags
	cmd := &cobra.Command{
		Use:   "plan --from-topic TOPIC [flags]",
		Short: "Show what a replay would do",
		Long:  replayPlanLong,
		Example: "  headrace replay plan --from-topic flights --from @2024-01-01 --to 31d --to-topic flights.again --out again.json\n" +
			"  headrace replay plan --from-topic flights --where 'event.delay > 60' --handlers totals\n" +
			"  headrace replay plan --from-topic flights --from @-2h --rewind delays --out back.json",
		Args: exactly(),
		RunE: a.run(func(ctx context.Context, _ []string) error { return a.runReplayPlan(ctx, f) }),
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.source.Topics, "from-topic", nil, "`topics` to replay, separated by commas")
	flags.Int32SliceVarP(&f.source.Partitions, "partitions", "p", nil, "replay only these `partitions` (default all)")
	flags.Lookup("partitions").DefValue = "" // or help would say "default []"
	flags.StringVar(&f.source.From, "from", "start", "`position` of the first event")
	flags.StringVar(&f.source.To, "to", "end", "`position` after the last event")
	flags.StringSliceVar(&f.filter.Events, "event", nil, "only events of these `types`, by full name")
	flags.StringVar(&f.filter.Key, "key", "", "only events with this key, or `glob`: * ? [a-z]")
	flags.StringToStringVar(&f.headers, "header", nil, "only events with this header, `key=value`; either may be a glob")
	flags.Lookup("header").DefValue = ""
	flags.StringVar(&f.filter.Where, "where", "", "only events for which this `expression` is true")
	flags.StringVar(&f.target.Topic, "to-topic", "", "copy the events to this `topic`")
	flags.StringVar(&f.target.Handlers, "handlers", "", "replay through the handlers of a `service`")
	flags.StringVar(&f.target.Rewind, "rewind", "", "move a `group` back to the beginning")
	flags.StringVar(&f.context, "to-context", "", "`name` of the context with the target topic, when it is another cluster")
	flags.BoolVar(&f.without, "no-registry", false, "ask no schema registry: schemas stay unnamed")
	flags.BoolVar(&f.target.Raw, "raw", false, "copy whole batches as they are, without headers of origin")
	flags.StringVar(&f.target.Reencode, "reencode", "", "write the values anew with the latest schema of this `subject`")
	flags.StringSliceVarP(&f.readers, "reader", "r", nil, "`file or folder` with the schemas that the target reads with; may be repeated")
	f.pace.bind(cmd, "estimate for ")
	flags.StringVar(&f.save, "out", "", "also write the plan to a `file`")
	f.out.bind(cmd)
	return cmd
}

func (a *app) runReplayPlan(ctx context.Context, f replayPlanFlags) error {
	if len(f.source.Topics) == 0 {
		return usagef("--from-topic is missing: which topic is to be replayed?")
	}
	switch countSet(f.target.Topic, f.target.Handlers, f.target.Rewind) {
	case 0:
		return usagef("where the events go is missing: --to-topic, --handlers or --rewind")
	case 1:
	default:
		return usagef("the events go to one place: give one of --to-topic, --handlers and --rewind")
	}
	if f.context != "" && f.target.Topic == "" {
		return usagef("--to-context is the cluster of --to-topic, which is missing")
	}
	bytesRate, speed, err := f.pace.parse()
	if err != nil {
		return err
	}
	if f.save != "" { // before the scan, which may take minutes
		if _, err := os.Stat(filepath.Dir(f.save)); err != nil {
			return &usageError{fmt.Errorf("--out %s: %w", f.save, err)}
		}
	}
	f.filter.Headers = f.headers
	if err := f.filter.Validate(); err != nil {
		return &usageError{err}
	}
	request, closeRegistry, err := a.replayRequest(ctx, f)
	if err != nil {
		return err
	}
	defer closeRegistry()
	request.Limits = replay.Limits{Rate: float64(f.pace.rate), BytesRate: float64(bytesRate), Speed: speed}
	progress := &scanProgress{app: a, began: time.Now()}
	request.Progress = progress.show
	plan, err := replay.Make(ctx, request)
	progress.end()
	if wrong, ok := errors.AsType[*replay.PlanError](err); ok && (wrong.Field == "source.from" || wrong.Field == "source.to") {
		return &usageError{fmt.Errorf("--%s: %s", strings.TrimPrefix(wrong.Field, "source."), wrong.Text)}
	}
	if err != nil {
		return err
	}
	if f.save != "" {
		var text bytes.Buffer
		if err := plan.Write(&text); err != nil {
			return err
		}
		if err := writeWhole(f.save, text.Bytes()); err != nil {
			return err
		}
	}
	if err := a.printReplayPlan(plan, f.out); err != nil {
		return err
	}
	if plan.Seconds > 0 {
		const least = 100 * time.Millisecond
		a.note("applying it takes about %v", max(least, time.Duration(plan.Seconds*float64(time.Second)).Round(least)))
	}
	if f.save != "" {
		a.note("wrote the plan of replay %s to %s", plan.ID, f.save)
	}
	return nil
}

// replayRequest looks the topics up first, so that brokers that are away are no reason to wait for ever.
func (a *app) replayRequest(ctx context.Context, f replayPlanFlags) (r replay.Request, closeRegistry func(), err error) {
	r = replay.Request{Source: f.source, Filter: f.filter, Target: f.target, By: whoAmI()}
	if r.From, err = a.cluster(); err != nil {
		return r, nil, err
	}
	for _, topic := range f.source.Topics {
		if err := a.checkTopic(ctx, r.From, topic, f.source.Partitions); err != nil {
			return r, nil, err
		}
	}
	to, target := a, r.From
	if f.context != "" {
		to = a.other(f.context)
		if target, err = to.cluster(); err != nil {
			return r, nil, err
		}
		r.To = &target
	}
	if f.target.Topic != "" {
		err := a.checkTopic(ctx, target, f.target.Topic, nil)
		if _, missing := errors.AsType[*topics.MissingError](err); missing {
			err = a.missingTarget(ctx, r.From, f)
		}
		if err != nil {
			return r, nil, err
		}
	}
	readers, err := a.readers(f.readers)
	if err != nil {
		return r, nil, err
	}
	r.Readers = readers.schemas
	if f.without || f.target.Raw && len(f.readers) == 0 {
		return r, func() {}, nil // nothing of the values is read
	}
	r.Registry, err = a.openRegistry(ctx)
	if away, ok := errors.AsType[*registry.UnavailableError](err); ok && !f.needsRegistry() {
		a.note("made without the schema registry, which does not answer: %v", away)
		return r, func() {}, nil
	}
	if err != nil {
		return r, nil, err
	}
	if f.context == "" {
		return r, r.Registry.Close, nil
	}
	if r.ToRegistry, err = to.openRegistry(ctx); err != nil {
		r.Registry.Close()
		return r, nil, fmt.Errorf("context %s: %w", f.context, err)
	}
	return r, func() { r.Registry.Close(); r.ToRegistry.Close() }, nil
}

// missingTarget says how to create the target topic: as wide as the widest source, and for events that are old already.
func (a *app) missingTarget(ctx context.Context, from headrace.Cluster, f replayPlanFlags) error {
	ctx, cancel := a.within(ctx)
	defer cancel()
	sources, err := topics.List(ctx, from, f.source.Topics...)
	if err != nil {
		return err
	}
	missing := &reader.MissingTopicError{Topic: f.target.Topic, Configs: []string{"retention.ms=-1"}}
	for _, source := range sources {
		missing.Partitions = max(missing.Partitions, len(source.Partitions))
	}
	return missing
}

// needsRegistry reports whether schemas decide what is replayed, or are asked about.
func (f *replayPlanFlags) needsRegistry() bool {
	return len(f.filter.Events) > 0 || f.filter.Where != "" || len(f.readers) > 0 || f.target.Reencode != ""
}

func countSet(texts ...string) (n int) {
	for _, text := range texts {
		if text != "" {
			n++
		}
	}
	return n
}

// whoAmI is for the record of who made a plan; "" when the system does not say.
func whoAmI() string {
	name := os.Getenv("USER")
	if me, err := user.Current(); err == nil {
		name = me.Username
	}
	host, err := os.Hostname()
	if err != nil {
		return name
	}
	return strings.TrimPrefix(name+"@"+host, "@")
}
