package consumer

import (
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/headrace/headrace/consumer/internal/progress"
	"github.com/headrace/headrace/internal/kafka"
)

// modelled is a group whose workers come, go and die while they handle the events of a few keys, and what is known of it: what each
// event came to, and what the group was told.
type modelled struct {
	*world
	group, topic string
	partitions   int32
	events       int64 // of each partition
	keys         int64

	mu      sync.Mutex
	failing map[int64]int     // attempts of an event that still fail, by its number
	running map[string]*lived // by key
	next    map[string]int64  // of a key: what is to be handled for the first time
	done    map[int64]bool    // handled, by number
	told    []map[int64]bool  // by partition: offsets that the group was told are done when no worker of the group was alive
	wrong   []string
}

// lived is one worker's life. What its handlers do once it is dead counts for nothing.
type lived struct {
	*job
	dead atomic.Bool
}

var modelGroups atomic.Int64

func newModelled(w *world, partitions int32, events, keys int64) *modelled {
	m := &modelled{
		world: w, partitions: partitions, events: events, keys: keys, topic: fmt.Sprint("model-", modelGroups.Add(1)),
		failing: map[int64]int{}, running: map[string]*lived{}, next: map[string]int64{}, done: map[int64]bool{},
	}
	m.group = m.topic
	if err := w.kafka.CreateTopic(m.topic, partitions, nil); err != nil {
		w.t.Fatal(err)
	}
	for p := range partitions {
		recs := make([]rec, events)
		for i := range recs {
			recs[i] = rec{key: fmt.Sprint("k", int64(i)%keys), value: pingValue(int64(p)*events+int64(i), "w"), at: 1000}
		}
		w.put(m.topic, p, recs...)
		m.told = append(m.told, map[int64]bool{})
	}
	return m
}

func (m *modelled) wrongf(format string, args ...any) {
	m.wrong = append(m.wrong, fmt.Sprintf(format, args...))
}

func (m *modelled) worker(instance string, lanes int) *lived {
	m.t.Helper()
	cfg := m.config(m.topic)
	cfg.Group, cfg.Concurrency = m.group, lanes
	cfg.Policy = Policy{Attempts: 1 << 20, Backoff: Backoff{Initial: time.Millisecond, Max: 2 * time.Millisecond}}
	cfg.Tuning.InstanceID, cfg.Tuning.CommitInterval = instance, 3*time.Millisecond
	life := &lived{}
	life.job = m.start(cfg, On(func(ctx context.Context, p ping) error { return m.handle(ctx, life, p) }))
	return life
}

func (m *modelled) handle(ctx context.Context, life *lived, p ping) error {
	info := InfoFrom(ctx)
	key := fmt.Sprint(info.Partition, "/", info.Key)
	m.mu.Lock()
	if other := m.running[key]; other != nil && !other.dead.Load() && !life.dead.Load() {
		m.wrongf("key %s: two handlers at once", key)
	}
	m.running[key] = life
	if m.told[info.Partition][info.Offset] && !life.dead.Load() {
		m.wrongf("partition %d offset %d is handled again, though metadata says that it is done", info.Partition, info.Offset)
	}
	if nth := info.Offset / m.keys; nth > m.next[key] && !life.dead.Load() {
		m.wrongf("key %s: event %d is handled, event %d is not", key, nth, m.next[key])
	}
	fails := m.failing[p.N] > 0
	if fails {
		m.failing[p.N]--
	}
	m.mu.Unlock()
	if n := rand.IntN(4); n == 0 {
		<-time.After(time.Duration(rand.IntN(2000)) * time.Microsecond)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.running[key] == life {
		delete(m.running, key)
	}
	switch {
	case life.dead.Load():
		return ErrStopping
	case fails:
		return errBroken
	}
	m.done[p.N] = true
	if nth := info.Offset / m.keys; nth == m.next[key] {
		m.next[key]++
	}
	return nil
}

// die kills a worker in the midst of its work.
func (m *modelled) die(life *lived) {
	m.t.Helper()
	eventually(m.t, "worker runs", func() bool { return life.engine.Load() != nil })
	m.mu.Lock()
	life.dead.Store(true)
	m.mu.Unlock()
	life.crash()
}

// stored is what the group has of each partition.
func (m *modelled) stored() []kafka.CommittedOffset {
	m.t.Helper()
	var names []kafka.TopicPartition
	for p := range m.partitions {
		names = append(names, kafka.TopicPartition{Topic: m.topic, Partition: p})
	}
	offsets, err := m.client.FetchOffsets(m.t.Context(), m.group, names...)
	if err != nil {
		m.t.Fatal(err)
	}
	return offsets
}

func (m *modelled) committedAll() bool {
	return !slices.ContainsFunc(m.stored(), func(c kafka.CommittedOffset) bool { return c.Offset < m.events })
}

// ask notes what the group was told, while no worker is alive.
func (m *modelled) ask() {
	m.t.Helper()
	topic, err := m.client.Topic(m.t.Context(), m.topic)
	if err != nil {
		m.t.Fatal(err)
	}
	for p, c := range m.stored() {
		if c.Offset < 0 {
			continue
		}
		n, err := progress.Decode(progress.Log{Cluster: m.client.ClusterID(), Topic: topic.ID, Partition: c.Partition}, c.Offset, c.Metadata)
		if err != nil {
			m.t.Fatal(err)
		}
		m.mu.Lock()
		for o := range m.events {
			if m.told[p][o] = n.Done.Has(o); n.Done.Has(o) && !m.done[int64(p)*m.events+o] {
				m.wrongf("partition %d offset %d: the group was told that it is done, and nobody has handled it", p, o)
			}
		}
		m.mu.Unlock()
	}
}

func (m *modelled) handled() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.done)
}

// TestModelOfLanesAndMetadata lets workers with any number of lanes handle events that end in any order, and has them die, restart, and
// share their partitions with others: no event is skipped, no key is handled twice at once or out of order, and nothing is repeated that
// the metadata says is done.
func TestModelOfLanesAndMetadata(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	left := 25 // of rapid's 100, since workers take their time to join
	if flag.Lookup("rapid.checks").Value.String() != "100" {
		left = math.MaxInt
	}
	rapid.Check(t, func(r *rapid.T) {
		if left--; left < 0 {
			return
		}
		partitions := rapid.Int32Range(1, 2).Draw(r, "partitions")
		m := newModelled(w, partitions, rapid.Int64Range(1, 60).Draw(r, "events"), rapid.Int64Range(1, 12).Draw(r, "keys"))
		for _, n := range rapid.SliceOfN(rapid.Int64Range(0, m.events*int64(partitions)-1), 0, 5).Draw(r, "failing") {
			m.failing[n] = rapid.IntRange(1, 4).Draw(r, "times")
		}
		lives := rapid.IntRange(0, 3).Draw(r, "lives")
		for life := range lives {
			one := m.worker("one", rapid.IntRange(0, 6).Draw(r, "lanes"))
			until := m.handled() + rapid.IntRange(0, int(m.events)).Draw(r, "until")
			eventually(t, "some work", func() bool { return m.handled() >= min(until, int(m.events)*int(partitions)) })
			switch rapid.SampledFrom([]string{"die", "stop", "share"}).Draw(r, fmt.Sprint("end of life ", life)) {
			case "die":
				m.die(one)
			case "stop":
				one.stop()
			case "share":
				two := m.worker("", rapid.IntRange(0, 6).Draw(r, "lanes"))
				eventually(t, "the other has its share", func() bool { return two.Stats().Assigned > 0 || partitions == 1 && two.Stats().Rebalances > 0 })
				one.stop()
				two.stop()
			}
			m.ask()
		}
		last := m.worker("one", 4)
		eventually(t, "everything is committed", m.committedAll)
		last.stop()
		m.ask()
		if len(m.wrong) > 0 {
			r.Fatalf("%d wrongs, the first: %s", len(m.wrong), m.wrong[0])
		}
	})
}
