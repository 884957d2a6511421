package flights_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/examples/flights"
	"github.com/headrace/headrace/examples/flights/events"
	"github.com/headrace/headrace/headracetest"
)

// The 20,000 flights of the sample through a broker in memory: what the workers end with is what the file holds.
func TestPipelineArrivesAtWhatTheFileHolds(t *testing.T) {
	t.Parallel()
	env := headracetest.Start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	connection := flights.Connection{Cluster: env.Cluster, Registry: env.Registry}
	if err := flights.Setup(ctx, connection); err != nil {
		t.Fatal(err)
	}
	if err := flights.Setup(ctx, connection); err != nil {
		t.Fatalf("a second time: %v", err)
	}
	p, err := connection.Producer()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Close(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
	}()

	publisher := flights.NewPublisher(p)
	if err := publisher.Publish(ctx, sample(t)); err != nil {
		t.Fatal(err)
	}
	want, err := flights.Count(sample(t))
	if err != nil {
		t.Fatal(err)
	}
	all := int64(want.Sum().All())
	if publisher.Acked() != all {
		t.Fatalf("%d acknowledged, want %d", publisher.Acked(), all)
	}

	delays, totals := flights.NewDelays(p), &flights.Totals{}
	delaysWorker, err := delays.Worker(connection)
	if err != nil {
		t.Fatal(err)
	}
	totalsWorker, err := totals.Worker(connection)
	if err != nil {
		t.Fatal(err)
	}
	work(ctx, t, delaysWorker, all)
	work(ctx, t, totalsWorker, all)

	if diff := cmp.Diff(want, totals.Tally()); diff != "" {
		t.Errorf("totals (-file +worker):\n%s", diff)
	}
	received := headracetest.Await[events.DelayAlert](t, env, flights.AlertsTopic, want.Sum().Late)
	if diff := cmp.Diff(lateFlights(t), alertsOf(received)); diff != "" {
		t.Errorf("alerts (-file +topic):\n%s", diff)
	}
}

// work runs a worker until it is done with n events, and checks that it ends cleanly.
func work(ctx context.Context, t *testing.T, w *consumer.Worker, n int64) {
	t.Helper()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case err := <-ended:
			t.Fatalf("ended after %+v: %v", w.Stats(), err)
		case <-look.C:
		}
		if s := w.Stats(); s.Handled+s.Skipped == n {
			break
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if s := w.Stats(); s.Failed+s.DeadLettered != 0 {
		t.Errorf("%d attempts failed, %d dead letters", s.Failed, s.DeadLettered)
	}
}

// alert is a DelayAlert with its key, comparable.
type alert struct {
	Key, Carrier, Origin, Destination string
	Flight, Minutes                   int32
	Scheduled, At                     int64
}

func lateFlights(t *testing.T) []alert {
	t.Helper()
	var late []alert
	rows := sample(t)
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return ordered(late)
		}
		if err != nil {
			t.Fatal(err)
		}
		if f, ok := row.Event.(events.FlightArrived); ok && f.ArrivalDelayMinutes > 60 {
			late = append(late, alert{
				row.Key, f.Carrier, f.Origin, f.Destination, f.Flight, f.ArrivalDelayMinutes,
				f.ScheduledDeparture.Unix(), row.Time.Unix(),
			})
		}
	}
}

func alertsOf(received []headracetest.Received[events.DelayAlert]) []alert {
	alerts := make([]alert, 0, len(received))
	for _, r := range received {
		e := r.Event
		alerts = append(alerts, alert{
			r.Key, e.Carrier, e.Origin, e.Destination, e.Flight, e.ArrivalDelayMinutes,
			e.ScheduledDeparture.Unix(), r.Time.Unix(),
		})
	}
	return ordered(alerts)
}

// ordered sorts alerts by key alone: those of one key stay in the order they have, which is under test.
func ordered(alerts []alert) []alert {
	slices.SortStableFunc(alerts, func(a, b alert) int { return strings.Compare(a.Key, b.Key) })
	return alerts
}

func sample(t *testing.T) *flights.Reader {
	t.Helper()
	rows, err := flights.Sample()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
