package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/groups"
	"github.com/headrace/headrace/reader"
)

const groupsSeekLong = `Move the committed offsets of a consumer group, so that its workers go on elsewhere. What changes is shown first, old
and new for each partition. A group with members is refused: they would overwrite the offsets. Stop the workers, and wait
out their session when they did not stop in order. A share group commits no offsets, and the state of a Kafka Streams
application goes with its own: both are refused, with the name of Kafka's tool for them.

--offset says where to, in the grammar of "headrace consume --offset":

  start, end           the first event kept; only what comes
  47, +2, -3           an offset; 2 after the start; 3 before the end
  @2022-02-14, @-48h   the first event at or after a time, or as long ago

Without --topic it moves every topic that the group has committed an offset of. In a context with "production: true" it
needs --yes and the group's name, typed or with --confirm.`

// seekFlags is what groups seek is told.
type seekFlags struct {
	topics     []string
	partitions []int32
	offset     string
	dryRun     bool
	yes        bool
	confirmed  string
	out        format
}

type moveRow struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	From      *int64 `json:"from"` // null: nothing committed
	To        int64  `json:"to"`
	Again     int64  `json:"again,omitempty"` // offsets that lie between To and From: handled again
	Skipped   int64  `json:"skipped,omitempty"`
}

func (a *app) groupsSeek() *cobra.Command {
	var f seekFlags
	cmd := &cobra.Command{
		Use:        "seek GROUP --offset POSITION [flags]",
		SuggestFor: []string{"reset", "reset-offsets", "rewind"},
		Short:      "Move a group's committed offsets",
		Long:       groupsSeekLong,
		Example: "  headrace groups seek delays --offset @-2h --dry-run\n" +
			"  headrace groups seek delays --topic flights --offset start --yes",
		Args:              exactly("GROUP"),
		ValidArgsFunction: a.completeGroup,
		RunE:              a.run(func(ctx context.Context, args []string) error { return a.runGroupsSeek(ctx, args[0], f) }),
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.topics, "topic", nil, "`topic` to move, may be repeated (default all that the group has committed)")
	flags.Int32SliceVarP(&f.partitions, "partitions", "p", nil, "move only these `partitions` (default all)")
	flags.Lookup("partitions").DefValue = "" // or help would say "default []"
	flags.StringVar(&f.offset, "offset", "", "`position` to move to")
	flags.BoolVar(&f.dryRun, "dry-run", false, "show what would change, change nothing; exits with 3 when something would")
	bindYes(cmd, &f.yes)
	bindConfirm(cmd, &f.confirmed, "the group")
	f.out.bind(cmd)
	return cmd
}

func (a *app) runGroupsSeek(ctx context.Context, group string, f seekFlags) error {
	if f.offset == "" {
		return usagef("--offset is missing: start, end, an offset, or a time such as @-2h")
	}
	to, err := reader.ParseRange(f.offset, time.Now())
	if err != nil {
		return &usageError{err}
	}
	if !to.To.IsZero() || to.From.IsZero() {
		return usagef("--offset %s: a group goes on from one position, so there is no end to give", f.offset)
	}
	seek, err := a.planSeek(ctx, group, f, to)
	if err != nil {
		return err
	}
	if len(seek.Moves) == 0 {
		a.note("group %s is there already: nothing to change", group)
		return nil
	}
	if err := a.printSeek(seek, f.out); err != nil {
		return err
	}
	if f.dryRun {
		return errChanges
	}
	cluster, err := a.cluster()
	if err != nil {
		return err
	}
	question := fmt.Sprintf("Move %s of group %s?", counted(len(seek.Moves), "partition"), group)
	if err := a.agree(ctx, confirmed(f.yes, f.confirmed), writing{by: a, cluster: &cluster}, question, group); err != nil {
		return err
	}
	ctx, cancel := a.within(ctx)
	defer cancel()
	if err := groups.Apply(ctx, cluster, seek); err != nil {
		return err
	}
	a.note("moved %s of group %s", counted(len(seek.Moves), "partition"), group)
	return nil
}

// planSeek finds the offsets of the position in every partition asked for.
func (a *app) planSeek(ctx context.Context, group string, f seekFlags, to reader.Range) (groups.Seek, error) {
	cluster, err := a.cluster()
	if err != nil {
		return groups.Seek{}, err
	}
	ctx, cancel := a.within(ctx)
	defer cancel()
	names := f.topics
	if len(names) == 0 {
		now, err := groups.Describe(ctx, cluster, group)
		if err != nil {
			return groups.Seek{}, err
		}
		if names = topicsOf(now); len(names) == 0 {
			return groups.Seek{}, usagef("--topic is missing: group %s has committed nothing yet", group)
		}
	}
	var targets []groups.Target
	for _, topic := range names {
		if err := a.checkTopic(ctx, cluster, topic, f.partitions); err != nil {
			return groups.Seek{}, err
		}
		ranges, err := reader.Resolve(ctx, cluster, topic, f.partitions, to)
		if err != nil {
			return groups.Seek{}, err
		}
		for _, r := range ranges {
			targets = append(targets, groups.Target{Topic: topic, Partition: r.Partition, Offset: r.From})
		}
	}
	return groups.PlanSeek(ctx, cluster, group, targets...)
}

// topicsOf lists the topics a group has committed offsets of; its partitions are in order of topic.
func topicsOf(group groups.Group) []string {
	var names []string
	for _, p := range group.Partitions {
		if p.Committed != groups.None && (len(names) == 0 || names[len(names)-1] != p.Topic) {
			names = append(names, p.Topic)
		}
	}
	return names
}

func (a *app) printSeek(seek groups.Seek, out format) error {
	rows := make([]moveRow, len(seek.Moves))
	for i, m := range seek.Moves {
		rows[i] = moveRow{Topic: m.Topic, Partition: m.Partition, From: committedOrNil(m.From), To: m.To}
		if m.From != groups.None {
			rows[i].Again, rows[i].Skipped = max(0, m.From-m.To), max(0, m.To-m.From)
		}
	}
	return print(a.Stdout, out, rows, "TOPIC PARTITION FROM TO AGAIN SKIPPED", func(r moveRow) []any {
		return []any{r.Topic, r.Partition, offsetOrDash(r.From), r.To, r.Again, r.Skipped}
	})
}
