package replay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/deadletter"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/replay/filter"
	"github.com/headrace/headrace/schema/registry"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/apicurio"
	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// Of 3,000 events 1,000 die: 400 because of what is mended later, 300 that nobody needs, and 300 whose number is wrong.
const (
	deadSource = "orders"
	deadGroup  = "mail"

	sentEvents      = 3000
	mendedEvents    = 400
	unneededEvents  = 300
	misnumberedOnes = 300
	dyingEvents     = mendedEvents + unneededEvents + misnumberedOnes
)

// graveyard is the workers, and what they have handled.
type graveyard struct {
	cluster  *kraft.Cluster
	registry *registry.Client
	mended   atomic.Bool

	mu      sync.Mutex
	handled map[int64]int // by number of the event, in the group that fails
	others  atomic.Int64  // handled by another group of the topic
}

func (g *graveyard) handle(_ context.Context, e events.Numbered) error {
	switch kind := e.Number % 10; {
	case e.Number >= dyingEvents:
	case kind < 4 && !g.mended.Load():
		return fmt.Errorf("carrier %d is not in the directory", e.Number)
	case kind >= 4 && kind < 7:
		return fmt.Errorf("order %d is a test", e.Number)
	case kind >= 7:
		panic(fmt.Sprintf("no room for number %d", e.Number))
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.handled[e.Number]++
	return nil
}

func (g *graveyard) handledOnce(from, to int64, want func(int64) bool) (events, repeats int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for number := from; number < to; number++ {
		if n := g.handled[number]; want(number) && n > 0 {
			events++
			repeats += n - 1
		}
	}
	return events, repeats
}

func isMended(number int64) bool { return number%10 < 4 }

// letters counts the dead letters by cause, those in a fate.
func (g *graveyard) letters(t *testing.T, fate deadletter.Fate) (total int, byError map[string]int, causes map[string]string) {
	t.Helper()
	byError, causes = map[string]int{}, map[string]string{}
	query := deadletter.Query{Cluster: stack.Cluster(g.cluster), Topics: []string{cemetery()}, All: true}
	err := deadletter.Read(t.Context(), query, func(d deadletter.Letter) error {
		if d.Fate == fate {
			cause := d.Cause()
			total++
			byError[cause.Error]++
			causes[cause.Error] = cause.ID
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return total, byError, causes
}

func cemetery() string { return consumer.DeadLetterTopic(deadSource, deadGroup) }

func (g *graveyard) plan(t *testing.T, r deadletter.RedriveRequest) deadletter.Redrive {
	t.Helper()
	r.Cluster, r.Registry, r.Topic = stack.Cluster(g.cluster), g.registry, cemetery()
	plan, err := deadletter.PlanRedrive(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func (g *graveyard) apply(t *testing.T, plan deadletter.Redrive) deadletter.Redriven {
	t.Helper()
	done, err := deadletter.ApplyRedrive(t.Context(), deadletter.RedriveConfig{Cluster: stack.Cluster(g.cluster), By: "the test"}, plan)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func (g *graveyard) send(t *testing.T) {
	t.Helper()
	p := stack.Producer(t, producer.Config{Cluster: stack.Cluster(g.cluster), Registry: g.registry, AutoRegister: true})
	out := producer.For[events.Numbered](p, deadSource)
	for number := range int64(sentEvents) {
		out.Post(t.Context(), "k"+strconv.FormatInt(number%50, 10), events.Numbered{Number: number}, func(_ headrace.Location, err error) {
			if err != nil {
				t.Errorf("send: %v", err)
			}
		})
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestAThousandDeadLetters has a worker bury a thousand events of three causes. One cause is mended and redriven to its group, by a
// process that is killed in the middle; one is discarded; and of the third one event is edited. What becomes of each is counted.
func TestAThousandDeadLetters(t *testing.T) {
	g := &graveyard{
		cluster: kraft.Start(t, kraft.Config{}), registry: stack.Registry(t, apicurio.Start(t).URL), handled: map[int64]int{},
	}
	admin.CreateTopic(t, g.cluster, deadSource, 4, forever)
	g.send(t)
	config := consumer.Config{
		Cluster: stack.Cluster(g.cluster), Registry: g.registry, Group: deadGroup, Topics: []string{deadSource},
		Policy: consumer.Policy{Attempts: 1, Retry: []time.Duration{200 * time.Millisecond}, DeadLetter: true}, Tuning: consumer.Tuning{CreateTopics: true},
	}
	worker := stack.Work(t, config, consumer.On(g.handle))
	config.Group = "ledger"
	ledger := stack.Work(t, config, consumer.On(func(context.Context, events.Numbered) error { g.others.Add(1); return nil }))
	worker.Until(t, 3*time.Minute, "a thousand events are dead", func() bool {
		s := worker.Stats()
		return s.DeadLettered >= dyingEvents && s.Handled >= sentEvents-dyingEvents
	})
	ledger.Until(t, 3*time.Minute, "the other group has seen all", func() bool { return g.others.Load() >= sentEvents })

	const carrier, test, room = "carrier # is not in the directory", "order # is a test", "handler panicked: no room for number #"
	_, byError, causes := g.letters(t, deadletter.FateOpen)
	if diff := cmp.Diff(map[string]int{carrier: mendedEvents, test: unneededEvents, room: misnumberedOnes}, byError); diff != "" {
		t.Fatalf("dead letters by error (-want +got)\n%s", diff)
	}

	t.Run("one cause is redriven to its group, by a process that is killed", func(t *testing.T) {
		g.mended.Store(true)
		request := deadletter.RedriveRequest{Selection: deadletter.Selection{Causes: []string{causes[carrier]}}, ToGroup: true}
		plan := g.plan(t, request)
		if plan.Events() != mendedEvents || len(plan.Returns) != 1 || plan.Returns[0].Topic != consumer.RetryTopic(deadSource, deadGroup, 200*time.Millisecond) {
			t.Fatalf("plan %+v", plan)
		}
		process := startProgram(t, "redrive", redriveJob{Brokers: g.cluster.Brokers(), Plan: plan, Rate: 20}, nil)
		worker.Until(t, 3*time.Minute, "some are handled", func() bool { n, _ := g.handledOnce(0, dyingEvents, isMended); return n >= 20 })
		_, err := deadletter.ApplyRedrive(t.Context(), deadletter.RedriveConfig{Cluster: stack.Cluster(g.cluster), By: "the second"}, plan)
		busy, isBusy := errors.AsType[*deadletter.BusyError](err)
		if !isBusy || !strings.Contains(busy.Holder, fmt.Sprintf("by the first, process %d", process.ID())) {
			t.Errorf("a second redrive at the same time ended with %v", err)
		}
		process.Kill()
		marked, _, _ := g.letters(t, deadletter.FateRedriven)
		if marked == 0 || marked >= mendedEvents {
			t.Errorf("%d dead letters were marked when the process was killed", marked)
		}
		rest := g.plan(t, request)
		done := g.apply(t, rest)
		if int(done.Events) != mendedEvents-marked {
			t.Errorf("the second redrive returned %d, want the %d that were not marked", done.Events, mendedEvents-marked)
		}
		worker.Until(t, 3*time.Minute, "all are handled", func() bool { n, _ := g.handledOnce(0, dyingEvents, isMended); return n == mendedEvents })
		_, repeats := g.handledOnce(0, dyingEvents, isMended)
		if repeats > deadletter.RedriveWindow {
			t.Errorf("%d events came twice", repeats)
		}
		if n := g.others.Load(); n != sentEvents {
			t.Errorf("the other group has seen %d events, want %d: nothing of the redrive", n, sentEvents)
		}
		t.Logf("killed after %d of %d were marked; %d events came twice; a second redrive was refused: %v", marked, mendedEvents, repeats, busy)
	})

	t.Run("one is discarded", func(t *testing.T) {
		plan, err := deadletter.PlanDiscard(t.Context(), deadletter.DiscardRequest{
			Cluster: stack.Cluster(g.cluster), Topic: cemetery(), Selection: deadletter.Selection{Error: "order 17 is a"}, Reason: "tests of last week",
		})
		if err != nil || plan.Events() != unneededEvents {
			t.Fatalf("plan of %d: %v", plan.Events(), err)
		}
		if done := g.apply(t, plan); done.Events != unneededEvents {
			t.Errorf("%d discarded", done.Events)
		}
	})

	t.Run("one event is edited", func(t *testing.T) {
		var position deadletter.Position
		query := deadletter.Query{
			Cluster: stack.Cluster(g.cluster), Registry: g.registry, Topics: []string{cemetery()},
			Selection: deadletter.Selection{Filter: filter.Filter{Where: "event.number == 997"}},
		}
		var before []byte
		err := deadletter.Read(t.Context(), query, func(d deadletter.Letter) (err error) {
			position = deadletter.Position{Partition: d.Partition, Offset: d.Offset}
			before, _, err = d.JSON(t.Context(), g.registry)
			return err
		})
		if err != nil || before == nil {
			t.Fatalf("event 997: %s, %v", before, err)
		}
		one := deadletter.Selection{At: []deadletter.Position{position}}
		wrong := deadletter.RedriveRequest{Cluster: stack.Cluster(g.cluster), Registry: g.registry, Topic: cemetery(), Selection: one, Edit: []byte(`{"key":"a","number":"b","payload":""}`)}
		if _, err := deadletter.PlanRedrive(t.Context(), wrong); err == nil || !strings.Contains(err.Error(), "/number") {
			t.Errorf("a number that is none: %v", err)
		}
		plan := g.plan(t, deadletter.RedriveRequest{Selection: one, ToGroup: true, Edit: []byte(strings.Replace(string(before), "997", "5997", 1))})
		if done := g.apply(t, plan); done.Events != 1 {
			t.Errorf("%d returned", done.Events)
		}
		worker.Until(t, 3*time.Minute, "the edited event is handled", func() bool {
			n, _ := g.handledOnce(5997, 5998, func(int64) bool { return true })
			return n == 1
		})
	})

	t.Run("the counts add up", func(t *testing.T) {
		open, byError, _ := g.letters(t, deadletter.FateOpen)
		redriven, _, _ := g.letters(t, deadletter.FateRedriven)
		discarded, _, _ := g.letters(t, deadletter.FateDiscarded)
		if open != misnumberedOnes-1 || redriven != mendedEvents+1 || discarded != unneededEvents || byError[room] != open {
			t.Errorf("%d open (%v), %d redriven, %d discarded", open, byError, redriven, discarded)
		}
		runs, err := deadletter.Runs(t.Context(), stack.Cluster(g.cluster))
		if err != nil || len(runs) != 4 {
			t.Fatalf("%d runs: %v", len(runs), err)
		}
		if runs[0].Outcome != "" || runs[1].Outcome != "done" || runs[2].Reason != "tests of last week" || runs[3].Edited == "" {
			t.Errorf("runs %+v", runs)
		}
	})

	t.Run("what dies again has been counted, over a restart of the broker", func(t *testing.T) {
		seen, plan := g.others.Load(), g.plan(t, deadletter.RedriveRequest{})
		returned := make(chan deadletter.Redriven, 1)
		ended := make(chan error, 1)
		go func() {
			config := deadletter.RedriveConfig{Cluster: stack.Cluster(g.cluster), Rate: 50, Progress: func(so deadletter.Redriven) {
				select {
				case returned <- so:
				default:
				}
			}}
			done, err := deadletter.ApplyRedrive(t.Context(), config, plan)
			if err == nil && done.Events != misnumberedOnes-1 {
				err = fmt.Errorf("%d returned", done.Events)
			}
			ended <- err
		}()
		<-returned
		g.cluster.Node(1).Kill()
		g.cluster.Node(1).Start(t)
		if err := <-ended; err != nil {
			t.Fatalf("redrive: %v", err)
		}
		ledger.Until(t, 3*time.Minute, "the other group has them too", func() bool { return g.others.Load() >= seen+misnumberedOnes-1 })
		worker.Until(t, 3*time.Minute, "they are dead again", func() bool { return worker.Stats().DeadLettered >= dyingEvents+misnumberedOnes-1 })
		again := map[int]int{}
		query := deadletter.Query{Cluster: stack.Cluster(g.cluster), Topics: []string{cemetery()}}
		if err := deadletter.Read(t.Context(), query, func(d deadletter.Letter) error { again[d.Redrives]++; return nil }); err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(again, map[int]int{1: misnumberedOnes - 1}) {
			t.Errorf("open dead letters by redrives: %v", again)
		}
		if plan := g.plan(t, deadletter.RedriveRequest{MaxRedrives: 1}); plan.Events() != 0 || len(plan.Left) != 1 || plan.Left[0].Events != misnumberedOnes-1 {
			t.Errorf("quarantine: %+v", plan)
		}
	})
	for name, w := range map[string]*stack.Worker{"worker": worker, "ledger": ledger} {
		if err := w.Stop(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
