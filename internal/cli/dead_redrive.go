package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/headrace/headrace/deadletter"
)

const deadRedriveLong = `Return dead letters to the topics they came from: same key, value, headers, timestamp and partition, without the headers
that tell of the death. What goes where is shown first. Every group that reads the topic gets the event again, not only
the one that gave it up; with --to-group only that one, through its first retry topic.

A dead letter counts as returned once Kafka has acknowledged it in its topic, and is then marked as done in the compacted
topic ` + deadletter.MarksTopic + `, which the first redrive creates. So any part of a topic can be returned, a redrive that was
interrupted goes on when it is run again, and after a kill 500 events at most come twice. Nothing is deleted. One redrive
or discard of a topic runs at a time. In a context with "production: true" it needs --yes and the name of the dead-letter
topic, typed or with --confirm.

A dead letter of headrace goes back to the topic that its dead-letter topic is named for, <topic>.<group>.dead. Where only
headers name the topic, as those of other programs do, whoever wrote the event may have set them: such a topic is typed, or
given with --target, whatever --yes says.

Each event carries how often it was returned. One that died again after 3 times stays, in quarantine, unless
--max-redrives or --even-quarantined say otherwise.

--edit opens the value of one event as JSON in $VISUAL or $EDITOR and returns what is saved, encoded with the schema that
the event was written with; --edit-file takes the JSON from a file, - for standard input.

` + deadSelectionHelp

// redriveFlags is what dead redrive is told.
type redriveFlags struct {
	deadSelection
	toGroup, quarantined, edit, dryRun, yes bool
	maxRedrives                             int
	editFile, confirmed                     string
	targets                                 []string
	rate                                    float64
	out                                     format
}

func (a *app) deadRedrive() *cobra.Command {
	var f redriveFlags
	cmd := &cobra.Command{
		Use:        "redrive TOPIC [flags]",
		SuggestFor: []string{"retry", "replay", "return", "requeue"},
		Short:      "Return dead letters to the topics they came from",
		Long:       deadRedriveLong,
		Example: "  headrace dead redrive flights.delays.dead --dry-run\n" +
			"  headrace dead redrive flights.delays.dead --cause 3f2a --to-group --yes\n" +
			"  headrace dead redrive flights.delays.dead --at 0:47 --edit",
		Args:              exactly("TOPIC"),
		ValidArgsFunction: completeFirst(a.completeDead),
		RunE:              a.run(func(ctx context.Context, args []string) error { return a.runDeadRedrive(ctx, args[0], f) }),
	}
	f.bind(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.toGroup, "to-group", false, "only to the group that gave the events up")
	flags.IntVar(&f.maxRedrives, "max-redrives", deadletter.MaxRedrives, "leave events that were returned this `number` of times already")
	flags.BoolVar(&f.quarantined, "even-quarantined", false, "also those in quarantine, whatever the number of times")
	flags.BoolVar(&f.edit, "edit", false, "change the value of the one event in an editor")
	flags.StringVar(&f.editFile, "edit-file", "", "change the value of the one event to the JSON in a `file`")
	flags.Float64Var(&f.rate, "rate", 0, "at most this `number` of events a second")
	flags.BoolVar(&f.dryRun, "dry-run", false, "show what would be returned, change nothing; exits with 3 when something would")
	flags.StringSliceVar(&f.targets, "target", nil, "return events to this `topic` although only their headers name it; may be repeated")
	bindYes(cmd, &f.yes)
	bindConfirm(cmd, &f.confirmed, "the dead-letter topic")
	f.out.bind(cmd)
	return cmd
}

// request checks the flags.
func (f *redriveFlags) request(topic string) (deadletter.RedriveRequest, error) {
	r := deadletter.RedriveRequest{Topic: topic, ToGroup: f.toGroup, MaxRedrives: f.maxRedrives}
	switch {
	case f.rate < 0:
		return r, usagef("--rate must not be negative")
	case f.maxRedrives < 1:
		return r, usagef("--max-redrives must be at least 1: --even-quarantined is without a limit")
	case f.edit && f.editFile != "":
		return r, usagef("--edit and --edit-file are two ways to change the value: give one")
	case f.editFile == "-" && !f.yes && !f.dryRun:
		return r, usagef("stdin holds the event's value; pass --yes to confirm")
	}
	if f.quarantined {
		r.MaxRedrives = -1
	}
	var err error
	r.Selection, err = f.selection(time.Now())
	return r, err
}

func (a *app) runDeadRedrive(ctx context.Context, topic string, f redriveFlags) error {
	request, err := f.request(topic)
	if err != nil {
		return err
	}
	if request.Cluster, err = a.cluster(); err != nil {
		return err
	}
	if err := a.checkTopic(ctx, request.Cluster, topic, nil); err != nil {
		return err
	}
	editing := f.edit || f.editFile != ""
	registry, closeRegistry, err := a.maybeRegistry(ctx, editing || f.asksRegistry())
	if err != nil {
		return err
	}
	defer closeRegistry()
	request.Registry = registry
	if f.editFile != "" {
		if request.Edit, err = a.readWhole(f.editFile); err != nil {
			return err
		}
	}
	plan, err := deadletter.PlanRedrive(ctx, request)
	if many, ok := errors.AsType[*deadletter.EditCountError](err); ok {
		return usagef("--edit-file needs one open dead letter, and %d are selected: choose it with --at PARTITION:OFFSET", many.Selected)
	}
	edited := ""
	if err == nil && f.edit {
		plan, edited, err = a.editLetter(ctx, request, plan)
	}
	if err == nil {
		err = a.printRedrive(plan, f.out)
	}
	if err == nil {
		err = a.applyDead(ctx, deadletter.RedriveConfig{Cluster: request.Cluster, Rate: f.rate, Targets: f.targets}, plan, f.dryRun, confirmed(f.yes, f.confirmed))
	}
	return a.settleEdit(edited, err)
}

// applyDead does what was shown, when somebody agrees.
func (a *app) applyDead(ctx context.Context, cfg deadletter.RedriveConfig, plan deadletter.Redrive, dryRun bool, given agreement) error {
	verb, did := "Return", "returned"
	if plan.Discard != "" {
		verb, did = "Discard", "discarded"
	}
	switch {
	case plan.Events() == 0:
		a.note("nothing to %s: no open dead letter of topic %s is among those selected; `headrace dead list %s` lists the open ones", strings.ToLower(verb), plan.Topic, plan.Topic)
		return nil
	case dryRun:
		return errChanges
	}
	var err error
	if cfg.Targets, err = a.agreeTargets(ctx, plan, cfg.Targets); err != nil {
		return err
	}
	to := writing{by: a, cluster: &cfg.Cluster}
	if err := a.agree(ctx, given, to, fmt.Sprintf("%s %s?", verb, plural(plan.Events())), plan.Topic); err != nil {
		return err
	}
	shown := time.Time{}
	cfg.By = whoAmI()
	cfg.Waits = func(busy *deadletter.BusyError) {
		a.note("waiting for another redrive or discard to end: %s, from %s; if its process was killed that takes some seconds", clean(busy.Holder), clean(busy.Host))
	}
	cfg.Progress = func(so deadletter.Redriven) {
		if now := time.Now(); a.watched && now.Sub(shown) > 200*time.Millisecond {
			shown = now
			a.rewrite(fmt.Sprintf("%s of %s %s", humanize.Comma(so.Events), humanize.Comma(plan.Events()), did))
		}
	}
	done, err := deadletter.ApplyRedrive(ctx, cfg, plan)
	if !shown.IsZero() {
		a.rewrite("")
	}
	if err != nil {
		a.note("%s %s of %s; the same command goes on from there", did, humanize.Comma(done.Events), plural(plan.Events()))
		return err
	}
	if plan.Edit != nil && done.Events == 0 {
		return fmt.Errorf("dead letter at %s was returned or discarded by another since the plan was made: the changed value was not written", plan.Edit.Location)
	}
	if done.Others > 0 {
		a.note("%s were done by others since the plan was made", plural(done.Others))
	}
	a.note("%s %s", did, plural(done.Events))
	return nil
}

// readWhole reads a file, or standard input for -.
func (a *app) readWhole(name string) ([]byte, error) {
	if name == "-" {
		return readLimited(a.Stdin, name)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // only read
	return readLimited(file, name)
}
