package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/dustin/go-humanize"

	"github.com/headrace/headrace/groups"
	"github.com/headrace/headrace/replay"
)

// printReplayPlan prints the plan itself, or as tables: spans, events, days, schemas, risks.
func (a *app) printReplayPlan(p replay.Plan, out format) error {
	if out != "table" {
		return printOne(a.Stdout, out, p)
	}
	if err := a.printSpans(p); err != nil {
		return err
	}
	fmt.Fprintf(a.Stdout, "\n%s of %s pass, %s\n", plural(p.Counts.Events), humanize.Comma(p.Counts.Scanned), humanize.IBytes(uint64(max(0, p.Counts.Bytes))))
	for _, odd := range []struct {
		n    int64
		what string
	}{{p.Counts.Tombstones, "tombstones"}, {p.Counts.Foreign, "values that are not in a registry's wire format"}, {p.Counts.Unknown, "of unknown schemas"}, {p.Counts.Corrupt, "that cannot be read"}} {
		if odd.n > 0 {
			fmt.Fprintf(a.Stdout, "%s %s\n", humanize.Comma(odd.n), odd.what)
		}
	}
	if err := a.printCounts(p); err != nil {
		return err
	}
	if len(p.Risks) > 0 {
		fmt.Fprintln(a.Stdout, "\nRisks")
	}
	for _, risk := range p.Risks {
		fmt.Fprintf(a.Stdout, "  %s\n", oneLine(risk))
	}
	return nil
}

// oneLine is a whole text that anybody may have written, without what a terminal would obey.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}

func (a *app) printSpans(p replay.Plan) error {
	if p.Target.Rewind != "" {
		return print(a.Stdout, "table", p.Spans, "TOPIC PARTITION COMMITTED BACK-TO EVENTS GONE", func(s replay.Span) []any {
			to := any("-")
			if s.Committed > s.From {
				to = s.From
			}
			committed := any(s.Committed)
			if s.Committed == groups.None {
				committed = "-"
			}
			return []any{s.Topic, s.Partition, committed, to, s.Events, s.Gone}
		})
	}
	return print(a.Stdout, "table", p.Spans, "TOPIC PARTITION FROM TO EVENTS BYTES GONE", func(s replay.Span) []any {
		return []any{s.Topic, s.Partition, s.From, s.To, s.Events, s.Bytes, s.Gone}
	})
}

func (a *app) printCounts(p replay.Plan) error {
	if len(p.Writers) > 0 {
		fmt.Fprintln(a.Stdout)
		err := print(a.Stdout, "table", p.Writers, "SCHEMA EVENT EVENTS READABLE", func(w replay.Writer) []any {
			readable := "yes"
			if w.Event == "" {
				readable = "-" // its schema was not looked up
			}
			if len(w.Problems) > 0 {
				readable = oneLine(strings.Join(w.Problems, "; "))
			}
			return []any{strings.TrimPrefix(w.Ref.String(), "schema "), dash(oneLine(w.Event)), w.Events, readable}
		})
		if err != nil {
			return err
		}
	}
	if len(p.Counts.ByDay) == 0 {
		return nil
	}
	fmt.Fprintln(a.Stdout)
	unit, counts := byCalendar(p.Counts.ByDay)
	return print(a.Stdout, "table", slices.Sorted(maps.Keys(counts)), unit+" EVENTS", func(day string) []any {
		return []any{day, counts[day]}
	})
}

// maxDays is how many lines a plan has for its days before it has one for each month instead, and for its months before each year.
const maxDays = 62

// byCalendar sums the counts of days (2006-01-02) so that a person can overlook them: years of days would hide what else the plan says.
func byCalendar(days map[string]int64) (unit string, counts map[string]int64) {
	unit, counts = "DAY", days
	for _, wider := range []struct {
		unit    string
		letters int
	}{{"MONTH", len("2006-01")}, {"YEAR", len("2006")}} {
		if len(counts) <= maxDays {
			break
		}
		sums := map[string]int64{}
		for day, n := range counts {
			sums[day[:min(wider.letters, len(day))]] += n
		}
		unit, counts = wider.unit, sums
	}
	return unit, counts
}
