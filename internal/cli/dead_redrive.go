package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/headrace/headrace/replay"
)

const deadRedriveLong = `Return the dead letters of a dead-letter topic to the topics they came from: same key, value, headers, timestamp and
partition, without the headers that tell of the death. What goes where is shown first.

A dead letter counts as returned once Kafka has acknowledged it in its topic. How far a topic is redriven is remembered by
the offsets of the group TOPIC.redrive, so that a redrive that was interrupted goes on, and the next one takes only what
has come since. Kafka forgets these offsets some time after the last redrive (offsets.retention.minutes, 7 days by
default); the plan shows where each partition begins.

Every group that reads the topic gets the event again, not only the one that gave it up.`

// redriveFlags is what dead redrive is told.
type redriveFlags struct {
	dryRun, yes bool
	out         format
}

// redrivePlan is what a redrive would do.
type redrivePlan struct {
	Topic      string         `json:"topic"`
	Returns    []returnRow    `json:"returns"`
	Left       []leftRow      `json:"left,omitempty"`
	Partitions []redriveRange `json:"partitions"`
}

type returnRow struct {
	Topic  string `json:"topic"`
	Events int64  `json:"events"`
}

type leftRow struct {
	Reason string `json:"reason"`
	Events int64  `json:"events"`
}

type redriveRange struct {
	Partition int32 `json:"partition"`
	From      int64 `json:"from"`
	To        int64 `json:"to"`
}

func (a *app) deadRedrive() *cobra.Command {
	var f redriveFlags
	cmd := &cobra.Command{
		Use:   "redrive TOPIC [flags]",
		Short: "Return dead letters to the topics they came from",
		Long:  deadRedriveLong,
		Example: "  headrace dead redrive flights.delays.dead --dry-run\n" +
			"  headrace dead redrive flights.delays.dead --yes",
		Args:              exactly("TOPIC"),
		ValidArgsFunction: a.completeTopic,
		RunE:              a.run(func(ctx context.Context, args []string) error { return a.runDeadRedrive(ctx, args[0], f) }),
	}
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "show what would be returned, change nothing; exits with 3 when something would")
	bindYes(cmd, &f.yes)
	f.out.bind(cmd)
	return cmd
}

func (a *app) runDeadRedrive(ctx context.Context, topic string, f redriveFlags) error {
	cluster, err := a.cluster()
	if err != nil {
		return err
	}
	if err := a.checkTopic(ctx, cluster, topic, nil); err != nil {
		return err
	}
	plan, err := replay.PlanRedrive(ctx, cluster, topic)
	if err != nil {
		return err
	}
	if err := a.printRedrive(plan, f.out); err != nil {
		return err
	}
	switch {
	case plan.Events() == 0:
		a.note("topic %s has no dead letters to return", topic)
		return nil
	case f.dryRun:
		return errChanges
	}
	if err := a.confirm(f.yes, fmt.Sprintf("Return %s?", plural(plan.Events()))); err != nil {
		return err
	}
	shown := time.Time{}
	done, err := replay.ApplyRedrive(ctx, cluster, plan, func(so replay.Redriven) {
		if now := time.Now(); a.progress && now.Sub(shown) > 200*time.Millisecond {
			shown = now
			fmt.Fprintf(a.Stderr, "\r%s of %s returned", humanize.Comma(so.Events), humanize.Comma(plan.Events()))
		}
	})
	if !shown.IsZero() {
		fmt.Fprint(a.Stderr, "\r\x1b[K")
	}
	if err != nil {
		a.note("returned %s of %s; the next redrive goes on from there", humanize.Comma(done.Events), plural(plan.Events()))
		return err
	}
	a.note("returned %s", plural(done.Events))
	return nil
}

// printRedrive shows the plan: where events go, and what stays.
func (a *app) printRedrive(plan replay.Redrive, out format) error {
	shown := redrivePlan{Topic: plan.Topic, Returns: []returnRow{}, Partitions: []redriveRange{}}
	for _, to := range plan.Returns {
		shown.Returns = append(shown.Returns, returnRow(to))
	}
	for _, left := range plan.Left {
		shown.Left = append(shown.Left, leftRow(left))
	}
	for _, p := range plan.Partitions {
		if p.From < p.To {
			shown.Partitions = append(shown.Partitions, redriveRange{p.Partition, p.From, p.To})
		}
	}
	if out != "table" {
		return printOne(a.Stdout, out, shown)
	}
	for _, left := range shown.Left {
		a.note("left in topic %s: %s: %s", plan.Topic, plural(left.Events), left.Reason)
	}
	if len(shown.Returns) == 0 {
		return nil
	}
	if slices.ContainsFunc(plan.Partitions, func(p replay.RedrivePartition) bool { return p.From < p.To && p.Committed < 0 }) {
		a.note("no redrive of topic %s is remembered: it begins at the start", plan.Topic)
	}
	if err := print(a.Stdout, out, shown.Partitions, "PARTITION FROM TO", func(p redriveRange) []any { return []any{p.Partition, p.From, p.To} }); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(a.Stdout); err != nil {
		return err
	}
	return print(a.Stdout, out, shown.Returns, "BACK-TO EVENTS", func(r returnRow) []any { return []any{r.Topic, r.Events} })
}
