package faults

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/producer"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/kraft"
)

// leader returns the broker that leads partition 0.
func (f *flow) leader() *kraft.Node { return f.kafka().Node(admin.Leader(f, f.kafka(), f.topic, 0)) }

// killLeaders kills the leader of partition 0 with SIGKILL, and each time lets the others go on without it before it comes back.
func killLeaders(t *trial) {
	f := t.flow(plan{})
	kills := pick(1, 5)
	for range kills {
		f.awaitMore(2000, time.Minute)
		leader := f.leader()
		leader.Kill()
		f.awaitMore(2000, time.Minute)
		leader.Start(t)
		admin.AwaitInSync(t, t.kafka(), f.topic)
	}
	f.awaitMore(2000, time.Minute)
	f.finish()
	f.figure("kills", "%d", kills)
}

// restartAll restarts every broker with SIGTERM, one after the other, as an upgrade does.
func restartAll(t *trial) {
	f := t.flow(plan{})
	rounds := pick(1, 3)
	for range rounds {
		for _, node := range t.kafka().Nodes() {
			f.awaitMore(1000, time.Minute)
			f.commits.Excuse()
			node.Stop()
			f.awaitMore(1000, time.Minute)
			node.Start(t)
			admin.AwaitInSync(t, t.kafka(), f.topic)
		}
	}
	f.finish()
	f.percentiles()
	f.figure("restarts", "%d", 3*rounds)
	f.figure("older offsets answered by a new coordinator", "%d", f.commits.Older())
}

// hangLeader stops the leader's process for longer than the cluster waits for it: its connections stay open, and it wakes up as a
// leader that nobody follows any more.
func hangLeader(t *trial) {
	const noticed = 8 * time.Second
	f := t.flow(plan{})
	for _, pause := range pick([]time.Duration{8 * time.Second}, []time.Duration{5 * time.Second, 20 * time.Second, time.Minute}) {
		f.awaitMore(2000, time.Minute)
		leader, before := f.leader(), f.acked()
		leader.Pause()
		<-time.After(pause)
		leader.Continue()
		// Until the cluster has noticed, after its session timeout at best, every partition waits for the replica that hangs.
		f.require(pause < noticed || f.acked() > before, "nothing was acknowledged in the %s that the leader hung", pause)
		f.awaitMore(2000, 2*time.Minute)
		admin.AwaitInSync(t, t.kafka(), f.topic)
	}
	f.finish()
}

// killAll leaves nobody to talk to. The producer's buffer fills and its callers wait; nothing is lost when the brokers are back.
func killAll(t *trial) {
	const buffer = 4 << 20
	f := t.flow(plan{payload: 500, produce: func(c *producer.Config) { c.BufferBytes, c.BatchBytes = buffer, 256<<10 }})
	f.awaitMore(1000, time.Minute)
	before := heap()
	nodes := t.kafka().Nodes()
	for _, node := range nodes {
		node.Kill()
	}
	f.commits.Excuse()
	peak := uint64(0)
	outage := time.NewTimer(pick(10*time.Second, time.Minute))
	defer outage.Stop()
	for down := true; down; {
		select {
		case <-outage.C:
			down = false
		case <-time.After(200 * time.Millisecond):
			peak = max(peak, heap())
		}
	}
	for _, node := range nodes {
		node.Launch()
	}
	for _, node := range nodes {
		node.AwaitReady(t)
	}
	f.awaitMore(3000, 2*time.Minute)
	f.finish()
	growth := max(0, int64(peak)-int64(before))
	// The buffer, and as much again for what the log of the trial and the garbage between two collections take.
	t.require(growth < 64<<20, "the heap grew by %d MiB while nobody answered", growth>>20)
	f.figure("older offsets answered by the restarted brokers", "%d", f.commits.Older())
	f.figure("heap growth in the outage", "%.1f MiB of %d MiB buffer", float64(growth)/(1<<20), buffer>>20)
}

// heap returns the bytes in use after a collection.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// tooFewReplicas takes away first the third copy that the topic wants in sync, then the majority, and with it whoever could elect a
// leader. Nothing that is acknowledged meanwhile may be missing afterwards.
func tooFewReplicas(t *trial) {
	strict := t.flow(plan{
		settings: map[string]string{"min.insync.replicas": "3"}, mayFail: true,
		produce: func(c *producer.Config) { c.DeliveryTimeout = 5 * time.Second },
	})
	strict.awaitMore(1000, time.Minute)
	victim := t.kafka().Node(3)
	victim.Kill()
	<-time.After(pick(9*time.Second, 15*time.Second))
	refused := strict.refusals()
	t.require(refused > 0, "with two of three replicas nothing was refused, though the topic wants three")
	t.kafka().Node(2).Kill()
	<-time.After(pick(7*time.Second, 15*time.Second))
	for _, id := range []int32{2, 3} {
		t.kafka().Node(id).Launch()
	}
	for _, id := range []int32{2, 3} {
		t.kafka().Node(id).AwaitReady(t)
	}
	admin.AwaitInSync(t, t.kafka(), strict.topic)
	strict.awaitMore(1000, time.Minute)
	strict.finish()
	report := strict.written.Report()
	t.figure("refused for certain", "%d", report.Failed)
	t.figure("unknown", "%d", report.Unknown)
	t.figure("unknown and written", "%d", report.Seen-report.Acked)
}

// refusals returns how many sends have ended without an acknowledgment.
func (f *flow) refusals() int {
	report := f.written.Report()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.firstErr == nil {
		return 0
	}
	return report.Failed + report.Unknown
}

// killCoordinator kills the broker that keeps the group, and measures how long nothing is handled. The session of the first worker
// lasts longer than the group is without a coordinator. That of the second does not: it loses its partitions, and takes them again.
func killCoordinator(t *trial) {
	f := t.flow(plan{consume: func(c *consumer.Config) { c.Tuning.SessionTimeout = 6 * time.Second }})
	kills, longest := pick(1, 2), time.Duration(0)
	for range kills {
		longest = max(longest, f.killCoordinator())
	}
	if err := f.workers[0].Stop(); err != nil {
		t.Errorf("first worker: %v", err)
	}
	short := f.work("second", func(c *consumer.Config) { c.Tuning.SessionTimeout = 2500 * time.Millisecond })
	for range kills {
		longest = max(longest, f.killCoordinator())
	}
	f.finish()
	f.figure("kills", "%d", 2*kills)
	f.figure("partitions lost and taken again", "%d", short.Stats().Lost)
	f.figure("longest time without a handled event", "%s", round(longest))
}

// killCoordinator kills the group's coordinator and starts it again once events are handled and committed without it. It returns for how
// long none was handled.
func (f *flow) killCoordinator() time.Duration {
	f.Helper()
	f.awaitHandled(1000, time.Minute)
	found := f.kafka().Admin.FindGroupCoordinators(f.Context(), f.topic)
	coordinator := found[f.topic].NodeID
	if coordinator < 1 {
		f.Fatalf("coordinator of %s: %+v", f.topic, found)
	}
	node := f.kafka().Node(coordinator)
	node.Kill()
	longest := f.pause(4000, time.Minute)
	f.awaitCommitted(time.Minute)
	node.Start(f)
	admin.AwaitInSync(f, f.kafka(), f.topic)
	admin.AwaitInSync(f, f.kafka(), "__consumer_offsets")
	return longest
}

// pause waits until n more events are handled and returns the longest time in which none was.
func (f *flow) pause(n int, limit time.Duration) (longest time.Duration) {
	f.Helper()
	seen, last := f.handled.SeenOnce(), time.Now()
	want := seen + n
	f.until(limit, fmt.Sprintf("%d more events are handled", n), func() bool {
		if now := f.handled.SeenOnce(); now > seen {
			longest, seen, last = max(longest, time.Since(last)), now, time.Now()
		}
		return seen >= want
	})
	return longest
}

// awaitCommitted waits until the group has committed something new.
func (f *flow) awaitCommitted(limit time.Duration) {
	f.Helper()
	before, failure := int64(-1), error(nil)
	defer func() {
		if f.Failed() {
			f.Logf("committed offsets: the last answer was: %v", failure)
		}
	}()
	f.until(limit, "the group commits", func() bool {
		ctx, cancel := context.WithTimeout(f.Context(), 5*time.Second)
		defer cancel()
		committed, err := f.commits.Sample(ctx)
		if failure = err; err != nil {
			return false
		}
		now := int64(0)
		for _, offset := range committed {
			now += offset
		}
		if before < 0 {
			before = now
		}
		return now > before
	})
}

// brokerAway kills a broker whose partitions nobody else has, and starts a worker anew while it is away. The partitions that have leaders
// are handled meanwhile, and the others once the broker is back.
func brokerAway(t *trial) {
	var mu sync.Mutex
	handled := map[int32]int{}
	f := t.flow(plan{
		partitions: 6, replicas: 1, perTick: 5, settings: map[string]string{"min.insync.replicas": "1"},
		handle: func(ctx context.Context, _ events.Numbered) error {
			mu.Lock()
			defer mu.Unlock()
			handled[consumer.InfoFrom(ctx).Partition]++
			return nil
		},
	})
	worker := f.workers[0]
	restarts, longest := pick(2, 5), time.Duration(0)
	for i := range restarts {
		f.awaitHandled(500, time.Minute)
		away := f.coordinator()%3 + 1 // not the one that the group needs
		led := map[int32]bool{}
		for p := range f.partitions {
			if admin.Leader(t, t.kafka(), f.topic, p) != away {
				led[p] = true
			}
		}
		t.require(len(led) > 0 && len(led) < int(f.partitions), "broker %d leads %d of %d partitions", away, int(f.partitions)-len(led), f.partitions)
		t.kafka().Node(away).Kill()
		if err := worker.Stop(); err != nil {
			t.Errorf("worker: %v", err)
		}
		mu.Lock()
		clear(handled)
		mu.Unlock()
		started := time.Now()
		worker = f.work(fmt.Sprintf("life %d", i+1), nil)
		f.until(30*time.Second, "the partitions that have leaders are handled", func() bool {
			mu.Lock()
			defer mu.Unlock()
			for p := range led {
				if handled[p] == 0 {
					return false
				}
			}
			return true
		})
		longest = max(longest, time.Since(started))
		t.kafka().Node(away).Start(t)
		f.until(time.Minute, "all partitions are handled", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(handled) == int(f.partitions)
		})
	}
	f.finish()
	f.figure("restarts", "%d", restarts)
	f.figure("longest until the others are handled", "%s", round(longest))
}
