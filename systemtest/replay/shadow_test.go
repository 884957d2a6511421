package replay

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/examples/flights"
	"github.com/headrace/headrace/examples/flights/events"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/replay"
	"github.com/headrace/headrace/replay/shadow"
	"github.com/headrace/headrace/schema/registry"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// lateFlights is how many of all flights arrived more than an hour late.
const lateFlights = 27_789

// TestShadowOfDelays holds two builds of the service delays against what it wrote in production: one that does the same, and one with
// planted changes.
func TestShadowOfDelays(t *testing.T) {
	cluster := kraft.Start(t, kraft.Config{})
	r := startRegistry(t)
	publishFlights(t, cluster, r)
	p := stack.Producer(t, producer.Config{Cluster: stack.Cluster(cluster), Registry: r})
	production := flights.NewDelays(p)
	live, err := production.Worker(flights.Connection{Cluster: stack.Cluster(cluster), Registry: r})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- live.Run(ctx) }()
	deadline := time.Now().Add(3 * time.Minute)
	for s := live.Stats(); s.Handled+s.Skipped < allFlights; s = live.Stats() {
		if time.Now().After(deadline) {
			t.Fatalf("production: %+v", s)
		}
		<-time.After(20 * time.Millisecond)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	s := &shadowing{t: t, cluster: cluster, registry: r}

	same := flights.NewDelays(s.producer(".same"))
	if d := s.run(".same", same.Handlers()...); !d.Equal() || d.Expected == 0 || d.Same != same.Sent() || d.Shadow != d.Expected {
		t.Errorf("the same build: %+v", d)
	}
	changed := &changedDelays{alerts: producer.For[events.DelayAlert](s.producer(".new"), flights.AlertsTopic)}
	got := s.run(".new", consumer.On(changed.arrived))
	want := changed.want
	want.Outside = lateFlights - want.Expected // those of the other months
	want.Fields = []shadow.FieldCount{{Event: "flights.DelayAlert", Field: "arrival_delay_minutes", Events: want.Changed}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(shadow.Difference{}, "Examples")); diff != "" {
		t.Errorf("the changed build (-planted +found):\n%s", diff)
	}
	t.Logf("january: %d alerts of production, %d of the changed build: %d missing, %d extra, %d changed", got.Expected, got.Shadow, got.Missing, got.Extra, got.Changed)
}

// shadowing runs builds over January.
type shadowing struct {
	t        *testing.T
	cluster  *kraft.Cluster
	registry *registry.Client
}

// producer is one that sends to topics of its own.
func (s *shadowing) producer(suffix string) *producer.Producer {
	s.t.Helper()
	admin.CreateTopic(s.t, s.cluster, flights.AlertsTopic+suffix, flights.Partitions, forever)
	return stack.Producer(s.t, producer.Config{Cluster: stack.Cluster(s.cluster), Registry: s.registry, TopicSuffix: suffix})
}

func (s *shadowing) run(suffix string, handlers ...consumer.Handler) shadow.Difference {
	s.t.Helper()
	source := replay.Source{Topics: []string{flights.Topic}, From: januaryBegins, To: januaryEnds}
	plan, err := replay.Make(s.t.Context(), replay.Request{
		From: stack.Cluster(s.cluster), Registry: s.registry, Target: replay.Target{Handlers: flights.DelaysGroup}, Source: source,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	cfg := runWorker(stack.Cluster(s.cluster), s.registry)
	cfg.Group, cfg.Unhandled = flights.DelaysGroup, consumer.UnhandledSkip
	result, err := replay.Run(s.t.Context(), plan, replay.RunConfig{Worker: cfg, Checkpoint: filepath.Join(s.t.TempDir(), "shadow.json")}, handlers...)
	if err != nil || !result.Done {
		s.t.Fatalf("shadow run: %+v, %v", result, err)
	}
	compare, err := shadow.Config{
		Cluster: stack.Cluster(s.cluster), Registry: s.registry,
		Expected: shadow.Output{Topic: flights.AlertsTopic}, Shadow: shadow.Output{Topic: flights.AlertsTopic + suffix},
	}.OutputOf(s.t.Context(), source)
	if err != nil {
		s.t.Fatal(err)
	}
	found, err := shadow.Compare(s.t.Context(), compare)
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

// changedDelays leaves out the alerts of one carrier, sends those of another twice, and rounds the minutes of a third. It keeps book.
type changedDelays struct {
	alerts *producer.Topic[events.DelayAlert]
	mu     sync.Mutex
	want   shadow.Difference
}

func (d *changedDelays) arrived(ctx context.Context, f events.FlightArrived) error {
	if f.ArrivalDelayMinutes <= 60 {
		return nil
	}
	info := consumer.InfoFrom(ctx)
	alert := events.DelayAlert{
		Carrier: f.Carrier, Flight: f.Flight, TailNumber: f.TailNumber, Origin: f.Origin, Destination: f.Destination,
		ScheduledDeparture: f.ScheduledDeparture, ArrivalDelayMinutes: f.ArrivalDelayMinutes,
	}
	times := 1
	var book shadow.Difference
	switch {
	case f.Carrier == "US":
		times, book.Missing = 0, 1
	case f.Carrier == "WN":
		times, book.Same, book.Extra = 2, 1, 1
	case f.Carrier == "DL" && f.ArrivalDelayMinutes%10 != 0:
		alert.ArrivalDelayMinutes -= alert.ArrivalDelayMinutes % 10
		book.Changed = 1
	default:
		book.Same = 1
	}
	for range times {
		if _, err := d.alerts.Send(ctx, info.Key, alert, producer.At(info.Time)); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.want.Expected++
	d.want.Shadow += int64(times)
	d.want.Missing += book.Missing
	d.want.Extra += book.Extra
	d.want.Changed += book.Changed
	d.want.Same += book.Same
	return nil
}
