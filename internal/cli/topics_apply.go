package cli

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/internal/project"
	"github.com/headrace/headrace/topics"
)

const topicsApplyLong = `Make the changes that topics plan shows: of headrace.yaml as it is now, or of the plan in FILE.json, which topics plan
--out has written.

A plan is refused when it was made for another cluster, or when something that it changes is neither as the plan saw it
nor as it would make it. What is as wanted already is left alone, so that a plan that was cut short can be applied again.
Partitions that get other replicas move a few at a time, throttled, and the throttle is lifted in the end. In a context with
"production: true" a plan that deletes topics needs --yes and their names, typed or with --allow-delete.

Exit codes: 0 everything is as wanted, 1 something failed; what was done is printed in either case.`

type applyFlags struct {
	planFlags
	yes      bool
	goOn     bool
	throttle string
	step     int
}

func (a *app) topicsApply() *cobra.Command {
	var f applyFlags
	out := choiceFlag{choices: []string{"text", "json"}, value: "text"}
	cmd := &cobra.Command{
		Use:        "apply [FILE.json] [flags]",
		SuggestFor: []string{"delete", "alter", "update"},
		Short:      "Make the changes of a plan",
		Long:       topicsApplyLong,
		Example: "  headrace topics apply\n  headrace topics apply plan.json --yes\n" +
			"  headrace topics apply --context prod --allow-partitions flights",
		Args: cobra.MaximumNArgs(1),
		RunE: a.run(func(ctx context.Context, args []string) error { return a.runTopicsApply(ctx, args, f, out.value) }),
	}
	f.bind(a, cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.goOn, "continue-on-error", false, "go on with other topics and subjects when a change fails")
	flags.StringVar(&f.throttle, "throttle", "50MB", "`bytes` per second and broker at which replicas are copied; 0 is no bound")
	flags.IntVar(&f.step, "step", 10, "`number` of partitions that move at a time")
	bindYes(cmd, &f.yes)
	out.bind(cmd, "output", "o", "output `format`")
	return cmd
}

func (a *app) runTopicsApply(ctx context.Context, args []string, f applyFlags, out string) error {
	throttle, err := project.ParseBytes(f.throttle)
	if err != nil {
		return usagef("--throttle: %w", err)
	}
	if f.step < 1 {
		return usagef("--step is at least 1")
	}
	plan, err := a.planToApply(ctx, args, f.planFlags)
	if err != nil {
		return err
	}
	if err := plan.Refusal(f.leave); err != nil {
		return err
	}
	if len(plan.Changes) == 0 {
		a.note("nothing to change")
		return nil
	}
	if err := plan.Text(a.Stderr, f.all); err != nil {
		return err
	}
	if err := a.agreeOnTopics(ctx, plan, f); err != nil {
		return err
	}
	conn, closeRegistry, err := a.connection(ctx, needsRegistry(plan))
	if err != nil {
		return err
	}
	defer closeRegistry()
	report, err := topics.Apply(ctx, conn, plan, topics.ApplyOptions{
		Options: f.leave, ContinueOnError: f.goOn, Throttle: throttle, Step: f.step,
		Report: func(r topics.Result) {
			if out == "text" {
				fmt.Fprintln(a.Stdout, resultLine(r))
			}
		},
		Progress: a.tellMoves(),
	})
	if out == "json" {
		if err := printJSON(a.Stdout, resultRows(report)); err != nil {
			return err
		}
	}
	a.note("%d applied, %d unchanged, %d failed, %d skipped",
		report.Count(topics.Done), report.Count(topics.Unchanged), report.Count(topics.Failed), report.Count(topics.Skipped))
	if ctx.Err() != nil && err != nil {
		a.note("%v", err) // an interruption is no failure to report, but what goes on in the cluster is
	}
	return err
}

// agreeOnTopics asks. Topics that go are named in production, as elsewhere: by --allow-delete, also where the plan in a file was made
// with it.
func (a *app) agreeOnTopics(ctx context.Context, plan topics.Plan, f applyFlags) error {
	const question = "Make these changes?"
	var deleted []string
	for _, c := range plan.Changes {
		if c.Kind == topics.DeleteTopic {
			deleted = append(deleted, c.Topic)
		}
	}
	if len(deleted) == 0 {
		return a.confirm(ctx, f.yes, question)
	}
	cluster, err := a.cluster()
	if err != nil {
		return err
	}
	given := agreement{yes: f.yes, flag: "--allow-delete"}
	for _, name := range f.leave.AllowDelete {
		if slices.Contains(deleted, name) { // others are gone already
			given.named = append(given.named, name)
		}
	}
	return a.agree(ctx, given, writing{by: a, cluster: &cluster}, question, deleted...)
}

// planToApply is the plan in a file, or the one of headrace.yaml as it is now.
func (a *app) planToApply(ctx context.Context, args []string, f planFlags) (topics.Plan, error) {
	if len(args) == 0 {
		plan, _, err := a.makePlan(ctx, f.leave)
		return plan, err
	}
	file, err := os.Open(args[0])
	if err != nil {
		return topics.Plan{}, err
	}
	defer func() { _ = file.Close() }() // only read from
	plan, err := topics.ReadPlan(file)
	if err != nil {
		return topics.Plan{}, fmt.Errorf("%s: %w", args[0], err)
	}
	return plan, nil
}

func needsRegistry(plan topics.Plan) bool {
	for _, c := range plan.Changes {
		if c.Subject != "" {
			return true
		}
	}
	return false
}

// tellMoves tells how far the moving of partitions has come, whenever that has changed.
func (a *app) tellMoves() func(topics.Progress) {
	last := -1
	return func(p topics.Progress) {
		if p.Done != last {
			last = p.Done
			a.note("%d of %d partitions have moved", p.Done, p.Total)
		}
	}
}

// resultRow is what became of a change.
type resultRow struct {
	Change topics.Change `json:"change"`
	Status topics.Status `json:"status"`
	Error  string        `json:"error,omitempty"`
}

func resultRows(report topics.Report) []resultRow {
	rows := make([]resultRow, len(report.Results))
	for i, r := range report.Results {
		rows[i] = resultRow{Change: r.Change, Status: r.Status}
		if r.Err != nil {
			rows[i].Error = r.Err.Error()
		}
	}
	return rows
}

func resultLine(r topics.Result) string { return fmt.Sprintf("%-9s  %s", r.Status, r.Change) }
