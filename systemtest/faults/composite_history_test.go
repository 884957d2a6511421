package faults

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/deadletter"
	"github.com/headrace/headrace/replay"

	"github.com/headrace/headrace/systemtest/internal/process"
)

// copyJob is what a process copies.
type copyJob struct {
	Plan       replay.Plan
	Checkpoint string
	Rate       int
}

func runCopy(brokers []string, j copyJob) error {
	_, err := replay.Copy(context.Background(), replay.CopyConfig{
		From: headrace.Cluster{Brokers: brokers}, Plan: j.Plan, Checkpoint: j.Checkpoint, Rate: j.Rate,
	})
	return err
}

func (c *composite) startCopy(rate int) *process.Process {
	c.Helper()
	j := job{Brokers: c.cluster().Brokers, Copy: &copyJob{Plan: c.plan, Checkpoint: c.checkpoint, Rate: rate}}
	return c.start("copy", j, nil)
}

// breakCopy kills the copying process and starts it again.
func (c *composite) breakCopy(ctx context.Context, random *rand.Rand) {
	for {
		goesOn := rest(ctx, random, 3*time.Second, 20*time.Second)
		select {
		case <-c.copying.Ended():
			if err := c.copying.Wait(); err != nil {
				c.Errorf("the copy ended with %v:\n%s", err, c.copying.Tail(20))
			}
			return
		default:
		}
		if !goesOn {
			return
		}
		c.copying.Kill()
		c.did("copies killed", 1)
		c.copying = c.startCopy(copyRate)
	}
}

// endCopy lets the copy come to its end without a limit of its rate.
func (c *composite) endCopy() {
	c.Helper()
	c.copying.Kill()
	c.copying = c.startCopy(0)
	select {
	case <-c.copying.Ended():
	case <-time.After(2 * time.Minute):
		c.Fatal("the copy has not ended two minutes after everything was healed")
	}
	if err := c.copying.Wait(); err != nil {
		c.Errorf("the copy ended with %v:\n%s", err, c.copying.Tail(20))
	}
}

// redrive returns dead letters to their group every few seconds, and gives up in the middle now and then.
func (c *composite) redrive(ctx context.Context, random *rand.Rand) {
	for rest(ctx, random, 4*time.Second, 12*time.Second) {
		limit, cancel := context.WithTimeout(ctx, 500*time.Millisecond+time.Duration(random.Int64N(int64(15*time.Second))))
		c.redriveOnce(limit)
		cancel()
	}
}

// redriveOnce returns the dead letters there are. What an outage or the end of the context leaves undone, the next one does.
func (c *composite) redriveOnce(ctx context.Context) {
	plan, err := deadletter.PlanRedrive(ctx, deadletter.RedriveRequest{
		Cluster: c.cluster(), Topic: consumer.DeadLetterTopic(c.topic, c.topic), ToGroup: true, MaxRedrives: -1,
	})
	if err == nil && plan.Events() > 0 {
		var done deadletter.Redriven
		done, err = deadletter.ApplyRedrive(ctx, deadletter.RedriveConfig{Cluster: c.cluster(), By: "the composite row"}, plan)
		c.did("redriven", int(done.Events))
	}
	if err != nil {
		c.did("redrives interrupted", 1)
		c.mu.Lock()
		c.lastRedrive = err
		c.mu.Unlock()
	}
}
