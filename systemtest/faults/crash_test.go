package faults

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/producer"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/check"
	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/process"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// crew is worker processes of one group, one after the other, and a producer that does not get far ahead of them.
type crew struct {
	*trial
	job     job
	all     int // events there are
	perTick int // events sent every 5 ms
	log     check.Log
	journal *journal
	commits *check.Commits
	sent    chan error
}

// crew makes a topic and what is to watch the group.
func (t *trial) crew() *crew {
	t.Helper()
	c := &crew{trial: t, sent: make(chan error, 1)}
	topic := t.name("events")
	admin.CreateTopic(t, t.kafka(), topic, 6, nil)
	c.job = job{
		Brokers: t.cluster().Brokers, Registry: t.schemas().URL, Group: topic, Topic: topic, Concurrency: *concurrency,
	}
	c.journal = newJournal(&c.log)
	c.commits = check.WatchCommits(t, func(ctx context.Context) (map[int32]int64, error) {
		return admin.Committed(ctx, t.kafka(), topic, topic)
	})
	return c
}

// flow sends all events while worker processes come and go.
func (c *crew) flow(all, perTick int) {
	c.Helper()
	c.all, c.perTick = all, perTick
	go c.send(stack.Producer(c, producer.Config{Cluster: c.cluster(), Registry: c.registry(), AutoRegister: true}))
}

// send never gets far ahead of the workers, so that events flow until the last crash.
func (c *crew) send(p *producer.Producer) {
	const ahead = 3000
	ctx := c.Context()
	numbered := producer.For[events.Numbered](p, c.job.Topic)
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for sent := range c.all {
		for wait := sent%c.perTick == 0; wait; wait = sent-c.journal.count() >= ahead {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				c.sent <- ctx.Err()
				return
			}
		}
		key := fmt.Sprintf("key-%d", sent%300)
		number := c.log.Next(key)
		numbered.Post(ctx, key, events.Numbered{Key: key, Number: int64(number)}, func(_ headrace.Location, err error) {
			c.log.Ended(key, number, outcome(err))
		})
	}
	c.sent <- p.Flush(ctx)
}

// await waits until the crew has handled so many events, and fails the trial when the worker ends.
func (c *crew) await(worker *process.Process, want int) {
	c.Helper()
	worker.Await(c.T, 90*time.Second, func() error {
		if handled := c.journal.count(); handled < want {
			return fmt.Errorf("%d of %d events are handled", handled, want)
		}
		return nil
	})
}

// finish adds to the verdict once the last worker is gone.
func (c *crew) finish() {
	c.Helper()
	if err := <-c.sent; err != nil {
		c.Errorf("send: %v", err)
	}
	report := c.log.Report()
	c.n += report.Acked
	c.verdict.Handled(report)
	samples, back := c.commits.Report()
	c.verdict.WentBack += len(back)
	for _, b := range back[:min(len(back), 3)] {
		c.Logf("committed offset went back: %s", b)
	}
	c.require(len(c.journal.garbled) == 0, "the worker printed %d lines that are no events: %.3q", len(c.journal.garbled), c.journal.garbled)
	c.require(report.Acked == c.all, "%d of %d events were acknowledged", report.Acked, c.all)
	c.Logf("%s; %d samples of committed offsets", report, samples)
}

// killWorkers kills worker processes with SIGKILL and holds what their successors do against the committed offsets: nothing committed
// was left undone, nothing done and committed is done again.
func killWorkers(t *trial) {
	crashes := pick(8, 50)
	c := t.crew()
	c.flow(crashes*4000, 30)
	points := make([]int, crashes)
	for i := range points {
		points[i] = (i*c.all + t.random.IntN(c.all)) / (crashes + 1)
	}
	doubled, bounds := make([]int, 0, crashes), make([]int, 0, crashes)
	var before map[int32]int64 // committed when the last life ended
	inFlight := 0              // handled beyond that
	// What fails the trial leaves a commit an interval for its own way to the group, on a busy machine; what is told does not.
	one, two, beyond := owed{interval: commitInterval}, owed{interval: 2 * commitInterval}, 0
	for life := 0; life <= crashes; life++ {
		worker := c.startLife(life)
		want := c.all
		switch {
		case life == crashes:
		case life%5 == 4:
			want = 0 // this one dies while it starts
		default:
			want = min(max(points[life], c.journal.count()+t.random.IntN(1000)), c.all)
		}
		c.await(worker, want)
		if life < crashes {
			// A random moment, not the one at which the test noticed.
			<-time.After(time.Duration(t.random.IntN(300)) * time.Millisecond)
		}
		worker.Kill()
		again, times := c.journal.newLife()
		if life > 0 {
			bound := *concurrency + two.events
			doubled, bounds = append(doubled, len(again)), append(bounds, bound)
			c.checkAgain(life, again, before, inFlight, bound)
			if len(again) > *concurrency+one.events {
				beyond++
			}
		}
		committed, err := c.commits.Sample(t.Context())
		if err != nil {
			t.Fatalf("committed offsets: %v", err)
		}
		var skipped *position
		if inFlight, skipped = c.journal.uncommitted(committed); skipped != nil {
			t.verdict.Lost++
			t.Errorf("crash %d: partition %d is committed up to %d, offset %d was never handled",
				life+1, skipped.partition, committed[skipped.partition], skipped.offset)
		}
		one.killed(times)
		two.killed(times)
		before = committed
	}
	c.finish()
	t.Logf("handled again per crash %v, bounds %v", doubled, bounds)
	t.figure("kills", "%d", crashes)
	t.figure("handled again per kill", "%d at most, %.1f on average", slices.Max(doubled), mean(doubled))
	t.figure("beyond concurrency and one commit interval", "%d of %d kills", beyond, crashes)
}

// startLife starts the next life: in turn a static member, which takes its partitions back at once, and a dynamic one, which waits
// until the group has given up the one before.
func (c *crew) startLife(life int) *process.Process {
	c.Helper()
	j := c.job
	j.Work = time.Millisecond
	if life%4 < 2 {
		j.InstanceID = "the-worker"
	}
	return c.start(fmt.Sprintf("worker-%d", life), j, c.journal)
}

// checkAgain holds what a life handled again against what was in flight when the life before it was killed.
func (c *crew) checkAgain(life int, again []position, committed map[int32]int64, inFlight, bound int) {
	c.Helper()
	c.require(len(again) <= inFlight, "crash %d: %d events were handled again, only %d were not committed", life, len(again), inFlight)
	c.require(len(again) <= bound, "crash %d: %d events were handled again, more than %d: concurrency and two commit intervals", life, len(again), bound)
	for _, at := range again {
		if at.offset < committed[at.partition] {
			c.Errorf("crash %d: partition %d offset %d was handled again, though committed up to %d",
				life, at.partition, at.offset, committed[at.partition])
			return
		}
	}
}

func mean(values []int) float64 {
	sum := 0
	for _, v := range values {
		sum += v
	}
	return float64(sum) / float64(max(1, len(values)))
}

// gracefulStop ends worker processes with SIGTERM while events flow: each drains, commits and leaves its group in time, and its
// successor handles nothing again.
func gracefulStop(t *trial) {
	stops := pick(4, 20)
	c := t.crew()
	c.flow((stops+1)*4000, 30)
	slowest := time.Duration(0)
	for stop := range stops {
		worker := c.start(fmt.Sprintf("worker-%d", stop), c.job, c.journal)
		c.await(worker, c.journal.count()+1000+t.random.IntN(2000))
		start := time.Now()
		worker.Signal(syscall.SIGTERM)
		select {
		case <-worker.Ended():
		case <-time.After(10 * time.Second):
			t.Fatalf("worker %d still runs 10 s after SIGTERM", stop)
		}
		slowest = max(slowest, time.Since(start))
		if err := worker.Wait(); err != nil {
			t.Errorf("worker %d ended with %v\n%s", stop, err, worker.Tail(10))
		}
		c.left()
	}
	last := c.start("worker-last", c.job, c.journal)
	c.await(last, c.all)
	t.require(last.Stop(10*time.Second), "the last worker did not end by itself")
	c.finish()
	t.require(t.verdict.Repeated == 0, "%d events were handled again after a graceful stop", t.verdict.Repeated)
	t.figure("stops", "%d", stops)
	t.figure("slowest", "%s", round(slowest))
}

// left fails the trial when the group still has a member.
func (c *crew) left() {
	c.Helper()
	groups, err := c.kafka().Admin.DescribeGroups(c.Context(), c.job.Group)
	if err != nil {
		c.Fatalf("describe group %s: %v", c.job.Group, err)
	}
	group, ok := groups[c.job.Group]
	c.require(ok && len(group.Members) == 0, "the group still has %d members after the stop: %s", len(group.Members), strings.Join(members(group), ", "))
}

func members(group kadm.DescribedGroup) (names []string) {
	for _, m := range group.Members {
		names = append(names, m.MemberID)
	}
	return names
}
