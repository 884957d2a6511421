// Package crash kills worker processes with SIGKILL and holds what their successors do against the committed offsets.
package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/headrace/headrace/producer"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/apicurio"
	"github.com/headrace/headrace/systemtest/internal/check"
	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/process"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

const (
	group      = "crash"
	topic      = "crash"
	partitions = 6
	keys       = 300
	total      = 100_000
	crashes    = 20
	perTick    = 30   // every 5 ms: 6,000 events a second
	ahead      = 3000 // more events than that are not sent before they are handled, so that they flow until the last crash
)

// seedVariable repeats a run's random choices.
const seedVariable = "HEADRACE_SEED"

func TestKilledWorkerLosesNothing(t *testing.T) {
	for _, version := range stack.Versions(kraft.Current) {
		t.Run(version, func(t *testing.T) { killWorkers(t, version) })
	}
}

func killWorkers(t *testing.T, version string) {
	seed := seed(t)
	random := rand.New(rand.NewPCG(seed, seed))
	cluster := kraft.Start(t, kraft.Config{Version: version})
	registry := apicurio.Start(t)
	admin.CreateTopic(t, cluster, topic, partitions, nil)
	var log check.Log
	journal := newJournal(&log)
	sent := sendAll(t, cluster, registry.URL, &log, journal)
	commits := watchCommits(t, cluster)

	points := make([]int, crashes)
	for i := range points {
		points[i] = (i*total + random.IntN(total)) / (crashes + 1)
	}

	doubled := make([]int, 0, crashes)
	worst, bound := 0, 0
	var before map[int32]int64 // committed when the last life began
	inFlight := 0              // handled beyond that
	for life := 0; life <= crashes; life++ {
		worker := startWorker(t, cluster, registry.URL, journal, life)
		want := total
		switch {
		case life == crashes:
		case life%5 == 4:
			want = 0 // this one dies while it starts
		default:
			want = min(max(points[life], journal.count()+random.IntN(1000)), total)
		}
		awaitHandled(t, worker, journal, want)
		if life < crashes {
			// A random moment, not the one at which the test noticed.
			<-time.After(time.Duration(random.IntN(300)) * time.Millisecond)
		}
		worker.Kill()
		again := journal.newLife()
		if life > 0 {
			doubled = append(doubled, len(again))
			worst, bound = max(worst, len(again)), max(bound, inFlight)
			checkAgain(t, life, again, before, inFlight)
		}
		committed, err := commits.sample(t.Context())
		if err != nil {
			t.Fatalf("committed offsets: %v", err)
		}
		var skipped *position
		if inFlight, skipped = journal.uncommitted(committed); skipped != nil {
			t.Errorf("crash %d: partition %d is committed up to %d, offset %d was never handled",
				life+1, skipped.partition, committed[skipped.partition], skipped.offset)
		}
		before = committed
	}
	if err := <-sent; err != nil {
		t.Errorf("send: %v", err)
	}
	report := log.Report()
	report.AtLeastOnce(t)
	samples, back := commits.report()
	if len(back) > 0 {
		t.Errorf("committed offsets went back %d times, first %s", len(back), back[0])
	}
	if len(journal.garbled) > 0 {
		t.Errorf("worker printed %d lines that are no events, first %q", len(journal.garbled), journal.garbled[0])
	}
	t.Logf("kafka %s, seed %d: %d crashes at %v handled; %s; handled again per crash %v, at most %d of at most %d in flight; %d samples of committed offsets, %d went back",
		version, seed, crashes, points, report, doubled, worst, bound, samples, len(back))
}

// checkAgain holds what a life handled again against what was in flight when the life before it was killed.
func checkAgain(t *testing.T, life int, again []position, committed map[int32]int64, inFlight int) {
	t.Helper()
	if len(again) > inFlight {
		t.Errorf("crash %d: %d events were handled again, only %d were in flight", life, len(again), inFlight)
	}
	for _, at := range again {
		if at.offset < committed[at.partition] {
			t.Errorf("crash %d: partition %d offset %d was handled again, though committed up to %d",
				life, at.partition, at.offset, committed[at.partition])
			return
		}
	}
}

// startWorker starts the next life: in turn a static member, which takes its partitions back at once, and a dynamic
// one, which waits until the group has given up the one before.
func startWorker(t *testing.T, cluster *kraft.Cluster, registry string, journal *journal, life int) *process.Process {
	t.Helper()
	j := job{Brokers: cluster.Brokers(), Registry: registry, Group: group, Topic: topic}
	if life%4 < 2 {
		j.InstanceID = "the-worker"
	}
	described, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return process.Start(t, process.Spec{
		Name: fmt.Sprintf("worker-%d", life), Command: []string{binary}, Env: []string{workerVariable + "=" + string(described)}, Stdout: journal,
	})
}

func awaitHandled(t *testing.T, worker *process.Process, journal *journal, want int) {
	t.Helper()
	worker.Await(t, 90*time.Second, func() error {
		if handled := journal.count(); handled < want {
			return fmt.Errorf("%d of %d events are handled", handled, want)
		}
		return nil
	})
}

// sendAll sends all events in the background, evenly but never far ahead of the worker, and tells how it ended.
func sendAll(t *testing.T, cluster *kraft.Cluster, registry string, log *check.Log, journal *journal) <-chan error {
	t.Helper()
	p := stack.Producer(t, producer.Config{Cluster: stack.Cluster(cluster), Registry: stack.Registry(t, registry), AutoRegister: true})
	numbered := producer.For[events.Numbered](p, topic)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	ended := make(chan error, 1)
	go func() {
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		for sent := range total {
			if sent%perTick == 0 {
				if err := awaitRoom(ctx, ticker.C, journal, sent); err != nil {
					ended <- err
					return
				}
			}
			key := fmt.Sprintf("key-%d", sent%keys)
			number := log.Next(key)
			numbered.Post(ctx, key, events.Numbered{Key: key, Number: int64(number)}, func(err error) {
				if err == nil {
					log.Ended(key, number, check.Acked)
				}
			})
		}
		ended <- p.Flush(ctx)
	}()
	return ended
}

// awaitRoom waits for a tick at which the worker is not too far behind.
func awaitRoom(ctx context.Context, tick <-chan time.Time, journal *journal, sent int) error {
	for {
		select {
		case <-tick:
		case <-ctx.Done():
			return ctx.Err()
		}
		if sent-journal.count() < ahead {
			return nil
		}
	}
}

func seed(t *testing.T) uint64 {
	t.Helper()
	if text := os.Getenv(seedVariable); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", seedVariable, err)
		}
		return seed
	}
	return rand.Uint64()
}
