package faults

import (
	"context"
	"sync"
	"time"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/producer"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// recreated deletes a worker's topic and creates it again, also after a while, under the same producer. Every event of a new topic that was
// acknowledged must be handled once, and the group's offset must be the new topic's in the end. The new log is longer than the old offset
// before the worker looks, so that its offsets tell nothing.
func recreated(t *trial) {
	topic, group := t.name("events"), t.name("group")
	admin.CreateTopic(t, t.kafka(), topic, 1, nil)
	registry := t.registry()
	p := stack.Producer(t, producer.Config{Cluster: t.cluster(), Registry: registry, AutoRegister: true})
	numbered := producer.For[events.Numbered](p, topic)
	var mu sync.Mutex
	times := map[int64]int{}
	w := stack.Work(t, consumer.Config{
		Cluster: t.cluster(), Registry: registry, Group: group, Topics: []string{topic}, Concurrency: *concurrency,
		Tuning: consumer.Tuning{CommitInterval: commitInterval},
	}, consumer.On(func(_ context.Context, e events.Numbered) error {
		mu.Lock()
		defer mu.Unlock()
		times[e.Number]++
		return nil
	}))
	next := int64(0)
	fill := func(n int) {
		for range n {
			if _, err := numbered.Send(t.Context(), "key", events.Numbered{Key: "key", Number: next}); err != nil {
				t.Fatalf("event %d: %v", next, err)
			}
			next++
			t.n++
		}
	}
	handled := func(what string, first, end, offset int64) {
		t.until(time.Minute, what, func() bool {
			committed, err := admin.Committed(t.Context(), t.kafka(), group, topic)
			return err == nil && committed[0] == offset
		})
		mu.Lock()
		defer mu.Unlock()
		for n := first; n < end; n++ {
			switch {
			case times[n] == 0:
				t.verdict.Lost++
			case times[n] > 1:
				t.verdict.Repeated += times[n] - 1
			}
		}
	}
	fill(300)
	handled("the first topic is handled", 0, 300, 300)
	rounds := pick(3, 10)
	for round := range rounds {
		if _, err := t.kafka().Admin.DeleteTopics(t.Context(), topic); err != nil {
			t.Fatalf("delete topic: %v", err)
		}
		if round%3 == 2 { // long enough for the group to give the partition up
			t.until(time.Minute, "the worker has no partition", func() bool { return len(w.State().Partitions) == 0 })
		}
		t.recreate(topic)
		first, count := next, 400+100*round
		fill(count)
		handled("the new topic is handled", first, next, int64(count))
	}
	if err := w.Stop(); err != nil {
		t.Errorf("worker ended with: %v", err)
	}
	t.require(t.verdict.Repeated == 0, "%d events were handled twice", t.verdict.Repeated)
	t.figure("topics made anew", "%d", rounds)
}
