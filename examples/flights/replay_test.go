package flights_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace/examples/flights"
	"github.com/headrace/headrace/examples/flights/events"
	"github.com/headrace/headrace/headracetest"
	"github.com/headrace/headrace/replay"
)

// TestFlightsAreCountedByAirportAfterwards replays the sample into a count that did not exist when the flights came.
func TestFlightsAreCountedByAirportAfterwards(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	env := headracetest.Start(t)
	connection := flights.Connection{Cluster: env.Cluster, Registry: env.Registry}
	if err := flights.Setup(ctx, connection); err != nil {
		t.Fatal(err)
	}
	p, err := connection.Producer()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close(context.WithoutCancel(ctx)) }()
	if err := flights.NewPublisher(p).Publish(ctx, sample(t)); err != nil {
		t.Fatal(err)
	}

	plan, err := replay.Make(ctx, replay.Request{
		From: env.Cluster, Registry: env.Registry,
		Source: replay.Source{Topics: []string{flights.Topic}, From: "@2013-01-01"},
		Target: replay.Target{Handlers: flights.TotalsGroup},
	})
	if err != nil {
		t.Fatal(err)
	}
	airports := &flights.Airports{}
	result, err := connection.Replay(ctx, plan, filepath.Join(t.TempDir(), "airports.json"), flights.TotalsGroup, airports.Handlers()...)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{}
	for rows := sample(t); ; {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := row.Event.(type) {
		case events.FlightArrived:
			want[e.Origin]++
		case events.FlightCancelled:
			want[e.Origin]++
		case events.FlightDiverted:
			want[e.Origin]++
		}
	}
	if diff := cmp.Diff(want, airports.Flights()); diff != "" || !result.Done || result.Handled != plan.Counts.Events {
		t.Errorf("%+v; flights by airport (-file +replay):\n%s", result, diff)
	}
}
