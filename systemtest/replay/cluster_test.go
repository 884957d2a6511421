package replay

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/headrace/headrace/examples/flights"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/replay"
	"github.com/headrace/headrace/replay/filter"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// TestACopyAndItsServers stops, changes and doubles what lies around a copy of all flights.
func TestACopyAndItsServers(t *testing.T) {
	cluster := kraft.Start(t, kraft.Config{Properties: map[string]string{"broker.session.timeout.ms": "6000"}})
	r := startRegistry(t)
	publishFlights(t, cluster, r)
	source := contents(t, cluster, flights.Topic, "")

	t.Run("broker killed and started", func(t *testing.T) {
		for name, raw := range map[string]bool{"flights.restart": false, "flights.restart.raw": true} {
			admin.CreateTopic(t, cluster, name, flights.Partitions, forever)
			plan := planCopy(t, cluster, cluster, r, flights.Topic, replay.Target{Topic: name, Raw: raw}, filter.Filter{})
			process := startProgram(t, "copy", copyJob{From: cluster.Brokers(), Plan: plan, Checkpoint: filepath.Join(t.TempDir(), "checkpoint.json"), Rate: 100_000}, nil)
			awaitHeld(t, cluster, name, allFlights/3)
			cluster.Node(1).Kill()
			at := time.Now()
			cluster.Node(1).Start(t)
			down := time.Since(at)
			if err := process.Wait(); err != nil {
				t.Fatalf("the copy: %v\n%s", err, process.Tail(20))
			}
			events := sameEvents(t, source, contents(t, cluster, name, plan.ID), !raw)
			if events != allFlights {
				t.Errorf("the target holds %d events, want %d", events, allFlights)
			}
			t.Logf("raw %v: the broker was away for %v; %d events", raw, down.Round(time.Millisecond), events)
		}
	})

	t.Run("target made anew", func(t *testing.T) {
		const name = "flights.anew"
		admin.CreateTopic(t, cluster, name, flights.Partitions, forever)
		plan := planCopy(t, cluster, cluster, r, flights.Topic, replay.Target{Topic: name}, filter.Filter{})
		cfg := replay.CopyConfig{From: stack.Cluster(cluster), Plan: plan, Checkpoint: filepath.Join(t.TempDir(), "checkpoint.json"), Rate: 100_000}
		ended := make(chan error)
		go func() {
			_, err := replay.Copy(t.Context(), cfg)
			ended <- err
		}()
		awaitHeld(t, cluster, name, allFlights/3)
		if _, err := cluster.Admin.DeleteTopics(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		recreate(t, cluster, name)
		err := <-ended
		if _, missing := errors.AsType[*reader.MissingTopicError](err); !missing && !isRecreated(err, name) {
			t.Errorf("under way: error is %v", err)
		}
		before := held(t, cluster, name) // a broker goes by the name until the copy asks it
		for range 2 {
			if _, err := replay.Copy(t.Context(), cfg); !isRecreated(err, name) {
				t.Errorf("once more: error is %v", err)
			}
		}
		if n := held(t, cluster, name); n > before {
			t.Errorf("a copy that is refused has written %d events", n-before)
		}
		t.Logf("refused with %v; %d events had come into the new topic", err, before)
	})

	t.Run("second cluster", func(t *testing.T) {
		const name = "flights" // the same name elsewhere is no loop
		other := kraft.Start(t, kraft.Config{ClusterID: "YW5vdGhlci1jbHVzdGVyIQ"})
		admin.CreateTopic(t, other, name, flights.Partitions, forever)
		plan := planCopy(t, cluster, other, r, flights.Topic, replay.Target{Topic: name}, filter.Filter{})
		job := copyJob{From: cluster.Brokers(), To: other.Brokers(), Plan: plan, Checkpoint: filepath.Join(t.TempDir(), "checkpoint.json"), Rate: 100_000}
		for _, end := range []int64{allFlights / 5, allFlights / 2} {
			process := startProgram(t, "copy", job, nil)
			awaitHeld(t, other, name, end)
			process.Kill()
		}
		job.Rate = 0
		process := startProgram(t, "copy", job, nil)
		if err := process.Wait(); err != nil {
			t.Fatalf("the copy: %v\n%s", err, process.Tail(20))
		}
		if events := sameEvents(t, source, contents(t, other, name, plan.ID), true); events != allFlights {
			t.Errorf("the other cluster holds %d events, want %d", events, allFlights)
		}
	})
}

// recreate makes a topic anew, as soon as the broker has forgotten the old one.
func recreate(t *testing.T, c *kraft.Cluster, name string) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for {
		_, err := c.Admin.CreateTopic(t.Context(), flights.Partitions, -1, nil, name)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// isRecreated reports whether an error says that the topic is another one.
func isRecreated(err error, topic string) bool {
	stale, ok := errors.AsType[*replay.StaleError](err)
	return ok && stale.Change == replay.TopicRecreated && stale.Topic == topic
}

func awaitHeld(t *testing.T, c *kraft.Cluster, topic string, offsets int64) {
	t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for held(t, c, topic) < offsets {
		if time.Now().After(deadline) {
			t.Fatalf("topic %s does not hold %d offsets after three minutes", topic, offsets)
		}
		<-time.After(5 * time.Millisecond)
	}
}
