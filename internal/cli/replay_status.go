package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/headrace/headrace/replay"
)

func (a *app) replayStatus() *cobra.Command {
	var out format
	cmd := &cobra.Command{
		Use:        "status ID|PLAN.json [flags]",
		SuggestFor: []string{"show", "describe", "get"},
		Short:      "Show how far a replay is, or how it ended",
		Long:       "Show the record of one replay, named by its id or by the file of its plan: who applies it, how far it is, how it ended.",
		Example:    "  headrace replay status again.json\n  headrace replay status 20240201-101500-1f2e3d4c -o json",
		Args:       exactly("ID or PLAN.json"),
		RunE:       a.run(func(ctx context.Context, args []string) error { return a.runReplayStatus(ctx, args[0], out) }),
	}
	out.bind(cmd)
	return cmd
}

// replayID is the id itself, or that of the plan in a file.
func replayID(name string) (string, error) {
	if !strings.HasSuffix(name, ".json") && !strings.ContainsAny(name, `/\`) {
		return name, nil
	}
	plan, err := readReplayPlan(name)
	return plan.ID, err
}

func (a *app) runReplayStatus(ctx context.Context, name string, out format) error {
	id, err := replayID(name)
	if err != nil {
		return err
	}
	cluster, err := a.cluster()
	if err != nil {
		return err
	}
	ctx, cancel := a.within(ctx)
	defer cancel()
	record, err := replay.Status(ctx, cluster, id)
	if err != nil {
		return err
	}
	if out != "table" {
		return printOne(a.Stdout, out, record)
	}
	return print(a.Stdout, out, statusRows(record), "FIELD VALUE", func(r [2]string) []any { return []any{r[0], r[1]} })
}

func statusRows(r replay.Audit) [][2]string {
	state := string(r.State)
	if r.Silent(time.Now()) {
		state += fmt.Sprintf(", not heard of for %v: killed, perhaps; apply its plan again to go on", time.Since(r.UpdatedAt).Round(time.Second))
	}
	far := "-"
	if r.Total > 0 {
		far = fmt.Sprintf("%d%%, %s of %s offsets", 100*min(r.Passed, r.Total)/r.Total, humanize.Comma(r.Passed), humanize.Comma(r.Total))
	}
	rows := [][2]string{
		{"replay", r.ID},
		{"state", state},
		{"kind", r.Kind},
		{"source", fmt.Sprintf("%s from %s to %s", oneLine(strings.Join(r.Source.Topics, ", ")), dash(oneLine(r.Source.From)), dash(oneLine(r.Source.To)))},
		{"target", targetCell(r.Target)},
		{"events", fmt.Sprintf("%s of %s planned", humanize.Comma(r.Events), humanize.Comma(r.Planned))},
		{"filtered", humanize.Comma(r.Filtered)},
		{"skipped", humanize.Comma(r.Skipped)},
		{"progress", far},
		{"planned", timeCell(r.PlannedAt) + " by " + dash(oneLine(r.PlannedBy))},
		{"started", timeCell(r.StartedAt) + " by " + dash(oneLine(r.By))},
		{"updated", timeCell(r.UpdatedAt)},
		{"ended", timeCell(r.EndedAt)},
		{"runs", humanize.Comma(int64(r.Runs))},
	}
	if r.Reason != "" {
		rows = append(rows, [2]string{"reason", oneLine(r.Reason)})
	}
	return rows
}
