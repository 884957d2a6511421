package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/replay"
)

const replayApplyLong = `Do what a plan says that "headrace replay plan --out" has written: copy its events to the target topic, or move its group
back. A plan for handlers is applied by the service that has them.

It is refused when the world has changed in a way that matters since the plan was made. How far a copy has come is kept in
the checkpoint, beside the plan: after Ctrl-C, a crash or a cancel the same command goes on, and neither leaves out nor
doubles an event. Every replay has its record in the topic headrace.replays, which "headrace replay list" shows.

Values pass as they are, unless the registry of --to-context is another one: then each value gets the id that its schema has
there, under a subject of the target topic. --register registers the schemas that are missing, --no-registry keeps the ids.

In a context with "production: true" it needs --yes and the name of the topic, typed or with --confirm.

Exit codes: 0 done, 1 failed or cancelled, 2 wrong usage, 3 --dry-run and there is something to do, 130 interrupted.`

type replayApplyFlags struct {
	dryRun, yes, noAudit bool
	confirmed            string
	checkpoint           string
	toContext            string
	pace                 pace
	values               replayValues
	out                  format
}

// replayApplying is one replay apply.
type replayApplying struct {
	*app
	replayApplyFlags
	plan replay.Plan
	from headrace.Cluster
	to   *headrace.Cluster // nil: from
}

func (a *app) replayApply() *cobra.Command {
	var f replayApplyFlags
	cmd := &cobra.Command{
		Use:        "apply PLAN.json [flags]",
		SuggestFor: []string{"run", "start", "resume"},
		Short:      "Do what a plan says",
		Long:       replayApplyLong,
		Example: "  headrace replay apply again.json --dry-run\n" +
			"  headrace replay apply again.json --yes --rate 50000\n" +
			"  headrace replay apply again.json --context prod --yes --confirm flights.again",
		Args: exactly("PLAN.json"),
		RunE: a.run(func(ctx context.Context, args []string) error { return a.runReplayApply(ctx, args[0], f) }),
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.dryRun, "dry-run", false, "check the plan and show what would be done, write nothing; exits with 3 when something would")
	f.pace.bind(cmd, "")
	flags.StringVar(&f.checkpoint, "checkpoint", "", "`file` that tells how far the copy has come (default PLAN.json.checkpoint)")
	flags.StringVar(&f.toContext, "to-context", "", "`name` of the context with the target, when it is another cluster")
	flags.BoolVar(&f.noAudit, "no-audit", false, "keep no record in headrace.replays: nobody can list or cancel the replay then, and workers take its events for live ones")
	bindConfirm(cmd, &f.confirmed, "the target topic, or group")
	f.values.bind(cmd)
	bindYes(cmd, &f.yes)
	f.out.bind(cmd)
	return cmd
}

func (a *app) runReplayApply(ctx context.Context, path string, f replayApplyFlags) error {
	plan, err := readReplayPlan(path)
	if err != nil {
		return err
	}
	if err := f.values.amend(&plan); err != nil {
		return err
	}
	if f.checkpoint == "" {
		f.checkpoint = path + ".checkpoint"
	}
	r := &replayApplying{app: a, replayApplyFlags: f, plan: plan}
	if err := r.connect(); err != nil {
		return err
	}
	switch {
	case plan.Target.Handlers != "":
		return usagef("the plan is for the handlers of %s, which are in that service's own binary. It applies the plan with\n\n"+
			"\tplan, err := replay.ReadPlan(file)\n"+
			"\tresult, err := replay.Run(ctx, plan, replay.RunConfig{Worker: config, Checkpoint: %q}, handlers...)",
			oneLine(plan.Target.Handlers), f.checkpoint)
	case plan.Target.Rewind != "":
		return r.rewind(ctx)
	}
	return r.copy(ctx)
}

// connect says which clusters are meant. Nothing is asked of them.
func (r *replayApplying) connect() (err error) {
	if r.from, err = r.cluster(); err != nil || r.toContext == "" {
		return err
	}
	to, err := r.other(r.toContext).cluster()
	r.to = &to
	return err
}

// other is the same command line for a context of headrace.yaml, whatever the flags say.
func (a *app) other(context string) *app {
	b := *a
	b.context, b.contextFlag, b.brokers, b.registry = context, "--to-context", nil, ""
	return &b
}

func readReplayPlan(path string) (replay.Plan, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return replay.Plan{}, fmt.Errorf("%w: `headrace replay plan --out %s` writes a plan", err, path)
	}
	if err != nil {
		return replay.Plan{}, err
	}
	defer func() { _ = file.Close() }() // only read from
	plan, err := replay.ReadPlan(file)
	if err != nil {
		return replay.Plan{}, fmt.Errorf("%s: %w", path, err)
	}
	return plan, nil
}

func (r *replayApplying) audit() replay.Auditing {
	return replay.Auditing{By: whoAmI(), Off: r.noAudit}
}

func (r *replayApplying) rewind(ctx context.Context) error {
	group := oneLine(r.plan.Target.Rewind)
	quick, cancel := r.within(ctx)
	defer cancel()
	seek, err := replay.PlanRewind(quick, r.from, r.plan, r.audit())
	if err != nil {
		return err
	}
	back := func(s replay.Span) bool { return s.Committed > s.From }
	if !slices.ContainsFunc(r.plan.Spans, back) {
		r.note("group %s has not gone beyond the beginning of any span: nothing to do", group)
		return nil
	}
	if err := r.printSeek(seek, r.out); err != nil {
		return err
	}
	question := fmt.Sprintf("Move %s of group %s back?", counted(len(seek.Moves), "partition"), group)
	if len(seek.Moves) == 0 {
		r.note("group %s is back already: an earlier run has moved it, and was stopped before it could record that", group)
		question = fmt.Sprintf("Record that replay %s is done?", r.plan.ID)
	}
	if r.dryRun {
		return errChanges
	}
	if err := r.agree(ctx, question, r.plan.Target.Rewind); err != nil {
		return err
	}
	quick, cancel = r.within(ctx) // a person may have taken a while
	defer cancel()
	if seek, err = replay.Rewind(quick, r.from, r.plan, r.audit()); err != nil {
		return err
	}
	r.note("moved %s of group %s back", counted(len(seek.Moves), "partition"), group)
	return nil
}

// copyConfig is what the flags say of a copy.
func (r *replayApplying) copyConfig(ctx context.Context) (cfg replay.CopyConfig, closeRegistries func(), err error) {
	cfg = replay.CopyConfig{From: r.from, Plan: r.plan, Checkpoint: r.checkpoint, Rate: r.pace.rate, Audit: r.audit()}
	if r.to != nil {
		cfg.To = *r.to
	}
	if cfg.BytesRate, cfg.Speed, err = r.pace.parse(); err != nil {
		return cfg, nil, err
	}
	if err := r.values.set(&cfg); err != nil {
		return cfg, nil, err
	}
	closeRegistries, err = r.openRegistries(ctx, &cfg)
	return cfg, closeRegistries, err
}
