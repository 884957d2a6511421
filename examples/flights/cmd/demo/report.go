package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/headrace/headrace/deadletter"
	"github.com/headrace/headrace/examples/flights"
	"github.com/headrace/headrace/reader"
)

// report prints the dead letter and the totals, and is an error when they are not what the file says.
func (p *pipeline) report(ctx context.Context, want flights.Tally, out io.Writer) error {
	if err := p.printDeadLetter(ctx, out); err != nil {
		return err
	}
	got := p.totals.Tally()
	fmt.Fprintln(out, "\nWhat the totals worker counted:")
	if err := got.Write(out); err != nil {
		return err
	}
	alerts, err := p.countAlerts(ctx)
	if err != nil {
		return err
	}
	if err := compare(out, want.Sum(), got.Sum(), alerts); err != nil {
		return err
	}
	if !maps.Equal(want, got) {
		return errors.New("the carriers' totals differ from the file's")
	}
	return p.printTroubles(out, want)
}

// printDeadLetter shows the malformed event, the only one that is left: it was redriven as well, and died again.
func (p *pipeline) printDeadLetter(ctx context.Context, out io.Writer) error {
	found := 0
	err := deadletter.Read(ctx, deadletter.Query{Cluster: p.connection.Cluster, Topics: []string{totalsDead()}}, func(d deadletter.Letter) error {
		found++
		fmt.Fprintf(out, "\nThe malformed event, in topic %s: key %s, value %x\n", d.Topic, d.Key, d.Value)
		fmt.Fprintf(out, "  of: %s\n  kind: %s\n  error: %s\n  redriven: %d\n", d.Origin, d.Kind, d.Error, d.Redrives)
		return nil
	})
	if err != nil {
		return err
	}
	if found != 1 {
		return fmt.Errorf("topic %s holds %d dead letters that are not redriven, want 1", totalsDead(), found)
	}
	return nil
}

// printTroubles shows which way events went that could not be handled at once, and is an error when one of them went another.
func (p *pipeline) printTroubles(out io.Writer, want flights.Tally) error {
	tiers, unknown := int64(len(retryDelays())), int64(want[newCarrier].All())
	expected := map[string]troubles{
		flights.DelaysGroup: {dead: 2},
		flights.TotalsGroup: {retried: tiers * int64(want[slowCarrier].All()), dead: unknown + 2, redriven: unknown + 1},
	}
	fmt.Fprintln(out)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "WORKER\tHANDLED\tSKIPPED\tRETRIED\tDEAD-LETTERED\tREDRIVEN")
	differ := 0
	for _, group := range slices.Sorted(maps.Keys(p.ended)) {
		s := p.ended[group]
		got := troubles{retried: s.Retried, dead: s.DeadLettered}
		if group == flights.TotalsGroup {
			got.redriven = p.redriven
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\n", group, s.Handled, s.Skipped, got.retried, got.dead, got.redriven)
		if got != expected[group] {
			differ++
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if differ > 0 {
		return fmt.Errorf("retries, dead letters and redrives differ from what was to come: %+v", expected)
	}
	return nil
}

// troubles counts what was not handled at once: moves to a retry topic, dead letters (the malformed event dies twice in each group) and
// those that were returned.
type troubles struct{ retried, dead, redriven int64 }

// countAlerts counts different alerts: an arrival that is redriven for the totals comes to the delays again, and its alert with it.
func (p *pipeline) countAlerts(ctx context.Context) (int, error) {
	alerts := map[string]bool{}
	err := p.read(ctx, flights.AlertsTopic, func(r reader.Record) error {
		alerts[string(r.Value)] = true
		return nil
	})
	return len(alerts), err
}

// read hands over what a topic holds now.
func (p *pipeline) read(ctx context.Context, topic string, each func(reader.Record) error) error {
	return reader.Read(ctx, reader.Config{
		Cluster: p.connection.Cluster,
		Topic:   topic,
		Range:   reader.Range{From: reader.AtStart(), To: reader.AtEnd()},
	}, each)
}

func compare(out io.Writer, file, handled flights.Outcomes, alerts int) error {
	rows := []struct {
		event         string
		file, handled int
	}{
		{"FlightArrived", file.Arrived, handled.Arrived},
		{"FlightCancelled", file.Cancelled, handled.Cancelled},
		{"FlightDiverted", file.Diverted, handled.Diverted},
		{"DelayAlert", file.Late, alerts},
	}
	fmt.Fprintln(out)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "EVENT\tIN THE FILE\tTHROUGH KAFKA")
	differ := 0
	for _, row := range rows {
		fmt.Fprintf(table, "%s\t%d\t%d\n", row.event, row.file, row.handled)
		if row.file != row.handled {
			differ++
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if differ > 0 {
		return fmt.Errorf("%d of the totals differ from the file's", differ)
	}
	return nil
}
