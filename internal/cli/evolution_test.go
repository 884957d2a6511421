package cli

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/headrace/headrace/internal/devserver"
)

// The example's third version is refused by every command that could let it through, with the field and the reason.
func TestBreakingVersionOfTheExampleIsRefusedByCheckRegisterAndScan(t *testing.T) {
	t.Parallel()
	example := filepath.Join("..", "..", "examples", "flights")
	one := filepath.Join(example, "schemas", "FlightArrived.avsc")
	two := filepath.Join(example, "evolution", "version2", "FlightArrived.avsc")
	three := filepath.Join(example, "evolution", "version3", "FlightArrived.avsc")
	reasons := []string{
		"the reader's string cannot be read from the writer's int",  // distance_miles
		"the reader's string cannot be read from the writer's null", // gate
		"the reader's field runway of flights.FlightArrived is not in the writer's schema and has no default",
	}

	s := start(t, devserver.Config{})
	s.createTopic("flights", 1)
	s.run("", "schema", "check", two, "--against", one, "--level", "FULL_TRANSITIVE").want(t, exitDone)
	for _, file := range []string{one, two} {
		s.run("", "schema", "register", file, "--subject", "flights-value", "--compatibility", "FULL_TRANSITIVE").want(t, exitDone)
		lines := s.run("", "schema", "sample", file, "-n", "5", "--seed", "1").want(t, exitDone).stdout
		s.run(lines, "produce", "flights").want(t, exitDone, "sent 5 events")
	}
	for _, reader := range []string{one, two} {
		s.run("", "schema", "scan", "flights", "--reader", reader).want(t, exitDone, "looked at 10 events")
	}

	says := func(what, text string, reasons ...string) {
		t.Helper()
		for _, reason := range reasons {
			if !strings.Contains(text, reason) {
				t.Errorf("%s does not say %q:\n%s", what, reason, text)
			}
		}
	}
	r := s.run("", "schema", "check", three, "--against", one, "--against", two, "--level", "FULL_TRANSITIVE").want(t, exitFindings)
	says("check", r.stdout, append(reasons, filepath.Join("version3", "FlightArrived.avsc")+":21:5:")...)
	r = s.run("", "schema", "register", three, "--subject", "flights-value").want(t, exitFindings, "nothing was registered")
	says("register", r.stderr, reasons...)
	r = s.run("", "schema", "scan", "flights", "--reader", filepath.Dir(three)).want(t, exitFindings)
	says("scan", r.stdout, append(reasons, "schema id 1, 5 events from topic flights partition 0 offset 0", "version3/FlightArrived.avsc:12:40:")...)
	if r := s.run("", "schema", "versions", "flights-value", "-o", "jsonl").want(t, exitDone); strings.Count(r.stdout, "\n") != 2 {
		t.Errorf("versions: %s", r.stdout)
	}
}
