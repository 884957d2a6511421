package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/examples/flights"
	"github.com/headrace/headrace/examples/flights/events"
	"github.com/headrace/headrace/replay"
	"github.com/headrace/headrace/schema/registry"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/cache"
	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// January's flights by airport, as the file has them.
var january = map[string]int{"EWR": 9893, "JFK": 9161, "LGA": 7950}

// The file's January is that of New York.
const (
	januaryBegins = "@2013-01-01T05:00:00Z"
	januaryEnds   = "@2013-02-01T05:00:00Z"
)

// lanesOfRun is how many handlers of a run work at once.
const lanesOfRun = 8

// runJob is what the process does that replays into handlers.
type runJob struct {
	Brokers    []string
	Registry   string
	Plan       replay.Plan
	Checkpoint string
	Rate       float64
}

// runProgram counts by airport, and tells of each flight that it has counted in a line of standard output.
func runProgram(input []byte) error {
	var job runJob
	if err := json.Unmarshal(input, &job); err != nil {
		return err
	}
	reg, err := registry.New(job.Registry)
	if err != nil {
		return err
	}
	defer reg.Close()
	_, err = replay.Run(context.Background(), job.Plan, replay.RunConfig{
		Worker: runWorker(headrace.Cluster{Brokers: job.Brokers}, reg), Checkpoint: job.Checkpoint, Rate: job.Rate,
	}, byAirport(func(_ context.Context, origin, airport string) error {
		_, err := fmt.Printf("%s %s\n", origin, airport) //nolint:forbidigo // what the test reads
		return err
	})...)
	return err
}

// runWorker is the config of the service totals.
func runWorker(cluster headrace.Cluster, reg *registry.Client) consumer.Config {
	return consumer.Config{
		Cluster: cluster, Registry: reg, Group: flights.TotalsGroup, Topics: []string{flights.Topic}, Concurrency: lanesOfRun,
		Tuning: consumer.Tuning{CommitInterval: 50 * time.Millisecond},
	}
}

// byAirport is the handlers of a new build of totals.
func byAirport(count func(ctx context.Context, origin, airport string) error) []consumer.Handler {
	return []consumer.Handler{
		consumer.On(func(ctx context.Context, e events.FlightArrived) error {
			return count(ctx, consumer.InfoFrom(ctx).Origin(), e.Origin)
		}),
		consumer.On(func(ctx context.Context, e events.FlightCancelled) error {
			return count(ctx, consumer.InfoFrom(ctx).Origin(), e.Origin)
		}),
		consumer.On(func(ctx context.Context, e events.FlightDiverted) error {
			return count(ctx, consumer.InfoFrom(ctx).Origin(), e.Origin)
		}),
	}
}

// TestJanuaryIsCountedByAirport replays a range of time into handlers in processes that are killed, beside the live group.
func TestJanuaryIsCountedByAirport(t *testing.T) {
	counted := countJanuary(t)
	if diff := cmp.Diff(january, counted); diff != "" {
		t.Fatalf("the file is not the one that this test knows (-known +file):\n%s", diff)
	}
	for _, version := range stack.Versions(kraft.Current) {
		t.Run(version, func(t *testing.T) {
			cluster := kraft.Start(t, kraft.Config{Version: version})
			r := startRegistry(t)
			publishFlights(t, cluster, r)
			totals := &flights.Totals{}
			live, err := totals.Worker(flights.Connection{Cluster: stack.Cluster(cluster), Registry: r})
			if err != nil {
				t.Fatal(err)
			}
			liveRuns(t, live)
			before := committed(t, cluster)

			plan, err := replay.Make(t.Context(), replay.Request{
				From: stack.Cluster(cluster), Registry: r, Target: replay.Target{Handlers: flights.TotalsGroup},
				Source: replay.Source{Topics: []string{flights.Topic}, From: januaryBegins, To: januaryEnds},
			})
			if err != nil {
				t.Fatal(err)
			}
			replayKilled(t, cluster, r, plan)
			liveOnlyIsNotCalled(t, cluster, r, plan)

			if diff := cmp.Diff(before, committed(t, cluster)); diff != "" {
				t.Errorf("the live group's offsets (-before +after):\n%s", diff)
			}
			if s := live.Stats(); s.Handled != allFlights || s.LiveOnly != 0 {
				t.Errorf("the live group was handed events of the replay: %+v", s)
			}
		})
	}
}

// liveRuns runs the live group until it has handled and committed everything, and lets it run on.
func liveRuns(t *testing.T, live *consumer.Worker) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- live.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("live group: %v", err)
		}
	})
	deadline := time.Now().Add(2 * time.Minute)
	for {
		state := live.State()
		left := int64(0)
		for _, p := range state.Partitions {
			left += p.LogEnd - p.Committed
		}
		if live.Stats().Handled == allFlights && left == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("live group: %+v", live.Stats())
		}
		<-time.After(20 * time.Millisecond)
	}
}

func committed(t *testing.T, c *kraft.Cluster) map[int32]int64 {
	t.Helper()
	found, err := admin.Committed(t.Context(), c, flights.TotalsGroup, flights.Topic)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != flights.Partitions {
		t.Fatalf("the live group has committed %v", found)
	}
	return found
}

// replayKilled runs a plan in processes of which all but the last are killed in the middle.
func replayKilled(t *testing.T, c *kraft.Cluster, r *registry.Client, plan replay.Plan) {
	t.Helper()
	job := runJob{Brokers: c.Brokers(), Registry: r.URL(), Plan: plan, Checkpoint: filepath.Join(t.TempDir(), "run.json"), Rate: 12_000}
	counted := &countedFlights{airport: map[string]string{}}
	unsaved := 0
	for _, until := range []int{4000, 11_000, 19_000} {
		p := startProgram(t, "run", job, counted)
		for counted.len() < until {
			select {
			case <-p.Ended():
				t.Fatalf("the run ended: %v\n%s", p.Wait(), p.Tail(20))
			case <-time.After(time.Millisecond):
			}
		}
		p.Kill()
		unsaved += counted.len() - savedOf(t, job.Checkpoint)
	}
	job.Rate = 0
	p := startProgram(t, "run", job, counted)
	if err := p.Wait(); err != nil {
		t.Fatalf("the last run: %v\n%s", err, p.Tail(20))
	}
	if diff := cmp.Diff(january, counted.byAirport()); diff != "" {
		t.Errorf("flights by airport (-file +replay):\n%s", diff)
	}
	if counted.again > unsaved {
		t.Errorf("%d flights were handled again, and only %d were not in a checkpoint when a process was killed", counted.again, unsaved)
	}
	result, err := replay.Run(t.Context(), plan, replay.RunConfig{Worker: runWorker(stack.Cluster(c), r), Checkpoint: job.Checkpoint},
		byAirport(func(context.Context, string, string) error { return errors.New("there is nothing left to handle") })...)
	if err != nil || !result.Done || result.Handled != int64(len(counted.airport)) || result.Handled != plan.Counts.Events {
		t.Errorf("in the end: %+v, %v; planned %d", result, err, plan.Counts.Events)
	}
	audit, err := replay.Status(t.Context(), stack.Cluster(c), plan.ID)
	if err != nil || audit.State != replay.StateDone || audit.Events != result.Handled || audit.Runs != 5 {
		t.Errorf("record %+v, %v", audit, err)
	}
	t.Logf("%d flights of January: %v; three kills, %d handled again, of %d that no checkpoint had", result.Handled, counted.byAirport(), counted.again, unsaved)
}

// savedOf is how many events a checkpoint says are handled.
func savedOf(t *testing.T, path string) (handled int) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Spans []consumer.ReplaySpan }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	for _, s := range file.Spans {
		handled += int(s.Counts.Handled)
	}
	return handled
}

// liveOnlyIsNotCalled replays once more, with a handler that sends mails.
func liveOnlyIsNotCalled(t *testing.T, c *kraft.Cluster, r *registry.Client, plan replay.Plan) {
	t.Helper()
	again, err := replay.Make(t.Context(), replay.Request{From: stack.Cluster(c), Registry: r, Target: plan.Target, Source: plan.Source})
	if err != nil {
		t.Fatal(err)
	}
	handlers := byAirport(func(context.Context, string, string) error { return nil })
	handlers[1] = consumer.On(func(context.Context, events.FlightCancelled) error {
		t.Error("a mail was sent once more")
		return nil
	}).LiveOnly()
	result, err := replay.Run(t.Context(), again, replay.RunConfig{Worker: runWorker(stack.Cluster(c), r), Checkpoint: filepath.Join(t.TempDir(), "mails.json")}, handlers...)
	if err != nil || result.LiveOnly != 521 || result.Handled+result.LiveOnly != plan.Counts.Events {
		t.Errorf("%+v, %v", result, err)
	}
}

// countedFlights is what processes have counted, as they write it.
type countedFlights struct {
	mu      sync.Mutex
	rest    []byte
	airport map[string]string // by origin
	again   int
}

func (k *countedFlights) Write(p []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.rest = append(k.rest, p...)
	end := bytes.LastIndexByte(k.rest, '\n') + 1
	for line := range strings.Lines(string(k.rest[:end])) {
		origin, airport, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if _, err := consumer.ParseOrigin(origin); err != nil || !ok {
			continue // what a process that was killed has left of a line
		}
		if _, known := k.airport[origin]; known {
			k.again++
		}
		k.airport[origin] = airport
	}
	k.rest = append(k.rest[:0], k.rest[end:]...)
	return len(p), nil
}

func (k *countedFlights) len() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.airport)
}

func (k *countedFlights) byAirport() map[string]int {
	k.mu.Lock()
	defer k.mu.Unlock()
	found := map[string]int{}
	for airport := range maps.Values(k.airport) {
		found[airport]++
	}
	return found
}

// countJanuary reads the file without a broker.
func countJanuary(t *testing.T) map[string]int {
	t.Helper()
	root, err := cache.Root()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(filepath.Join(root, "..", "..", "shared", "data", "flights-2013.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	rows, err := flights.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	airports := map[string]int{}
	count := func(date time.Time, airport string) {
		if date.Month() == time.January {
			airports[airport]++
		}
	}
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return airports
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := row.Event.(type) {
		case events.FlightArrived:
			count(e.Date, e.Origin)
		case events.FlightCancelled:
			count(e.Date, e.Origin)
		case events.FlightDiverted:
			count(e.Date, e.Origin)
		}
	}
}
