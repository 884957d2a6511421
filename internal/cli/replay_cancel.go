package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/headrace/headrace/replay"
)

func (a *app) replayCancel() *cobra.Command {
	cmd := &cobra.Command{
		Use:        "cancel ID|PLAN.json [flags]",
		SuggestFor: []string{"stop", "pause", "abort"},
		Short:      "Stop a replay where it can go on from",
		Long: "Ask the process that applies a replay to stop, wherever it runs, and wait until it has. It stops between two batches: nothing is\n" +
			"lost or doubled, and the same replay apply goes on from there.",
		Example: "  headrace replay cancel again.json\n  headrace replay cancel 20240201-101500-1f2e3d4c",
		Args:    exactly("ID or PLAN.json"),
		RunE:    a.run(func(ctx context.Context, args []string) error { return a.runReplayCancel(ctx, args[0]) }),
	}
	return cmd
}

func (a *app) runReplayCancel(ctx context.Context, name string) error {
	id, err := replayID(name)
	if err != nil {
		return err
	}
	cluster, err := a.cluster()
	if err != nil {
		return err
	}
	wait, cancel := a.within(ctx)
	defer cancel()
	if err := replay.Cancel(wait, cluster, id, whoAmI()); err != nil {
		return err
	}
	a.note("asked replay %s to stop; waiting until it has, %v at most (--timeout)", id, a.timeout)
	last := replay.Audit{}
	for {
		record, err := replay.Status(wait, cluster, id)
		switch {
		case err == nil && record.State != replay.StateRunning:
			a.note("replay %s is %s: %s of %d", id, record.State, plural(record.Events), humanize.Comma(record.Planned))
			return nil
		case err == nil:
			last = record
		case !errors.Is(err, context.DeadlineExceeded):
			return err
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-wait.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("replay %s was asked to stop, and has not said that it did within %v; it was heard of last at %s: "+
				"when its process was killed, there is nothing to stop", id, a.timeout, timeCell(last.UpdatedAt))
		}
	}
}
