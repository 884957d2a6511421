// Package evolution changes a schema under running services, on a real broker and a real registry.
package evolution

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/examples/flights/events"
	"github.com/headrace/headrace/examples/flights/evolution/version2"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/apicurio"
	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

const (
	topic   = "flights"
	subject = "flights-flights.FlightArrived"

	files    = "../../examples/flights"
	version1 = files + "/schemas/FlightArrived.avsc"
	next     = files + "/evolution/version2/FlightArrived.avsc"
	breaking = files + "/evolution/version3/FlightArrived.avsc"
)

// servers are a broker, a registry, and the command line that talks to both.
type servers struct {
	t        *testing.T
	cluster  *kraft.Cluster
	apicurio *apicurio.Registry
	registry *registry.Client
	headrace string
}

func start(t *testing.T) *servers {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "headrace")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./cmd/headrace")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the command line: %v\n%s", err, out)
	}
	reg := apicurio.Start(t)
	s := &servers{
		t: t, cluster: kraft.Start(t, kraft.Config{Version: stack.Versions(kraft.Current)[0]}),
		apicurio: reg, registry: stack.Registry(t, reg.URL), headrace: binary,
	}
	admin.CreateTopic(t, s.cluster, topic, 3, nil)
	return s
}

// run runs a command, which must end with the code, and returns what it printed.
func (s *servers) run(code int, args ...string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), s.headrace, append([]string{"schema"}, args...)...)
	cmd.Env = append(os.Environ(), "KAFKA_BROKERS="+strings.Join(s.cluster.Brokers(), ","), "SCHEMA_REGISTRY_URL="+s.apicurio.URL)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		s.t.Fatalf("headrace schema %s: exit code %d, want %d:\n%s", strings.Join(args, " "), got, code, out)
	}
	return string(out)
}

func says(t *testing.T, what, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%s does not say %q:\n%s", what, want, text)
		}
	}
}

var (
	tail, gate = "N14228", "C7"
	moment     = time.Date(2013, 1, 1, 10, 15, 0, 0, time.UTC)
	oldEvent   = events.FlightArrived{Carrier: "UA", Flight: 1545, TailNumber: &tail, Origin: "EWR", Destination: "IAH", Date: moment.Truncate(24 * time.Hour), ScheduledDeparture: moment}
	newEvent   = version2.FlightArrived{Carrier: "UA", Flight: 1714, Registration: &tail, Origin: "LGA", Destination: "IAH", Date: moment.Truncate(24 * time.Hour), ScheduledDeparture: moment, Gate: &gate}
)

// send sends n events of either version, of one key, in turns.
func (s *servers) send(reg *registry.Client, n int) {
	s.t.Helper()
	p := stack.Producer(s.t, producer.Config{Cluster: stack.Cluster(s.cluster), Registry: reg})
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	old, now := producer.For[events.FlightArrived](p, topic), producer.For[version2.FlightArrived](p, topic)
	var failed error
	var once sync.Once
	done := func(_ headrace.Location, err error) {
		if err != nil {
			once.Do(func() { failed = err })
		}
	}
	for range n {
		old.Post(ctx, tail, oldEvent, done)
		now.Post(ctx, tail, newEvent, done)
	}
	if err := p.Flush(ctx); err != nil || failed != nil {
		s.t.Fatalf("send: %v, %v", err, failed)
	}
}

// handled runs a worker until it has handled n events.
func handled[E schema.Event](s *servers, reg *registry.Client, group string, n int) []E {
	s.t.Helper()
	var mu sync.Mutex
	var got []E
	w := stack.Work(s.t, consumer.Config{Cluster: stack.Cluster(s.cluster), Registry: reg, Group: group, Topics: []string{topic}},
		consumer.On(func(_ context.Context, e E) error {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, e)
			return nil
		}))
	w.Until(s.t, time.Minute, "every event is handled", func() bool { return w.Stats().Handled >= int64(n) })
	if err := w.Stop(); err != nil {
		s.t.Error(err)
	}
	return got
}

func TestFlightArrivedEvolves(t *testing.T) {
	s := start(t)
	s.run(0, "check", next, "--against", version1, "--level", "FULL_TRANSITIVE")
	s.run(0, "register", version1, "--subject", subject, "--compatibility", "FULL_TRANSITIVE")
	s.run(0, "register", next, "--subject", subject)
	says(t, "the level", s.run(0, "compat", "get", subject), "FULL_TRANSITIVE")
	s.send(s.registry, 1)

	asOld := events.FlightArrived{Carrier: "UA", Flight: 1714, Origin: "LGA", Destination: "IAH", Date: oldEvent.Date, ScheduledDeparture: moment}
	if diff := cmp.Diff([]events.FlightArrived{oldEvent, asOld}, handled[events.FlightArrived](s, s.registry, "old", 2)); diff != "" {
		t.Errorf("the worker of version 1 (-want +got):\n%s", diff)
	}
	asNew := version2.FlightArrived{Carrier: "UA", Flight: 1545, Registration: &tail, Origin: "EWR", Destination: "IAH", Date: oldEvent.Date, ScheduledDeparture: moment}
	if diff := cmp.Diff([]version2.FlightArrived{asNew, newEvent}, handled[version2.FlightArrived](s, s.registry, "new", 2)); diff != "" {
		t.Errorf("the worker of version 2 (-want +got):\n%s", diff)
	}

	reasons := []string{
		"the reader's string cannot be read from the writer's int",  // distance_miles
		"the reader's string cannot be read from the writer's null", // gate
		"the reader's field runway of flights.FlightArrived is not in the writer's schema and has no default",
	}
	says(t, "check", s.run(100, "check", breaking, "--against", next, "--level", "BACKWARD"), reasons...)
	says(t, "check against the registry", s.run(100, "check", breaking, "--against", "registry:"+subject), reasons...)
	says(t, "register", s.run(100, "register", breaking, "--subject", subject), append(reasons, "nothing was registered")...)
	says(t, "scan", s.run(100, "scan", topic, "--reader", breaking), append(reasons, "looked at 2 events", "FlightArrived.avsc:12:40")...)
	says(t, "scan of what is deployed", s.run(0, "scan", topic, "--reader", next), "reads")

	text, err := os.ReadFile(breaking)
	if err != nil {
		t.Fatal(err)
	}
	broken, err := schema.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	var refused *registry.IncompatibleError
	if _, err := s.registry.Register(t.Context(), subject, broken); !errors.As(err, &refused) {
		t.Errorf("the registry, asked straight: %v", err)
	}
	t.Logf("kafka %s, apicurio: 2 versions, 2 workers, 4 events read; version 3 refused by check, register, scan and the registry", s.cluster.Version)
}

// A folder whose events share a type is registered with references, in their order, and found by producers.
func TestFolderIsRegisteredWithReferences(t *testing.T) {
	s := start(t)
	folder := t.TempDir()
	for name, text := range map[string]string{
		"money.avsc":  `{"type":"record","name":"Money","namespace":"shop","fields":[{"name":"cents","type":"long"}]}`,
		"placed.avsc": `{"type":"record","name":"OrderPlaced","namespace":"shop","fields":[{"name":"total","type":"Money"}]}`,
		"paid.avsc":   `{"type":"record","name":"OrderPaid","namespace":"shop","fields":[{"name":"paid","type":"shop.Money"}]}`,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	register := func(code int, more ...string) string {
		return s.run(code, append([]string{"register", folder, "--topic", "orders"}, more...)...)
	}
	says(t, "the plan", register(3, "--dry-run"), "shop.Money", "orders-shop.OrderPlaced", "orders-shop.OrderPaid", "new")
	register(2) // nobody can be asked
	register(0, "--yes", "--compatibility", "BACKWARD_TRANSITIVE")
	if again := register(0, "--dry-run"); strings.Count(again, "unchanged") != 3 {
		t.Errorf("the second plan:\n%s", again)
	}
	says(t, "a level", s.run(0, "compat", "get", "orders-shop.OrderPaid"), "BACKWARD_TRANSITIVE")

	// A generated type carries its schema in one text.
	whole, err := schema.Parse(`{"type":"record","name":"OrderPlaced","namespace":"shop","fields":[{"name":"total","type":{"type":"record","name":"Money","fields":[{"name":"cents","type":"long"}]}}]}`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.registry.Lookup(t.Context(), "orders-shop.OrderPlaced", whole); err != nil {
		t.Errorf("the type that was generated from the folder is not found: %v", err)
	}

	s.run(0, "delete", "orders-shop.OrderPaid", "--yes")
	s.run(1, "get", "orders-shop.OrderPaid")
}
