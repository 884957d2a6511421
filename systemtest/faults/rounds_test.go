package faults

import (
	"fmt"
	"syscall"
	"time"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/producer"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/proxy"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// roundSession is the session timeout of workers whose rebalances are disturbed: short, so that a worker that waits for an answer that
// never comes is soon put out.
const roundSession = 6 * time.Second

func shortSession(c *consumer.Config) { c.Tuning.SessionTimeout = roundSession }

// swallowedRounds keeps an answer that a worker needs to begin from it, with its connection open: to a join, to the request for the
// assignment, for the committed offsets, or for events. The worker asks again before its session is over, so that nobody loses anything,
// and is at work soon.
func swallowedRounds(t *trial) {
	f := t.flow(plan{partitions: 6, perTick: 5, consume: shortSession})
	f.awaitHandled(500, time.Minute)
	longest := time.Duration(0)
	for i := range pick(2, 6) {
		for _, api := range []int16{proxy.JoinGroup, proxy.SyncGroup, proxy.OffsetFetch, proxy.Fetch} {
			swallowed := 1
			if api == proxy.JoinGroup || api == proxy.SyncGroup { // of two workers, in every other round
				swallowed += i % 2
			}
			t.lines().SwallowAnswers(api, swallowed)
			started := time.Now()
			guest := f.work(fmt.Sprintf("guest %d of %d", i, api), nil)
			f.until(25*time.Second, "the guest handles events", func() bool { return guest.Stats().Handled > 0 })
			longest = max(longest, time.Since(started))
			f.awaitHandled(500, time.Minute)
			if err := guest.Stop(); err != nil {
				t.Errorf("guest: %v", err)
			}
			f.awaitHandled(500, time.Minute)
		}
	}
	f.finish()
	f.figure("answers swallowed", "%d", t.lines().Cuts())
	f.figure("longest until a newcomer handles events", "%s", round(longest))
}

// hungRound hangs the group's coordinator while a rebalance is open and a worker waits for its end: a static worker that is away keeps it
// open. Another broker takes over, which knows nothing of the rebalance, and puts out whoever does not turn to it; another worker that
// starts meanwhile is given what there is. Then the first broker goes on.
func hungRound(t *trial) {
	f := t.flow(plan{partitions: 6, perTick: 5, consume: shortSession})
	hangs, longest := pick(1, 3), time.Duration(0)
	for i := range hangs {
		f.awaitHandled(500, time.Minute)
		away := f.work(fmt.Sprintf("away %d", i), func(c *consumer.Config) {
			c.Tuning.InstanceID, c.Tuning.SessionTimeout = fmt.Sprintf("away-%d", i), 2*roundSession
		})
		f.until(time.Minute, "the static worker owns partitions", func() bool { return away.Stats().Assigned > 0 })
		if err := away.Stop(); err != nil {
			t.Errorf("static worker: %v", err)
		}
		guests := []*stack.Worker{f.work(fmt.Sprintf("guest %d", i), nil)}
		f.until(time.Minute, "a rebalance begins", func() bool { return f.group(f.topic).State == "PreparingRebalance" })
		<-time.After(roundSession / 2) // all have joined but the one that is away
		node := t.kafka().Node(f.coordinator())
		node.Pause()
		f.commits.Excuse()
		guests = append(guests, f.work(fmt.Sprintf("late guest %d", i), nil))
		longest = max(longest, f.pause(1000, 2*time.Minute))
		<-time.After(pick(30*time.Second, time.Minute))
		node.Continue()
		f.awaitHandled(500, time.Minute)
		admin.AwaitInSync(t, t.kafka(), f.topic)
		admin.AwaitInSync(t, t.kafka(), "__consumer_offsets")
		for _, guest := range guests {
			f.until(2*time.Minute, "the guest owns partitions", func() bool { return guest.Stats().Assigned > 0 })
			if err := guest.Stop(); err != nil {
				t.Errorf("guest: %v", err)
			}
		}
	}
	f.finish()
	f.figure("hangs", "%d", hangs)
	f.figure("older offsets answered by the new coordinator", "%d", f.commits.Older())
	f.figure("longest time without a handled event", "%s", round(longest))
}

// coordinator is the broker that keeps the flow's group.
func (f *flow) coordinator() int32 {
	f.Helper()
	found := f.kafka().Admin.FindGroupCoordinators(f.Context(), f.topic)
	if node := found[f.topic].NodeID; node > 0 {
		return node
	}
	f.Fatalf("coordinator of %s: %+v", f.topic, found)
	return 0
}

// group describes a group, as far as its coordinator answers.
func (t *trial) group(name string) kadm.DescribedGroup {
	groups, err := t.kafka().Admin.DescribeGroups(t.Context(), name)
	if err != nil {
		return kadm.DescribedGroup{}
	}
	return groups[name]
}

// assigned is how many partitions of a topic a group's members are assigned, of those with this instance id if one is given.
func assigned(group kadm.DescribedGroup, topic string, instance ...string) (n int) {
	for _, m := range group.Members {
		if len(instance) > 0 && (m.InstanceID == nil || *m.InstanceID != instance[0]) {
			continue
		}
		if a, ok := m.Assigned.AsConsumer(); ok {
			for _, of := range a.Topics {
				if of.Topic == topic {
					n += len(of.Partitions)
				}
			}
		}
	}
	return n
}

// deadBetweenRounds kills a static worker when it has been told to give partitions up, and has not said that it did. It comes back to the
// rest of what it had; what it gave up would belong to nobody.
func deadBetweenRounds(t *trial) {
	c := t.crew()
	c.job.Session, c.job.Work = 20*time.Second, 300*time.Millisecond
	c.flow(pick(1000, 4000), 1)
	static := c.job
	static.InstanceID = "static"
	worker := c.start("static-0", static, c.journal)
	c.await(worker, 50)
	longest, times, tries := time.Duration(0), 0, 0
	for ; times < pick(1, 5); tries++ {
		if tries == 20 {
			t.Fatalf("the static worker died between the rounds %d times in %d tries", times, tries)
		}
		guest := c.start(fmt.Sprintf("guest-%d", tries), c.job, c.journal)
		t.until(time.Minute, "the first of two rounds is over", func() bool {
			return len(t.group(static.Group).Members) == 2 && assigned(t.group(static.Group), static.Topic) == 3
		})
		worker.Kill()
		<-time.After(time.Second)
		if now := t.group(static.Group); now.State == "Stable" && assigned(now, static.Topic) == 3 {
			times++
		}
		started := time.Now()
		worker = c.start(fmt.Sprintf("static-%d", tries+1), static, c.journal)
		t.until(time.Minute, "each partition has an owner", func() bool {
			now := t.group(static.Group)
			return now.State == "Stable" && len(now.Members) == 2 && assigned(now, static.Topic) == 6
		})
		longest = max(longest, time.Since(started))
		guest.Signal(syscall.SIGTERM)
		<-guest.Ended()
		t.until(time.Minute, "the static worker owns all", func() bool { return assigned(t.group(static.Group), static.Topic, "static") == 6 })
	}
	c.await(worker, c.all)
	t.require(worker.Stop(10*time.Second), "the last worker did not end by itself")
	c.finish()
	t.figure("deaths between the rounds", "%d", times)
	t.figure("longest until each partition has an owner again", "%s", round(longest))
}

// grownRestart stops a static worker, adds partitions to its topic, and starts it again, with another retry topic: it is told what it had.
func grownRestart(t *trial) {
	restarts := pick(1, 3)
	with := func(delay int) func(*consumer.Config) {
		return func(c *consumer.Config) {
			c.Tuning.InstanceID, c.Tuning.SessionTimeout, c.Tuning.CreateTopics = "static", 30*time.Second, true
			c.Policy.Retry = []time.Duration{time.Duration(delay) * time.Second}
		}
	}
	f := t.flow(plan{idle: true, perTick: 5})
	worker := f.work("life 0", with(1))
	longest := time.Duration(0)
	for i := 1; i <= restarts; i++ {
		f.awaitHandled(1000, time.Minute)
		if err := worker.Stop(); err != nil {
			t.Fatalf("static worker: %v", err)
		}
		f.flush()
		partitions := int(f.partitions) + 3*i
		f.addPartitions(partitions)
		f.rename(fmt.Sprintf("later %d", i))
		f.startSending()
		started := time.Now()
		worker = f.work(fmt.Sprintf("life %d", i), with(1+i))
		f.until(time.Minute, "each partition has an owner", func() bool { return assigned(t.group(f.topic), f.topic) == partitions })
		longest = max(longest, time.Since(started))
		retries := consumer.RetryTopic(f.topic, f.topic, time.Duration(1+i)*time.Second)
		f.until(time.Minute, "each partition of the new retry topic has an owner", func() bool {
			ends := admin.Ends(t, t.kafka(), retries)
			return len(ends) > 0 && assigned(t.group(consumer.RetryGroup(f.topic)), retries) == len(ends)
		})
		longest = max(longest, time.Since(started))
	}
	f.awaitHandled(1000, time.Minute)
	f.finish()
	f.figure("restarts", "%d", restarts)
	f.figure("longest until each partition has an owner", "%s", round(longest))
}

// addPartitions gives the flow's topic more partitions, and a producer that knows them.
func (f *flow) addPartitions(n int) {
	f.Helper()
	results, err := f.kafka().Admin.UpdatePartitions(f.Context(), n, f.topic)
	if err == nil {
		err = results.Error()
	}
	if err != nil {
		f.Fatalf("add partitions: %v", err)
	}
	for admin.Leader(f, f.kafka(), f.topic, int32(n-1)) < 1 {
		<-time.After(20 * time.Millisecond)
	}
	f.producer = stack.Producer(f, producer.Config{Cluster: f.cluster(), Registry: f.schemas})
}
