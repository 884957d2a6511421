package evolution_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/examples/flights"
	"github.com/headrace/headrace/examples/flights/events"
	"github.com/headrace/headrace/examples/flights/evolution/version2"
	"github.com/headrace/headrace/headracetest"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

var (
	tail, gate = "N14228", "C7"
	departure  = time.Date(2013, 1, 1, 10, 15, 0, 0, time.UTC)
	day        = time.Date(2013, 1, 1, 0, 0, 0, 0, time.UTC)

	oldEvent = events.FlightArrived{
		Carrier: "UA", Flight: 1545, TailNumber: &tail, Origin: "EWR", Destination: "IAH", DistanceMiles: 1400, Date: day,
		ScheduledDeparture: departure, DepartureDelayMinutes: 2, ScheduledArrival: 8*time.Hour + 19*time.Minute,
		Arrival: 8*time.Hour + 30*time.Minute, ArrivalDelayMinutes: 11, AirTimeMinutes: 227,
	}
	newEvent = version2.FlightArrived{
		Carrier: "UA", Flight: 1714, Registration: &tail, Origin: "LGA", Destination: "IAH", DistanceMiles: 1416, Date: day,
		ScheduledDeparture: departure, DepartureDelayMinutes: 4, ScheduledArrival: 8*time.Hour + 30*time.Minute,
		Arrival: 8*time.Hour + 50*time.Minute, ArrivalDelayMinutes: 20, AirTimeMinutes: 227, Gate: &gate,
	}
)

// oldOfNew is newEvent as a worker of version 1 reads it: without the gate, which it does not know, and with the default for
// tail_number, which the event calls by a name that came later.
func oldOfNew() events.FlightArrived {
	return events.FlightArrived{
		Carrier: "UA", Flight: 1714, Origin: "LGA", Destination: "IAH", DistanceMiles: 1416, Date: day, ScheduledDeparture: departure,
		DepartureDelayMinutes: 4, ScheduledArrival: newEvent.ScheduledArrival, Arrival: newEvent.Arrival, ArrivalDelayMinutes: 20, AirTimeMinutes: 227,
	}
}

// newOfOld is oldEvent as a worker of version 2 reads it: the alias leads to tail_number, and the gate has its default.
func newOfOld() version2.FlightArrived {
	return version2.FlightArrived{
		Carrier: "UA", Flight: 1545, Registration: &tail, Origin: "EWR", Destination: "IAH", DistanceMiles: 1400, Date: day,
		ScheduledDeparture: departure, DepartureDelayMinutes: 2, ScheduledArrival: oldEvent.ScheduledArrival, Arrival: oldEvent.Arrival,
		ArrivalDelayMinutes: 11, AirTimeMinutes: 227,
	}
}

const subject = "flights-flights.FlightArrived"

func version(t *testing.T, text string) *schema.Schema {
	t.Helper()
	s, err := schema.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func version3(t *testing.T) *schema.Schema {
	t.Helper()
	text, err := os.ReadFile("version3/FlightArrived.avsc")
	if err != nil {
		t.Fatal(err)
	}
	return version(t, string(text))
}

// evolved is a topic with an event of either version, and a subject with both, of the strictest level.
func evolved(t *testing.T) *headracetest.Env {
	t.Helper()
	env := headracetest.Start(t)
	env.CreateTopic(t, flights.Topic, 2)
	for _, text := range []string{oldEvent.AvroSchema(), newEvent.AvroSchema()} {
		plan, err := env.Registry.Plan(t.Context(), registry.Registration{Subject: subject, Schema: version(t, text), Level: schema.FullTransitive})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := env.Registry.Apply(t.Context(), plan); err != nil {
			t.Fatal(err)
		}
	}
	p, err := producer.New(producer.Config{Cluster: env.Cluster, Registry: env.Registry})
	if err != nil {
		t.Fatal(err)
	}
	_, older := producer.For[events.FlightArrived](p, flights.Topic).Send(t.Context(), tail, oldEvent)
	_, newer := producer.For[version2.FlightArrived](p, flights.Topic).Send(t.Context(), tail, newEvent)
	if err := errors.Join(older, newer, p.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	return env
}

// work runs a worker until it has handled two events.
func work[E schema.Event](t *testing.T, env *headracetest.Env, group string) []E {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
	defer stop()
	var mu sync.Mutex
	var got []E
	w, err := consumer.New(consumer.Config{Cluster: env.Cluster, Registry: env.Registry, Group: group, Topics: []string{flights.Topic}},
		consumer.On(func(_ context.Context, e E) error {
			mu.Lock()
			defer mu.Unlock()
			if got = append(got, e); len(got) == 2 {
				stop()
			}
			return nil
		}))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Run(ctx); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestOldAndNewWorkersReadOldAndNewEvents(t *testing.T) {
	t.Parallel()
	env := evolved(t)
	if diff := cmp.Diff([]events.FlightArrived{oldEvent, oldOfNew()}, work[events.FlightArrived](t, env, "old")); diff != "" {
		t.Errorf("the worker of version 1 (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]version2.FlightArrived{newOfOld(), newEvent}, work[version2.FlightArrived](t, env, "new")); diff != "" {
		t.Errorf("the worker of version 2 (-want +got):\n%s", diff)
	}
}

// Version 3 is held up by files alone, by the registry, and by what lies in the topic.
func TestVersion3IsRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	env := evolved(t)
	broken, one, two := version3(t), version(t, oldEvent.AvroSchema()), version(t, newEvent.AvroSchema())

	var reasons []string
	for _, p := range schema.CheckLevel(schema.FullTransitive, broken, one, two) {
		reasons = append(reasons, p.String())
	}
	names(t, "the check of files", reasons, "distance", "gate", "runway")

	plan, err := env.Registry.Plan(t.Context(), registry.Registration{Subject: subject, Schema: broken})
	if err != nil {
		t.Fatal(err)
	}
	if step := plan.Incompatible(); step == nil {
		t.Error("the plan has nothing against it")
	} else {
		names(t, "the plan", step.Reasons, "distance", "gate", "runway")
	}
	var refused *registry.IncompatibleError
	if _, err := env.Registry.Apply(t.Context(), plan); !errors.As(err, &refused) {
		t.Errorf("applied: %v", err)
	}
	if _, err := env.Registry.Register(t.Context(), subject, broken); !errors.As(err, &refused) {
		t.Errorf("registered: %v", err)
	}

	scan, err := reader.Scan(t.Context(), reader.ScanConfig{Read: reader.Config{Cluster: env.Cluster, Topic: flights.Topic}})
	if err != nil || scan.Events != 2 || len(scan.Writers) != 2 {
		t.Fatalf("%+v, %v", scan, err)
	}
	for compiled, unreadable := range map[*schema.Schema]bool{one: false, two: false, broken: true} {
		verdicts, err := scan.Check(t.Context(), env.Registry, compiled)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range verdicts {
			if v.Unreadable() != unreadable {
				t.Errorf("%s: unreadable is %v: %v", v.Ref, v.Unreadable(), v.Problems)
			}
			var reasons []string
			for _, p := range v.Problems {
				reasons = append(reasons, p.String())
			}
			if unreadable {
				names(t, "the scan", reasons, "distance", "runway")
			}
		}
	}
}

// names fails unless each field is the matter of a reason: the pointer into the file leads to it.
func names(t *testing.T, who string, reasons []string, fields ...string) {
	t.Helper()
	places := map[string]string{"distance": "/fields/5", "gate": "/fields/13", "runway": "/fields/14"}
	for _, field := range fields {
		if !strings.Contains(strings.Join(reasons, "\n"), places[field]) {
			t.Errorf("%s does not name %s:\n%s", who, field, strings.Join(reasons, "\n"))
		}
	}
}
