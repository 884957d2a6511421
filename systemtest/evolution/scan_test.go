package evolution

import (
	"testing"
	"time"

	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/schema"

	"github.com/headrace/headrace/systemtest/internal/stack"
)

// pairs is how many events of each version are written.
const pairs = 500_000

// A scan counts every event, and says how fast it went.
func TestScanCountsAMillionEvents(t *testing.T) {
	s := start(t)
	for _, file := range []string{version1, next} {
		s.run(0, "register", file, "--subject", subject)
	}
	s.send(s.registry, pairs)
	cfg := reader.ScanConfig{Read: reader.Config{Cluster: stack.Cluster(s.cluster), Topic: topic}}
	began := time.Now()
	scan, err := reader.Scan(t.Context(), cfg)
	took := time.Since(began)
	if err != nil {
		t.Fatal(err)
	}
	if len(scan.Writers) != 2 || scan.Writers[0].Events != pairs || scan.Writers[1].Events != pairs {
		t.Errorf("%+v", scan.Writers)
	}
	compiled, err := schema.Parse(newEvent.AvroSchema())
	if err != nil {
		t.Fatal(err)
	}
	verdicts, err := scan.Check(t.Context(), s.registry, compiled)
	if err != nil || verdicts[0].Unreadable() || verdicts[1].Unreadable() {
		t.Errorf("%+v, %v", verdicts, err)
	}
	cfg.Sample = 10_000
	began = time.Now()
	sample, err := reader.Scan(t.Context(), cfg)
	if err != nil || len(sample.Writers) != 2 || sample.Events < 5_000 || sample.Events > 10_003 {
		t.Errorf("a sample: %+v, %v", sample, err)
	}
	t.Logf("kafka %s: %d events scanned in %s, %.0f a second; a sample of %d in %s", s.cluster.Version, scan.Events,
		took.Round(time.Millisecond), float64(scan.Events)/took.Seconds(), sample.Events, time.Since(began).Round(time.Millisecond))
}
