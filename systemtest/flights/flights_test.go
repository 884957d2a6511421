package flights

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/headrace/headrace/examples/flights"
	"github.com/headrace/headrace/reader"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/apicurio"
	"github.com/headrace/headrace/systemtest/internal/javaclient"
	"github.com/headrace/headrace/systemtest/internal/kcat"
	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/record"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// deleteSoon makes the broker look every second for events that are past their topic's retention, as flights of 2013
// are unless the topic keeps them.
var deleteSoon = map[string]string{"log.initial.task.delay.ms": "1000", "log.retention.check.interval.ms": "1000"}

// TestEveryFlightArrives holds the journey of all 336,776 flights against the file itself, and what lies in Kafka
// against what three other clients read there.
func TestEveryFlightArrives(t *testing.T) {
	rows, err := readFile()
	if err != nil {
		t.Fatal(err)
	}
	registry := apicurio.Start(t)
	for _, version := range stack.Versions(kraft.Oldest, kraft.Current, kraft.Recent, kraft.Newest) {
		t.Run(version, func(t *testing.T) {
			cluster := kraft.Start(t, kraft.Config{Version: version, Properties: deleteSoon})
			j := &journey{rows: rows, cluster: cluster, registry: stack.Registry(t, registry.URL)}
			if err := flights.Setup(t.Context(), flights.Connection{Cluster: stack.Cluster(cluster), Registry: j.registry}); err != nil {
				t.Fatal(err)
			}

			sending := time.Now()
			j.send(t)
			handling := time.Now()
			j.handle(t)
			handled := time.Now()

			report := j.log.Report()
			report.Exact(t)
			if j.cancelled != cancelled || j.diverted != diverted || j.arrived != arrived || j.wrong != 0 {
				t.Errorf("handled %d cancelled, %d diverted, %d arrived, %d with other content than sent; want %d, %d, %d, 0",
					j.cancelled, j.diverted, j.arrived, j.wrong, cancelled, diverted, arrived)
			}
			digest := everyReaderAgrees(t, j)
			keys := partitionsAreJavas(t, j)
			t.Logf("kafka %s: %s; %d cancelled, %d diverted, %d arrived; sent in %s, handled in %s; reader.Read, kgo, kcat and Java agree on %d partitions; %d keys where Java puts them",
				version, report, j.cancelled, j.diverted, j.arrived,
				handling.Sub(sending).Round(time.Millisecond), handled.Sub(handling).Round(time.Millisecond), len(digest), keys)
		})
	}
}

// everyReaderAgrees compares offsets, timestamps, keys, values and headers of all records, by digest.
func everyReaderAgrees(t *testing.T, j *journey) map[int32]record.Digest {
	t.Helper()
	var ours, kgo, librdkafka record.Digester
	err := reader.Read(t.Context(), reader.Config{
		Cluster: stack.Cluster(j.cluster), Topic: flights.Topic, Range: reader.Range{From: reader.AtStart(), To: reader.AtEnd()},
	}, func(r reader.Record) error {
		ours.Add(stack.Record(r))
		return nil
	})
	if err != nil {
		t.Fatalf("reader.Read: %v", err)
	}
	admin.ReadAll(t, j.cluster, flights.Topic, kgo.Add)
	kcat.Read(t, j.cluster.Brokers(), flights.Topic, librdkafka.Add)

	want := javaclient.New(t, j.cluster).Digest(t, flights.Topic)
	for name, got := range map[string]map[int32]record.Digest{"reader.Read": ours.Sums(), "kgo": kgo.Sums(), "kcat": librdkafka.Sums()} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s reads other records than the Java client (-java +%s):\n%s", name, name, diff)
		}
	}
	total := int64(0)
	for _, d := range want {
		total += d.Records
	}
	if total != int64(len(j.rows)) {
		t.Errorf("topic holds %d records, want %d", total, len(j.rows))
	}
	return want
}

// partitionsAreJavas returns how many keys it compared.
func partitionsAreJavas(t *testing.T, j *journey) int {
	t.Helper()
	keys := slices.Sorted(maps.Keys(j.partition))
	for i, want := range javaclient.New(t, j.cluster).Partitions(t, keys, flights.Partitions) {
		if got := j.partition[keys[i]]; got != want {
			t.Errorf("key %q is in partition %d, Java chooses %d", keys[i], got, want)
		}
	}
	if len(keys) == 0 {
		t.Error("no keys were seen")
	}
	return len(keys)
}
