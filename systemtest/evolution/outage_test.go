package evolution

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/headrace/headrace/examples/flights/events"
	"github.com/headrace/headrace/schema/registry"
)

// Services start and work after the registry has died, by a file of it that the command line wrote.
func TestServicesStartAfterTheRegistryHasDied(t *testing.T) {
	s := start(t)
	for _, file := range []string{version1, next} {
		s.run(0, "register", file, "--subject", subject)
	}
	path := filepath.Join(t.TempDir(), "registry.snapshot")
	says(t, "snapshot", s.run(0, "snapshot", "--out", path), "2 versions")
	s.apicurio.Kill()

	reg, err := registry.New(s.apicurio.URL, registry.WithSnapshot(path))
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Close()
	began := time.Now()
	s.send(reg, 50)
	sent := time.Since(began)
	if got := handled[events.FlightArrived](s, reg, "outage", 100); len(got) != 100 {
		t.Errorf("handled %d events", len(got))
	}
	if state := reg.Snapshot(); !state.Outage {
		t.Errorf("the state is %+v", state)
	}
	t.Logf("kafka %s: registry dead, 100 events sent after %s and handled", s.cluster.Version, sent.Round(time.Millisecond))
}
