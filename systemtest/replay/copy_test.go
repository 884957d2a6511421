package replay

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/headrace/headrace/examples/flights"
	"github.com/headrace/headrace/replay"
	"github.com/headrace/headrace/replay/filter"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/javaclient"
	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// deaths is how often the copying process is killed.
const deaths = 10

// TestACopyKilledTenTimes kills the process that copies all flights at ten random moments. What the target holds in the end is what
// the source holds.
func TestACopyKilledTenTimes(t *testing.T) {
	for _, version := range stack.Versions(kraft.Current) {
		cluster := kraft.Start(t, kraft.Config{Version: version})
		r := startRegistry(t)
		publishFlights(t, cluster, r)
		source := contents(t, cluster, flights.Topic, "")
		java := javaclient.New(t, cluster)
		want := java.Digest(t, flights.Topic)
		for name, raw := range map[string]bool{"with origin headers": false, "raw": true} {
			t.Run(version+" "+name, func(t *testing.T) {
				target := map[bool]string{false: "flights.again", true: "flights.raw"}[raw]
				admin.CreateTopic(t, cluster, target, flights.Partitions, forever)
				plan := planCopy(t, cluster, cluster, r, flights.Topic, replay.Target{Topic: target, Raw: raw}, filter.Filter{})
				began := time.Now()
				at := killTenTimes(t, cluster, plan)
				if events := sameEvents(t, source, contents(t, cluster, target, plan.ID), !raw); events != allFlights {
					t.Errorf("the target holds %d events, want %d", events, allFlights)
				}
				if raw {
					for partition, got := range java.Digest(t, target) {
						if got != want[partition] {
							t.Errorf("partition %d: Java reads %+v in the target and %+v in the source", partition, got, want[partition])
						}
					}
				}
				t.Logf("kafka %s, %s: killed when the target held %d; %d events in the end, in %v",
					version, name, at, allFlights, time.Since(began).Round(time.Millisecond))
			})
		}
	}
}

// killTenTimes runs the copy in processes of which ten are killed, and the last is not. It returns what the target held at each kill.
func killTenTimes(t *testing.T, c *kraft.Cluster, plan replay.Plan) (at []int64) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	job := copyJob{From: c.Brokers(), Plan: plan, Checkpoint: filepath.Join(t.TempDir(), "checkpoint.json"), Rate: 100_000}
	ends := make([]int64, deaths)
	for i := range ends {
		ends[i] = random.Int64N(allFlights * 8 / 10)
	}
	slices.Sort(ends)
	for _, end := range ends {
		end = max(end, held(t, c, plan.Target.Topic)+1) // each life brings something over
		process := startProgram(t, "copy", job, nil)
		for held(t, c, plan.Target.Topic) < end {
			select {
			case <-process.Ended():
				t.Fatalf("the copy ended with %v when the target held %d events:\n%s", process.Wait(), held(t, c, plan.Target.Topic), process.Tail(20))
			case <-time.After(5 * time.Millisecond):
			}
		}
		<-time.After(time.Duration(random.IntN(100)) * time.Millisecond)
		if !process.Alive() {
			t.Fatalf("the copy ended with %v before it was killed:\n%s", process.Wait(), process.Tail(20))
		}
		process.Kill()
		at = append(at, held(t, c, plan.Target.Topic))
	}
	job.Rate = 0
	process := startProgram(t, "copy", job, nil)
	if err := process.Wait(); err != nil {
		t.Fatalf("the last copy: %v\n%s", err, process.Tail(20))
	}
	return at
}
