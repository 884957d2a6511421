package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/replay"
)

func (a *app) replayList() *cobra.Command {
	var out format
	cmd := &cobra.Command{
		Use:   "list [flags]",
		Short: "List the replays that were applied",
		Long: "List the replays that have changed the cluster: who applied what, when, and what became of it. The records are in the compacted\n" +
			"topic headrace.replays. A replay that says running and has not reported for 30 s is marked with ?: it was killed, perhaps.",
		Example: "  headrace replay list\n  headrace replay list -o json",
		Args:    exactly(),
		RunE:    a.run(func(ctx context.Context, _ []string) error { return a.runReplayList(ctx, out) }),
	}
	out.bind(cmd)
	return cmd
}

func (a *app) runReplayList(ctx context.Context, out format) error {
	cluster, err := a.cluster()
	if err != nil {
		return err
	}
	ctx, cancel := a.within(ctx)
	defer cancel()
	history, err := replay.List(ctx, cluster)
	if err != nil {
		return err
	}
	if history.Foreign > 0 {
		a.note("%d records are not those of a replay, the first: %s", history.Foreign, oneLine(history.FirstForeign.Error()))
	}
	if len(history.Replays) == 0 && out == "table" {
		a.note("no replays yet: headrace replay plan makes one")
		return nil
	}
	return print(a.Stdout, out, history.Replays, "REPLAY STATE KIND SOURCE TARGET EVENTS PLANNED STARTED BY", func(r replay.Audit) []any {
		return []any{r.ID, stateCell(r), r.Kind, topicsCell(r), targetCell(r.Target), r.Events, r.Planned, timeCell(r.StartedAt), dash(oneLine(r.By))}
	})
}

func stateCell(r replay.Audit) string {
	if r.Silent(time.Now()) {
		return string(r.State) + "?"
	}
	return string(r.State)
}

func topicsCell(r replay.Audit) string {
	if len(r.Source.Topics) == 0 {
		return "-"
	}
	first := oneLine(r.Source.Topics[0])
	if more := len(r.Source.Topics) - 1; more > 0 {
		first += ",…"
	}
	return first
}

func targetCell(t replay.Target) string {
	switch {
	case t.Rewind != "":
		return "group:" + oneLine(t.Rewind)
	case t.Handlers != "":
		return "handlers:" + oneLine(t.Handlers)
	}
	return oneLine(t.Topic)
}

func timeCell(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}
