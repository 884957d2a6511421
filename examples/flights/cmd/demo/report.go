package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"text/tabwriter"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/examples/flights"
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
	return nil
}

// printDeadLetter shows where the malformed event went: its bytes are untouched, and the headers say why.
func (p *pipeline) printDeadLetter(ctx context.Context, out io.Writer) error {
	topic := consumer.DeadLetterTopic(flights.Topic, flights.TotalsGroup)
	found := 0
	err := p.read(ctx, topic, func(r consumer.Record) error {
		found++
		fmt.Fprintf(out, "\nThe malformed event, in topic %s: key %s, value %x\n", r.Topic, r.Key, r.Value)
		for _, h := range r.Headers {
			fmt.Fprintf(out, "  %s: %s\n", h.Key, h.Value)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if found != 1 {
		return fmt.Errorf("topic %s holds %d dead letters, want 1", topic, found)
	}
	return nil
}

func (p *pipeline) countAlerts(ctx context.Context) (int, error) {
	alerts := 0
	err := p.read(ctx, flights.AlertsTopic, func(consumer.Record) error {
		alerts++
		return nil
	})
	return alerts, err
}

// read hands over what a topic holds now.
func (p *pipeline) read(ctx context.Context, topic string, each func(consumer.Record) error) error {
	return consumer.Read(ctx, consumer.ReadConfig{
		Cluster: p.connection.Cluster,
		Topic:   topic,
		Range:   consumer.Range{From: consumer.AtStart(), To: consumer.AtEnd()},
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
