package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/headrace/headrace/systemtest/internal/process"
	"github.com/headrace/headrace/systemtest/internal/proxy"
)

// nemeses are what breaks things until its context ends, all at the same time. Each draws from a sequence of its own, so that a seed
// repeats what each of them does.
func (c *composite) nemeses() []func(context.Context) {
	breaks := []func(context.Context, *rand.Rand){
		c.breakBrokers, c.breakLines, c.breakAnswers, c.breakRegistry, c.breakWorkers, c.breakCopy, c.redrive,
	}
	running := make([]func(context.Context), len(breaks))
	for i, nemesis := range breaks {
		random := rand.New(rand.NewPCG(c.random.Uint64(), uint64(i)))
		running[i] = func(ctx context.Context) { nemesis(ctx, random) }
	}
	return running
}

// rest waits for a random time and reports whether the nemesis goes on.
func rest(ctx context.Context, random *rand.Rand, least, most time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(least + time.Duration(random.Int64N(int64(most-least)))):
		return true
	}
}

// did counts what a nemesis has done.
func (c *composite) did(what string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[what] += n
}

// breakBrokers kills, hangs or stops one broker at a time, and waits until it is back: two are always there.
func (c *composite) breakBrokers(ctx context.Context, random *rand.Rand) {
	for rest(ctx, random, 3*time.Second, 10*time.Second) {
		node := c.kafka().Node(1 + random.Int32N(3))
		switch random.IntN(3) {
		case 0:
			c.moves(node.Kill)
			c.did("brokers killed", 1)
			_ = rest(ctx, random, time.Second, 6*time.Second)
			node.Start(c)
		case 1:
			c.moves(node.Pause)
			c.did("brokers hung", 1)
			_ = rest(ctx, random, time.Second, 12*time.Second)
			node.Continue()
		case 2:
			c.moves(node.Stop)
			c.did("brokers stopped", 1)
			_ = rest(ctx, random, time.Second, 4*time.Second)
			node.Start(c)
		}
	}
}

// moves does something to a broker for which the group's coordinator may move, also before it is over. What Kafka then answers of older
// offsets is excused.
func (c *composite) moves(act func()) {
	over := make(chan struct{})
	var excusing sync.WaitGroup
	excusing.Go(func() {
		for {
			c.commits.Excuse()
			select {
			case <-over:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	act()
	close(over)
	excusing.Wait()
}

// breakLines hangs up, makes lines bad, and swallows what goes to one broker.
func (c *composite) breakLines(ctx context.Context, random *rand.Rand) {
	for rest(ctx, random, 500*time.Millisecond, 6*time.Second) {
		switch random.IntN(4) {
		case 0, 1:
			c.did("connections cut", c.lines().HangUp())
		case 2:
			c.lines().Worsen(proxy.Line{Delay: 50 * time.Millisecond, Jitter: 50 * time.Millisecond, Slice: 2048})
			c.did("lines worsened", 1)
			_ = rest(ctx, random, time.Second, 5*time.Second)
			c.lines().Worsen(proxy.Line{})
		case 3:
			_, upstream := c.kafka().Node(1 + random.Int32N(3)).ProxyPorts()
			c.lines().BlackHole(upstream)
			c.did("black holes", 1)
			_ = rest(ctx, random, time.Second, 8*time.Second)
			c.lines().BlackHole("no broker")
			c.lines().HangUp() // what was swallowed is gone, and no retransmission brings it back
		}
	}
}

// breakAnswers loses answers that brokers have given.
func (c *composite) breakAnswers(ctx context.Context, random *rand.Rand) {
	apis := []int16{proxy.Produce, proxy.Fetch, proxy.OffsetCommit, proxy.JoinGroup, proxy.SyncGroup, proxy.Heartbeat}
	before := c.lines().Cuts()
	for rest(ctx, random, time.Second, 5*time.Second) {
		api := apis[random.IntN(len(apis))]
		if random.IntN(2) == 0 {
			c.lines().SwallowAnswers(api, 1+random.IntN(2))
		} else {
			c.lines().CutAnswers(api, 1+random.IntN(3), 0.5)
		}
	}
	c.did("answers lost", c.lines().Cuts()-before)
}

// breakRegistry takes the registry away, or lets it answer with failures.
func (c *composite) breakRegistry(ctx context.Context, random *rand.Rand) {
	illnesses := []illness{gone, status(http.StatusInternalServerError), c.ill.stall, nonsense}
	for rest(ctx, random, 3*time.Second, 12*time.Second) {
		c.ill.infect(illnesses[random.IntN(len(illnesses))])
		c.did("registry ill", 1)
		_ = rest(ctx, random, time.Second, 8*time.Second)
		c.ill.heal()
	}
}

// slot is the place of one worker process after the other.
type slot struct {
	number  int
	starts  int
	process *process.Process
	life    *life
}

// employ starts the first worker process of a slot. The first slot's are static members.
func (c *composite) employ(number int) *slot {
	s := &slot{number: number}
	c.hire(s)
	return s
}

// hire starts the next process of a slot.
func (c *composite) hire(s *slot) {
	c.Helper()
	s.starts++
	name := fmt.Sprintf("worker-%d-%d", s.number, s.starts)
	j := job{
		Brokers: c.cluster().Brokers, Registry: c.ill.url, Group: c.topic, Topic: c.topic, Concurrency: *concurrency, Composite: true,
	}
	if s.number == 0 {
		j.InstanceID = "static"
	}
	s.life = c.attempts.life(name)
	s.process = c.start(name, j, s.life)
}

// dismiss ends a slot's last process in order, and fails the trial when it ended by itself.
func (c *composite) dismiss(s *slot) {
	c.Helper()
	c.checkAlive(s)
	c.require(s.process.Stop(30*time.Second), "worker-%d-%d still ran 30 s after SIGTERM", s.number, s.starts)
	s.life.died(false)
}

func (c *composite) checkAlive(s *slot) {
	c.Helper()
	if !s.process.Alive() {
		c.Errorf("worker-%d-%d ended by itself with %v:\n%s", s.number, s.starts, s.process.Wait(), s.process.Tail(20))
	}
}

// breakWorkers kills worker processes, or stops them in order, and starts others in their place.
func (c *composite) breakWorkers(ctx context.Context, random *rand.Rand) {
	for rest(ctx, random, 2*time.Second, 9*time.Second) {
		s := c.slots[random.IntN(len(c.slots))]
		c.checkAlive(s)
		orderly := random.IntN(4) == 0
		if orderly {
			c.require(s.process.Stop(30*time.Second), "worker-%d-%d still ran 30 s after SIGTERM", s.number, s.starts)
			c.did("workers stopped", 1)
		} else {
			s.process.Kill()
			c.did("workers killed", 1)
		}
		s.life.died(!orderly)
		_ = rest(ctx, random, 10*time.Millisecond, 2*time.Second)
		c.hire(s)
	}
}

// heal ends every fault, and waits for the brokers that are down.
func (c *composite) heal() {
	c.Helper()
	c.ill.heal()
	c.lab.mend(c.T)
	c.lines().HangUp()
}
