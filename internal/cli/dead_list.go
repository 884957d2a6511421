package cli

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/replay"
)

// deadRow is one dead letter.
type deadRow struct {
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Died      string `json:"died,omitempty"`
	Event     string `json:"event,omitempty"`
	Kind      string `json:"kind,omitempty"`
	Error     string `json:"error,omitempty"`
	Attempts  int    `json:"attempts"`
	Group     string `json:"group,omitempty"`
	Origin    place  `json:"origin"`
	Key       string `json:"key,omitempty"`
	Redrives  int    `json:"redrives,omitempty"`
}

// place is where an event came from.
type place struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
}

// causeRow is the dead letters that died of the same.
type causeRow struct {
	Count int64  `json:"count"`
	Event string `json:"event,omitempty"`
	Kind  string `json:"kind,omitempty"`
	Error string `json:"error,omitempty"`
	First string `json:"first,omitempty"` // when the first of them died
	Last  string `json:"last,omitempty"`
}

type deadListFlags struct {
	all, causes bool
	max         int
	out         format
}

func (a *app) deadList() *cobra.Command {
	var f deadListFlags
	cmd := &cobra.Command{
		Use:   "list TOPIC [flags]",
		Short: "List dead letters, or count them by cause",
		Long: "List the dead letters of a dead-letter topic that are not redriven yet: where each came from, its error, and how\n" +
			"often it was tried. --causes counts them by event, kind and error instead.",
		Example: "  headrace dead list flights.delays.dead\n" +
			"  headrace dead list flights.delays.dead --causes -o json",
		Args:              exactly("TOPIC"),
		ValidArgsFunction: a.completeTopic,
		RunE:              a.run(func(ctx context.Context, args []string) error { return a.runDeadList(ctx, args[0], f) }),
	}
	flags := cmd.Flags()
	flags.BoolVarP(&f.all, "all", "a", false, "also list those that are redriven already")
	flags.BoolVar(&f.causes, "causes", false, "count them by event, kind and error")
	flags.IntVarP(&f.max, "max", "n", 0, "list this `number` at most (default all)")
	f.out.bind(cmd)
	return cmd
}

func (a *app) runDeadList(ctx context.Context, topic string, f deadListFlags) error {
	if f.max < 0 {
		return usagef("--max %d is negative", f.max)
	}
	cluster, err := a.cluster()
	if err != nil {
		return err
	}
	if err := a.checkTopic(ctx, cluster, topic, nil); err != nil {
		return err
	}
	var rows []deadRow
	causes := map[causeRow]*causeRow{}
	err = replay.DeadLetters(ctx, cluster, topic, f.all, func(letter replay.DeadLetter) error {
		if f.causes {
			countCause(causes, letter)
			return nil
		}
		rows = append(rows, deadRowOf(letter))
		if len(rows) == f.max {
			return consumer.ErrStopRead
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(rows)+len(causes) == 0 && f.out == "table" {
		a.note("topic %s has no dead letters that are not redriven: --all lists the others", topic)
		return nil
	}
	if f.causes {
		return print(a.Stdout, f.out, sortedCauses(causes, f.max), "COUNT EVENT KIND FIRST LAST ERROR", func(c causeRow) []any {
			return []any{c.Count, brief(c.Event), brief(c.Kind), dash(c.First), dash(c.Last), brief(c.Error)}
		})
	}
	slices.SortStableFunc(rows, func(a, b deadRow) int { return cmp.Compare(a.Partition, b.Partition) })
	return print(a.Stdout, f.out, rows, "PARTITION OFFSET DIED EVENT KIND ATTEMPTS ORIGIN ERROR", func(r deadRow) []any {
		return []any{r.Partition, r.Offset, dash(r.Died), brief(r.Event), brief(r.Kind), r.Attempts, r.Origin, brief(r.Error)}
	})
}

func deadRowOf(d replay.DeadLetter) deadRow {
	row := deadRow{
		Partition: d.Partition, Offset: d.Offset, Event: d.Event, Kind: d.Kind, Error: d.Error, Attempts: d.Attempts, Group: d.Group,
		Origin: place{d.Origin.Topic, d.Origin.Partition, d.Origin.Offset}, Redrives: d.Redrives, Died: moment(d.Died),
	}
	if utf8.Valid(d.Key) {
		row.Key = string(d.Key)
	}
	return row
}

// countCause adds a dead letter to those that died of the same.
func countCause(causes map[causeRow]*causeRow, d replay.DeadLetter) {
	cause := causeRow{Event: d.Event, Kind: d.Kind, Error: d.Error}
	died := moment(d.Died)
	c := causes[cause]
	if c == nil {
		c = &causeRow{Event: d.Event, Kind: d.Kind, Error: d.Error, First: died, Last: died}
		causes[cause] = c
	}
	c.Count++
	c.First, c.Last = min(c.First, died), max(c.Last, died)
}

// sortedCauses begins with the most frequent.
func sortedCauses(causes map[causeRow]*causeRow, most int) []causeRow {
	rows := make([]causeRow, 0, len(causes))
	for _, c := range causes {
		rows = append(rows, *c)
	}
	slices.SortFunc(rows, func(a, b causeRow) int {
		return cmp.Or(-cmp.Compare(a.Count, b.Count), strings.Compare(a.Event, b.Event), strings.Compare(a.Kind, b.Kind), strings.Compare(a.Error, b.Error))
	})
	if most > 0 && len(rows) > most {
		rows = rows[:most]
	}
	return rows
}
