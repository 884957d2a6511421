package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/deadletter"
	"github.com/headrace/headrace/reader"
)

const deadListLong = `Count dead letters by what they died of: error, event type and handler, over all the topics named, or over every topic
<topic>.<group>.dead of the cluster. Errors that differ only in numbers and ids count as one, with # in their place. Each
line has the id of the cause, which the other commands take by --cause, when the oldest and the newest died, and one
example, which "dead show" takes.

--by groups by less, or by more: any of error, event, handler, topic and age. --letters lists them one by one. Dead
letters of Kafka Connect, Spring, Kafka Streams and share groups are read too; --foreign finds their topics, by the names
these programs use.

` + deadSelectionHelp

type deadListFlags struct {
	deadSelection
	all, letters, foreign bool
	by                    []string
	max                   int
	out                   format
}

var deadGroupings = []string{"error", "event", "handler", "topic", "age"}

func (a *app) deadList() *cobra.Command {
	var f deadListFlags
	cmd := &cobra.Command{
		Use:   "list [TOPIC...] [flags]",
		Short: "Count dead letters by cause, or list them",
		Long:  deadListLong,
		Example: "  headrace dead list\n" +
			"  headrace dead list flights.delays.dead --by error,age\n" +
			"  headrace dead list flights.delays.dead --letters --cause 3f2a -o jsonl",
		ValidArgsFunction: a.completeDead,
		RunE:              a.run(func(ctx context.Context, args []string) error { return a.runDeadList(ctx, args, f) }),
	}
	f.bind(cmd)
	flags := cmd.Flags()
	flags.BoolVarP(&f.all, "all", "a", false, "also those that are redriven or discarded, counted apart as settled")
	flags.BoolVar(&f.letters, "letters", false, "list them one by one")
	flags.BoolVar(&f.foreign, "foreign", false, "without TOPIC: also topics named as other programs name them, as in orders-dlt and dlq.orders")
	flags.StringSliceVar(&f.by, "by", []string{"error", "event", "handler"}, "group by these `parts`: "+strings.Join(deadGroupings, ", "))
	flags.Lookup("by").DefValue = "error,event,handler"
	flags.IntVarP(&f.max, "max", "n", 0, "list this `number` at most (default all)")
	f.out.bind(cmd)
	return cmd
}

func (a *app) runDeadList(ctx context.Context, names []string, f deadListFlags) error {
	if f.max < 0 {
		return usagef("--max %d is negative", f.max)
	}
	for _, by := range f.by {
		if !slices.Contains(deadGroupings, by) {
			return usagef("--by %s: must be some of %s", by, strings.Join(deadGroupings, ", "))
		}
	}
	now := time.Now()
	selection, err := f.selection(now)
	if err != nil {
		return err
	}
	query := deadletter.Query{Topics: names, Selection: selection, All: f.all}
	if query.Cluster, err = a.cluster(); err != nil {
		return err
	}
	if len(names) == 0 {
		asking, cancel := a.within(ctx)
		defer cancel()
		if query.Topics, err = deadletter.Topics(asking, query.Cluster, f.foreign); err != nil {
			return err
		}
		if len(query.Topics) == 0 {
			a.note("no topic of the cluster has the name of one with dead letters; name it, or look for those of other programs with --foreign")
		}
	}
	for _, name := range names {
		if err := a.checkTopic(ctx, query.Cluster, name, nil); err != nil {
			return err
		}
	}
	registry, closeRegistry, err := a.maybeRegistry(ctx, f.asksRegistry())
	if err != nil {
		return err
	}
	defer closeRegistry()
	query.Registry = registry
	if f.letters {
		return a.listLetters(ctx, query, f)
	}
	return a.listCauses(ctx, query, f, now)
}

// listCauses prints the groups, the largest first.
func (a *app) listCauses(ctx context.Context, query deadletter.Query, f deadListFlags, now time.Time) error {
	groups := deadGroups{by: f.by, now: now, found: map[deadKey]*deadGroup{}}
	seen := seenEvents{}
	err := deadletter.Read(ctx, query, func(letter deadletter.Letter) error {
		seen.see(letter)
		return groups.count(letter)
	})
	if err != nil {
		return err
	}
	a.noteOrdinary(seen)
	rows := groups.sorted()
	if f.max > 0 && len(rows) > f.max {
		rows = rows[:f.max]
	}
	if groups.beyond > 0 {
		a.note("%s of further causes are not counted: there are more than %d", plural(groups.beyond), maxDeadGroups)
	}
	if len(rows) == 0 && f.out == "table" {
		a.noteNoLetters(query)
		return nil
	}
	counts := "COUNT"
	if f.all {
		counts = "OPEN SETTLED"
	}
	aged := slices.Contains(f.by, "age")
	if aged {
		counts += " AGE"
	}
	header := "CAUSE " + counts + " HANDLER EVENT KIND OLDEST NEWEST EXAMPLE ERROR"
	return print(a.Stdout, f.out, rows, header, func(g deadGroup) []any {
		cells := []any{dash(g.Cause), g.Count, brief(g.Handler), brief(g.Event), brief(g.Kind), dash(g.Oldest), dash(g.Newest), g.Example, brief(g.Error)}
		if aged {
			cells = slices.Insert(cells, 2, any(g.Age))
		}
		if f.all {
			cells[1] = g.Count - g.Settled
			cells = slices.Insert(cells, 2, any(g.Settled))
		}
		return cells
	})
}

// listLetters prints them one by one, topic by topic and partition by partition.
func (a *app) listLetters(ctx context.Context, query deadletter.Query, f deadListFlags) error {
	var rows []deadRow
	seen := seenEvents{}
	err := deadletter.Read(ctx, query, func(letter deadletter.Letter) error {
		seen.see(letter)
		rows = append(rows, deadRowOf(letter))
		if len(rows) == f.max {
			return reader.ErrStop
		}
		return nil
	})
	if err != nil {
		return err
	}
	a.noteOrdinary(seen)
	if len(rows) == 0 && f.out == "table" {
		a.noteNoLetters(query)
		return nil
	}
	slices.SortStableFunc(rows, deadRow.compare)
	return print(a.Stdout, f.out, rows, "AT STATE DIED EVENT KIND ATTEMPTS REDRIVES ORIGIN ERROR", func(r deadRow) []any {
		return []any{place{r.Topic, r.Partition, r.Offset}, r.State, dash(r.Died), brief(r.Event), brief(r.Kind), r.Attempts, r.Redrives, r.Origin, brief(r.Error)}
	})
}

func (a *app) noteNoLetters(query deadletter.Query) {
	if len(query.Topics) == 0 {
		return // which has been said
	}
	where := "topic " + query.Topics[0]
	if len(query.Topics) > 1 {
		where = fmt.Sprintf("the %d topics", len(query.Topics))
	}
	which := ""
	if !query.Selection.IsZero() {
		which = " of the selection"
	}
	if query.All {
		a.note("no dead letters%s in %s", which, where)
		return
	}
	a.note("no open dead letters%s in %s: --all lists those that are redriven or discarded too", which, where)
}

// seenEvents are the topics that were read, and how many events of each have no headers that tell of a death; -1 where one has some.
type seenEvents map[string]int

func (s seenEvents) see(letter deadletter.Letter) {
	switch {
	case letter.Family != deadletter.FamilyNone:
		s[letter.Topic] = -1
	case s[letter.Topic] >= 0:
		s[letter.Topic]++
	}
}

// noteOrdinary says of which topics nothing looks like a dead letter: a topic of events may have been named for the one with its dead.
func (a *app) noteOrdinary(seen seenEvents) {
	for _, topic := range slices.Sorted(maps.Keys(seen)) {
		if n := seen[topic]; n > 0 && !strings.HasSuffix(topic, ".dead") {
			a.note("%s does not look like a dead-letter topic (%s read): `headrace dead list` without TOPIC finds those that do",
				topic, plural(int64(n)))
		}
	}
}

// completeDead completes with the topics that hold dead letters.
func (a *app) completeDead(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := a.completionContext(cmd)
	defer cancel()
	cluster, err := a.cluster()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names, err := deadletter.Topics(ctx, cluster, true)
	if err != nil && !errors.Is(err, context.Canceled) {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return slices.DeleteFunc(names, func(name string) bool { return slices.Contains(args, name) }), cobra.ShellCompDirectiveNoFileComp
}
