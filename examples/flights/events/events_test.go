package events_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headrace/headrace/examples/flights/events"
)

// The schema files are what gets registered and reviewed; a type that carries another text would write another format.
func TestTypesCarryTheirSchemaFiles(t *testing.T) {
	t.Parallel()
	schemas := map[string]string{
		"FlightArrived":   events.FlightArrived{}.AvroSchema(),
		"FlightCancelled": events.FlightCancelled{}.AvroSchema(),
		"FlightDiverted":  events.FlightDiverted{}.AvroSchema(),
		"DelayAlert":      events.DelayAlert{}.AvroSchema(),
	}
	files, err := filepath.Glob("../schemas/*.avsc")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(schemas) {
		t.Errorf("%d schema files, %d types", len(files), len(schemas))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".avsc")
		if got, want := schemas[name], strings.TrimSpace(string(text)); got != want {
			t.Errorf("%s carries\n%s\nits file says\n%s", name, got, want)
		}
	}
}
