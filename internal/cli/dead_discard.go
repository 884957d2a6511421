package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/deadletter"
)

const deadDiscardLong = `Mark dead letters as discarded: nobody needs them. They stay in their topic, and "dead list --all" and "dead show" still
tell of them; but they are no longer open, so that no redrive returns them. Who did it, when, and the reason are kept
in the compacted topic ` + deadletter.MarksTopic + `.

` + deadSelectionHelp

type discardFlags struct {
	deadSelection
	all, dryRun, yes  bool
	reason, confirmed string
	out               format
}

func (a *app) deadDiscard() *cobra.Command {
	var f discardFlags
	cmd := &cobra.Command{
		Use:        "discard TOPIC --reason TEXT [flags]",
		SuggestFor: []string{"delete", "purge", "drop"},
		Short:      "Mark dead letters as not needed",
		Long:       deadDiscardLong,
		Example: "  headrace dead discard flights.delays.dead --cause 3f2a --reason 'test flights' --dry-run\n" +
			"  headrace dead discard flights.delays.dead --older-than 30d --reason 'too old to matter' --yes",
		Args:              exactly("TOPIC"),
		ValidArgsFunction: completeFirst(a.completeDead),
		RunE:              a.run(func(ctx context.Context, args []string) error { return a.runDeadDiscard(ctx, args[0], f) }),
	}
	f.bind(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.reason, "reason", "", "why, in a `text` for the record")
	flags.BoolVarP(&f.all, "all", "a", false, "every open dead letter of the topic; needed where no other flag selects")
	flags.BoolVar(&f.dryRun, "dry-run", false, "show what would be discarded, change nothing; exits with 3 when something would")
	bindYes(cmd, &f.yes)
	bindConfirm(cmd, &f.confirmed, "the dead-letter topic")
	f.out.bind(cmd)
	return cmd
}

func (a *app) runDeadDiscard(ctx context.Context, topic string, f discardFlags) error {
	selection, err := f.selection(time.Now())
	switch {
	case err != nil:
		return err
	case f.reason == "":
		return usagef("--reason is missing: say why these dead letters are discarded")
	case selection.IsZero() && !f.all:
		return usagef("nothing is selected: say which dead letters, or --all for every one of the topic")
	case !selection.IsZero() && f.all:
		return usagef("--all is every dead letter of the topic, and others of the flags select some: give one or the other")
	}
	cluster, err := a.cluster()
	if err != nil {
		return err
	}
	if err := a.checkTopic(ctx, cluster, topic, nil); err != nil {
		return err
	}
	registry, closeRegistry, err := a.maybeRegistry(ctx, f.asksRegistry())
	if err != nil {
		return err
	}
	defer closeRegistry()
	plan, err := deadletter.PlanDiscard(ctx, deadletter.DiscardRequest{Cluster: cluster, Registry: registry, Topic: topic, Selection: selection, Reason: f.reason})
	if err != nil {
		return err
	}
	if err := a.printRedrive(plan, f.out); err != nil {
		return err
	}
	return a.applyDead(ctx, deadletter.RedriveConfig{Cluster: cluster}, plan, f.dryRun, confirmed(f.yes, f.confirmed))
}
