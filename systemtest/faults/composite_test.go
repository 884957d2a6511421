package faults

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/replay"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/check"
	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/process"
	"github.com/headrace/headrace/systemtest/internal/record"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// composite is a whole pipeline: a producer, three worker processes with retry topics and dead letters, a redrive every few seconds and
// a copy of another topic, while everything around them breaks at once.
type composite struct {
	*flow
	attempts *attempts
	ill      *patient
	slots    []*slot

	source, target string
	plan           replay.Plan
	checkpoint     string
	copying        *process.Process

	ofKills map[string]bool // events that are dead letters because processes were killed

	mu          sync.Mutex
	counts      map[string]int
	lastRedrive error
}

// compositeTime is how long everything breaks.
const compositeTime = 4 * time.Minute

// copied is how many events the copied topic holds, and copyRate makes their copy last nearly as long as the faults do.
const (
	copied   = 40_000
	copyRate = 200
)

// everything breaks brokers, lines, the registry, workers and the copying process at once. One judge holds what came of it to everything
// that is promised.
func everything(t *trial) {
	c := t.composite()
	c.copying = c.startCopy(copyRate)
	for number := range c.slots {
		c.slots[number] = c.employ(number)
	}
	t.until(2*time.Minute, "the workers handle events", func() bool { return c.attempts.different() > 500 })
	ctx, heal := context.WithTimeout(t.Context(), compositeTime)
	defer heal()
	var breaking sync.WaitGroup
	for _, nemesis := range c.nemeses() {
		breaking.Go(func() { nemesis(ctx) })
	}
	breaking.Wait()
	c.heal()
	c.settle()
	c.judge()
}

func (t *trial) composite() *composite {
	t.Helper()
	c := &composite{attempts: newAttempts(), slots: make([]*slot, 3), counts: map[string]int{}, ofKills: map[string]bool{}}
	c.ill = t.patient(t.schemas().URL)
	c.flow = t.flow(plan{idle: true, partitions: 6, keys: 200, perTick: 2, payload: 100, registryAt: c.ill.url})
	c.prepareCopy()
	return c
}

// prepareCopy fills a topic and plans its copy.
func (c *composite) prepareCopy() {
	c.Helper()
	c.source, c.target = c.name("history"), c.name("copy")
	for _, topic := range []string{c.source, c.target} {
		admin.CreateTopic(c, c.kafka(), topic, 6, nil)
	}
	p := stack.Producer(c, producer.Config{Cluster: c.cluster(), Registry: c.schemas, AutoRegister: true})
	numbered := producer.For[events.Numbered](p, c.source)
	for number := range copied {
		key := fmt.Sprintf("copied-%d", number%500)
		numbered.Post(c.Context(), key, events.Numbered{Key: key, Number: int64(number)}, func(_ headrace.Location, err error) {
			if err != nil {
				c.Errorf("fill %s: %v", c.source, err)
			}
		})
	}
	if err := p.Flush(c.Context()); err != nil {
		c.Fatal(err)
	}
	plan, err := replay.Make(c.Context(), replay.Request{
		From: c.cluster(), Registry: c.schemas, Source: replay.Source{Topics: []string{c.source}}, Target: replay.Target{Topic: c.target},
	})
	if err != nil {
		c.Fatal(err)
	}
	c.plan, c.checkpoint = plan, filepath.Join(c.TempDir(), "checkpoint.json")
}

// settle waits until everything that was to happen has happened: the copy is whole, the dead letters are redriven, every event is handled.
func (c *composite) settle() {
	c.Helper()
	healed := time.Now()
	c.flush()
	c.readBack()
	c.endCopy()
	want := c.written.Report().Seen
	c.until(3*time.Minute, "every event is handled", func() bool {
		if c.attempts.different() >= want {
			return true
		}
		c.redriveOnce(c.Context())
		return c.attempts.different() >= want
	})
	c.figure("all handled after", "%s", round(time.Since(healed)))
	for _, s := range c.slots {
		c.dismiss(s)
	}
}

// judge holds what the processes wrote, what the topics hold and what was committed to the promises.
func (c *composite) judge() {
	c.Helper()
	c.judgeTopic()
	c.judgeLetters()
	c.judgeAttempts()
	c.judgeCopy()
	_, back := c.commits.Report()
	c.verdict.WentBack += len(back)
	for _, b := range back[:min(len(back), 3)] {
		c.Logf("committed offset went back: %s", b)
	}
	c.figure("older offsets answered by a new coordinator", "%d", c.commits.Older())
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(c.counts)) {
		c.figure(name, "%d", c.counts[name])
	}
}

// judgeTopic compares what was acknowledged with what lies in the topic.
func (c *composite) judgeTopic() {
	written := c.written.Report()
	c.verdict.Written(written)
	c.n += written.Sent
	c.require(written.Acked == written.Sent, "%d of %d events were not acknowledged, the first because of: %v", written.Sent-written.Acked, written.Sent, c.firstErr)
}

// judgeAttempts compares the handled events with those that were sent, and the attempts with each other.
func (c *composite) judgeAttempts() {
	c.attempts.mu.Lock()
	defer c.attempts.mu.Unlock()
	c.require(len(c.attempts.garbled) == 0, "%d lines of workers cannot be read: %.3q", len(c.attempts.garbled), c.attempts.garbled)
	inOrder := []check.Attempt{} // without those that gave their order up by way of a retry topic or a redrive
	for _, a := range check.Handled(c.attempts.all) {
		c.handled.Seen(a.Key, a.Number)
		if task := taskOf(a.Number); task != deferred && task != dying && !c.ofKills[fmt.Sprintf("%s %d", a.Key, a.Number)] {
			inOrder = append(inOrder, a)
		}
	}
	report := c.handled.Report()
	report.Reordered = check.Reordered(inOrder)
	c.verdict.Handled(report)
	conflicts := check.FindConflicts(c.attempts.all, c.commits.Rises())
	c.verdict.TwoOwners += conflicts.Together + conflicts.Overlapped
	c.verdict.Doubled += conflicts.AfterCommit
	for _, example := range conflicts.Examples {
		c.Log(example)
	}
	c.figure("handled again", "%d", report.Doubled)
	c.figure("beside an attempt in a retry topic", "%d", conflicts.BesideRetry)
}

// judgeLetters holds the dead letters to the plan: only events that were to die died. A SIGKILL cannot be told from a death that an event
// has caused, so an event may die of as many as its policy has attempts. It was in hand of each of them, the last with it alone; of those before, its handler
// may not have begun.
func (c *composite) judgeLetters() {
	c.Helper()
	letters, strange := map[string]bool{}, 0
	c.readNumbered(consumer.DeadLetterTopic(c.topic, c.topic), func(r record.Record, e events.Numbered) {
		letters[fmt.Sprintf("%s %d", e.Key, e.Number)] = true
		if taskOf(int(e.Number)) == dying {
			return
		}
		deaths, attempts := c.attempts.deathsWith(e.Key, int(e.Number))
		c.Logf("dead letter of %s %d, which was not to die: %s; %d processes were killed that had begun it:\n%s",
			e.Key, e.Number, header(r, consumer.HeaderMessage), deaths, strings.Join(attempts, "\n"))
		if header(r, consumer.HeaderKind) == "crash" && deaths > 0 {
			c.ofKills[fmt.Sprintf("%s %d", e.Key, e.Number)] = true
		} else {
			strange++
		}
	})
	c.require(strange == 0, "%d events died that were not to", strange)
	c.figure("dead letters", "%d", len(letters))
	c.figure("dead letters of kills", "%d", len(c.ofKills))
}

// judgeCopy holds the copy to its source: the same events, once each, in the same order.
func (c *composite) judgeCopy() {
	c.Helper()
	read := func(topic string) (contents map[int32][]record.Record, total int) {
		contents = map[int32][]record.Record{}
		admin.ReadAll(c, c.kafka(), topic, func(r record.Record) {
			r.Headers, r.Offset = nil, 0
			contents[r.Partition] = append(contents[r.Partition], r)
			total++
		})
		return contents, total
	}
	source, want := read(c.source)
	target, got := read(c.target)
	if got != want {
		c.verdict.Lost += max(0, want-got)
		c.verdict.Doubled += max(0, got-want)
	}
	c.require(cmp.Equal(source, target), "the copy holds %d events, its source %d, and they are not the same", got, want)
	c.n += want
}

// header is the value of a record's header, empty without one.
func header(r record.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}
