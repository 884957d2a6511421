package replay

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/headrace/headrace/examples/flights"
	"github.com/headrace/headrace/internal/devserver"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/replay"
	"github.com/headrace/headrace/replay/filter"
	"github.com/headrace/headrace/schema/registry"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/cache"
	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/record"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// allFlights is how many the file holds.
const allFlights = 336_776

// forever keeps events whatever their time: those of the flights are of 2013.
var forever = map[string]string{"retention.ms": "-1"}

// startRegistry starts a registry in this process.
func startRegistry(t *testing.T) *registry.Client {
	t.Helper()
	servers, err := devserver.Start(devserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = servers.Close() })
	return stack.Registry(t, servers.RegistryURL)
}

// publishFlights writes all flights into the topic flights of a cluster.
func publishFlights(t *testing.T, c *kraft.Cluster, r *registry.Client) {
	t.Helper()
	root, err := cache.Root()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(filepath.Join(root, "..", "..", "shared", "data", "flights-2013.csv.gz"))
	if err != nil {
		t.Fatalf("this test reads all of shared/data/flights-2013.csv.gz, beside the checkout: %v", err)
	}
	defer func() { _ = file.Close() }()
	rows, err := flights.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := flights.Setup(t.Context(), flights.Connection{Cluster: stack.Cluster(c), Registry: r}); err != nil {
		t.Fatal(err)
	}
	p := stack.Producer(t, producer.Config{Cluster: stack.Cluster(c), Registry: r, Compression: producer.LZ4})
	if err := flights.NewPublisher(p).Publish(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
}

// planCopy plans a copy of everything that a topic holds.
func planCopy(t *testing.T, from, to *kraft.Cluster, r *registry.Client, topic string, target replay.Target, filter filter.Filter) replay.Plan {
	t.Helper()
	request := replay.Request{From: stack.Cluster(from), Registry: r, Source: replay.Source{Topics: []string{topic}}, Target: target, Filter: filter}
	if to != from {
		request.To = new(stack.Cluster(to))
	}
	plan, err := replay.Make(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// copyHere copies in this process, to the end.
func copyHere(t *testing.T, cfg replay.CopyConfig) replay.Outcome {
	t.Helper()
	if cfg.Checkpoint == "" {
		cfg.Checkpoint = filepath.Join(t.TempDir(), "checkpoint.json")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := replay.Copy(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if !out.Done {
		t.Fatalf("the copy says that it is not done: %+v", out)
	}
	return out
}

// event is what a copy has to keep of a record.
type event struct {
	record.Record

	source int64 // offset that its header names, -1 without one
}

// contents reads what a topic holds with another client, by partition. It takes the headers of this replay off the events.
func contents(t *testing.T, c *kraft.Cluster, topic, id string) map[int32][]event {
	t.Helper()
	found := map[int32][]event{}
	admin.ReadAll(t, c, topic, func(r record.Record) {
		e := event{Record: r, source: -1}
		var own []record.Header
		names := map[string]string{}
		for _, h := range r.Headers {
			switch h.Key {
			case replay.HeaderReplay, replay.HeaderTopic, replay.HeaderPartition, replay.HeaderOffset, replay.HeaderHops:
				names[h.Key] = string(h.Value)
			default:
				own = append(own, h)
			}
		}
		e.Headers = own
		if len(names) > 0 {
			source, err := strconv.ParseInt(names[replay.HeaderOffset], 10, 64)
			if err != nil || names[replay.HeaderReplay] != id || names[replay.HeaderPartition] != strconv.Itoa(int(r.Partition)) || names[replay.HeaderHops] != "1" {
				t.Errorf("topic %s partition %d offset %d has the headers %v", topic, r.Partition, r.Offset, names)
			}
			e.source = source
		}
		found[r.Partition] = append(found[r.Partition], e)
	})
	return found
}

// sameEvents fails unless got is want, event by event and in order, but for offsets. It returns how many there are.
func sameEvents(t *testing.T, want, got map[int32][]event, stamped bool) (events int) {
	t.Helper()
	for partition := range max(len(want), len(got)) + 1 {
		want, got := want[int32(partition)], got[int32(partition)]
		if len(want) != len(got) {
			t.Errorf("partition %d: the copy holds %d events, the source %d", partition, len(got), len(want))
		}
		for i := range min(len(want), len(got)) {
			w, g := want[i], got[i]
			source := w.Offset
			if !stamped {
				source = -1
			}
			if w.Timestamp != g.Timestamp || !sameBytes(w.Key, g.Key) || !sameBytes(w.Value, g.Value) || !sameHeaders(w.Headers, g.Headers) || g.source != source {
				t.Errorf("partition %d event %d: the copy holds %+v, the source %+v", partition, i, g, w)
				break
			}
		}
		events += len(got)
	}
	return events
}

// sameBytes keeps null and empty apart.
func sameBytes(a, b record.Bytes) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }

func sameHeaders(a, b []record.Header) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Key != b[i].Key || !sameBytes(a[i].Value, b[i].Value) {
			return false
		}
	}
	return true
}

// held is how many offsets a topic has.
func held(t *testing.T, c *kraft.Cluster, topic string) (offsets int64) {
	t.Helper()
	for _, end := range admin.Ends(t, c, topic) {
		offsets += end
	}
	return offsets
}
