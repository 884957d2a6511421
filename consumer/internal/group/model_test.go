package group

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"
	"pgregory.net/rapid"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer/internal/assign"
	"github.com/headrace/headrace/internal/kafka"
)

// world is a group in virtual time: members that are processes with a network of their own, and one coordinator.
type world struct {
	coordinator *coordinator
	random      *rand.Rand
	session     time.Duration
	rebalance   time.Duration

	mu      sync.Mutex
	owners  map[assign.Partition][]string // whose handlers may run
	wrong   []string
	history []string
	started time.Time

	processes map[string]*process // those that live, by name
	born      int
	all       []*process
}

// process is one life of a member.
type process struct {
	world    *world
	name     string
	instance string
	topics   []string
	line     *line
	client   *kafka.Client
	member   *Member
	cancel   context.CancelFunc
	done     chan struct{}
	dead     bool // under world.mu: what it says counts for nothing
}

func newTestWorld(seed uint64, session, rebalance time.Duration, topics map[string]int32) *world {
	return &world{
		coordinator: newCoordinator(topics), random: rand.New(rand.NewPCG(seed, 1)), session: session, rebalance: rebalance,
		owners: map[assign.Partition][]string{}, started: time.Now(), processes: map[string]*process{},
	}
}

// note needs w.mu.
func (w *world) note(format string, args ...any) {
	w.history = append(w.history, fmt.Sprintf("%8.3f ", time.Since(w.started).Seconds())+fmt.Sprintf(format, args...))
}

func (w *world) upTo(most time.Duration) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Duration(w.random.Int64N(int64(most)))
}

// start runs a process, static with an instance id.
func (w *world) start(instance string, topics []string) *process {
	w.born++
	p := &process{world: w, name: fmt.Sprintf("p%d", w.born), instance: instance, topics: topics, done: make(chan struct{})}
	p.line = newLine(w.coordinator, func() time.Duration { return w.upTo(50 * time.Millisecond) })
	client, err := kafka.Open(headrace.Cluster{Brokers: []string{"127.0.0.1:1"}}, kafka.WithDial(p.line.dial))
	if err != nil {
		panic(err)
	}
	p.client = client
	p.member = New(Config{
		Client: client, Logger: zap.NewNop(), Group: "g", InstanceID: instance, Topics: topics,
		SessionTimeout: w.session, HeartbeatInterval: 3 * time.Second, RebalanceTimeout: w.rebalance, MetadataInterval: 10 * time.Second,
		Hooks: Hooks{Identified: func(kafka.Member) {}, Assigned: p.assigned, Revoked: p.revoked, Lost: p.lost},
	})
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	w.mu.Lock()
	w.note("%s starts: instance %q, topics %v", p.name, instance, topics)
	w.mu.Unlock()
	w.processes[p.name] = p
	w.all = append(w.all, p)
	go func() {
		defer close(p.done)
		if err := p.member.Run(ctx); err != nil && !p.isDead() {
			// Its static name belongs to another, or did before the coordinator went: what it had said since was not stored.
			w.mu.Lock()
			defer w.mu.Unlock()
			w.note("%s ends: %v", p.name, err)
			if !errors.Is(err, kerr.FencedInstanceID) {
				w.wrong = append(w.wrong, fmt.Sprintf("%s ends: %v", p.name, err))
			}
			p.dead = true
		}
	}()
	return p
}

func (p *process) isDead() bool {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	return p.dead
}

func (p *process) assigned(partitions []assign.Partition) {
	w := p.world
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.dead {
		return
	}
	w.note("%s is given %v", p.name, partitions)
	for _, tp := range partitions {
		if len(w.owners[tp]) > 0 {
			w.wrong = append(w.wrong, fmt.Sprintf("%v is given to %s while %v owns it", tp, p.name, w.owners[tp]))
		}
		if !slices.Contains(p.topics, tp.Topic) {
			w.wrong = append(w.wrong, fmt.Sprintf("%v is given to %s, which does not subscribe to it", tp, p.name))
		}
		w.owners[tp] = append(w.owners[tp], p.name)
	}
}

func (p *process) revoked(partitions []assign.Partition) {
	drain := p.world.upTo(3 * time.Second)
	<-time.After(drain)
	p.drop("gives up", partitions)
}

func (p *process) lost(partitions []assign.Partition, _ error) { p.drop("has lost", partitions) }

func (p *process) drop(how string, partitions []assign.Partition) {
	w := p.world
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.dead {
		return
	}
	w.note("%s %s %v", p.name, how, partitions)
	for _, tp := range partitions {
		w.owners[tp] = slices.DeleteFunc(w.owners[tp], func(name string) bool { return name == p.name })
	}
}

// kill ends a process without a word.
func (w *world) kill(p *process) {
	w.mu.Lock()
	if p.dead {
		w.mu.Unlock()
		return
	}
	p.dead = true
	w.note("%s is killed", p.name)
	for tp, names := range w.owners {
		w.owners[tp] = slices.DeleteFunc(names, func(name string) bool { return name == p.name })
	}
	w.mu.Unlock()
	p.line.kill()
	p.cancel()
}

// leave ends a process in order.
func (w *world) leave(p *process) {
	p.member.Quit()
	p.cancel()
	<-p.done
	w.mu.Lock()
	w.note("%s stops", p.name)
	p.dead = true
	for tp, names := range w.owners {
		w.owners[tp] = slices.DeleteFunc(names, func(name string) bool { return name == p.name })
	}
	w.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = p.member.Leave(ctx)
	p.line.kill()
}

// living are the processes that live, in order.
func (w *world) living() []*process {
	w.mu.Lock()
	defer w.mu.Unlock()
	var living []*process
	for _, name := range slices.Sorted(maps.Keys(w.processes)) {
		if p := w.processes[name]; !p.dead {
			living = append(living, p)
		}
	}
	return living
}

func (w *world) close() {
	for _, p := range w.all {
		p.cancel()
	}
	for _, p := range w.all {
		<-p.done
		p.client.Close()
		p.line.kill()
	}
	w.coordinator.stop()
	for _, p := range w.all {
		p.line.ended.Wait()
	}
}

// unowned are the partitions that do not have exactly one owner though a living process subscribes to them.
func (w *world) unowned() (bad []string) {
	counts, living := w.coordinator.counts(), w.living()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, topic := range slices.Sorted(maps.Keys(counts)) {
		if !slices.ContainsFunc(living, func(p *process) bool { return slices.Contains(p.topics, topic) }) {
			continue
		}
		for id := range counts[topic] {
			if names := w.owners[assign.Partition{Topic: topic, ID: id}]; len(names) != 1 {
				bad = append(bad, fmt.Sprintf("%s/%d: owners %v", topic, id, names))
			}
		}
	}
	return bad
}

// verdict is what went wrong, "" if nothing did.
func (w *world) verdict() string {
	bad := w.unowned()
	w.mu.Lock()
	defer w.mu.Unlock()
	if bad = append(w.wrong, bad...); len(bad) == 0 {
		return ""
	}
	return strings.Join(bad, "\n") + "\nafter\n" + strings.Join(w.history, "\n")
}

// TestGroupsEndWithOneOwnerOfEachPartition plays groups of static and dynamic members that come, go, die at any step and come back with
// other topics, while topics grow, answers and requests are lost and the coordinator hangs or is another one. At no time does a partition
// have two owners, and in the end each has one.
func TestGroupsEndWithOneOwnerOfEachPartition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		script := drawScript(rt)
		var verdict string
		synctest.Test(t, func(*testing.T) { verdict = script.play() })
		if verdict != "" {
			rt.Fatal(verdict)
		}
	})
}

type script struct {
	seed      uint64
	session   time.Duration
	rebalance time.Duration
	steps     []step
}

// step is what happens to a group, after a while.
type step struct {
	after  time.Duration
	what   string
	who    int // among the living
	static string
	topics []string
	key    int16
	much   int
	long   time.Duration
}

var allTopics = []string{"a", "b", "c"}

func drawScript(t *rapid.T) script {
	s := script{
		seed:      rapid.Uint64().Draw(t, "seed"),
		session:   rapid.SampledFrom([]time.Duration{10 * time.Second, 60 * time.Second}).Draw(t, "session"),
		rebalance: rapid.SampledFrom([]time.Duration{15 * time.Second, 30 * time.Second}).Draw(t, "rebalance"),
	}
	keys := []int16{int16(kmsg.JoinGroup), int16(kmsg.SyncGroup), int16(kmsg.Heartbeat)}
	for range rapid.IntRange(2, 12).Draw(t, "steps") {
		s.steps = append(s.steps, step{
			after:  time.Duration(rapid.SampledFrom([]int{0, 10, 200, 1000, 3500, 20_000, 70_000}).Draw(t, "after")) * time.Millisecond,
			what:   rapid.SampledFrom(actions).Draw(t, "what"),
			who:    rapid.IntRange(0, 5).Draw(t, "who"),
			static: rapid.SampledFrom([]string{"", "one", "two"}).Draw(t, "instance"),
			topics: rapid.SliceOfNDistinct(rapid.SampledFrom(allTopics), 1, 3, rapid.ID[string]).Draw(t, "topics"),
			key:    rapid.SampledFrom(keys).Draw(t, "key"),
			much:   rapid.IntRange(1, 5).Draw(t, "how many"),
			long:   time.Duration(rapid.SampledFrom([]int{2, 12, 50}).Draw(t, "how long")) * time.Second,
		})
	}
	return s
}

var actions = []string{
	"start", "start", "start", "stop", "kill", "kill and restart", "restart", "kill when asked", "kill when answered",
	"swallow answers", "lose requests", "grow", "cut off", "hang", "fail over", "deaf, then fail over",
}

func (s script) play() string {
	w := newTestWorld(s.seed, s.session, s.rebalance, map[string]int32{"a": 3, "b": 1, "c": 4})
	defer w.close()
	for _, st := range s.steps {
		<-time.After(st.after)
		w.do(st)
	}
	<-time.After(50 * time.Second) // what was cut off or hung is back
	for _, p := range w.living() {
		p.line.set(func() {
			clear(p.line.swallow)
			clear(p.line.lose)
			clear(p.line.onAsked)
			clear(p.line.onSaid)
		})
	}
	// Whoever died is put out, and who was to take over what it had asks for it.
	<-time.After(4*s.session + 6*s.rebalance + time.Minute)
	return w.verdict()
}

// do is one step. What needs a living process does nothing without one.
func (w *world) do(s step) {
	topics := slices.Sorted(slices.Values(s.topics))
	living := w.living()
	var p *process
	if len(living) > 0 {
		p = living[s.who%len(living)]
	}
	w.mu.Lock()
	w.note("%s %v %s", s.what, s.key, s.long)
	w.mu.Unlock()
	switch {
	case s.what == "start":
		for _, other := range living { // an instance id is one process's
			if s.static != "" && other.instance == s.static {
				return
			}
		}
		if len(living) < 5 {
			w.start(s.static, topics)
		}
	case s.what == "grow":
		w.coordinator.grow(s.topics[0], int32(s.much))
	case s.what == "hang":
		time.AfterFunc(s.long, w.coordinator.hang())
		<-time.After(s.long) // one at a time
	case s.what == "fail over":
		w.coordinator.restart(false)
	case s.what == "deaf, then fail over":
		// As a broker that is stopped: what was sent to it is not answered, and another takes over in its time.
		for _, p := range w.all {
			p.line.set(func() { p.line.epoch++ })
		}
		resume := w.coordinator.hang()
		<-time.After(s.long / 4)
		resume()
		w.coordinator.restart(true)
	case p == nil:
	case s.what == "stop":
		w.leave(p)
	case s.what == "kill":
		w.kill(p)
	case s.what == "kill and restart":
		w.kill(p)
		w.start(p.instance, topics)
	case s.what == "restart":
		w.leave(p)
		w.start(p.instance, topics)
	case s.what == "kill when asked":
		p.line.set(func() { p.line.onAsked[s.key] = func() { w.kill(p) } })
	case s.what == "kill when answered":
		p.line.set(func() { p.line.onSaid[s.key] = func() { w.kill(p) } })
	case s.what == "swallow answers":
		p.line.set(func() { p.line.swallow[s.key] = s.much })
	case s.what == "lose requests":
		p.line.set(func() { p.line.lose[s.key] = s.much })
	case s.what == "cut off":
		p.line.set(func() { p.line.cut = true })
		time.AfterFunc(s.long, func() { p.line.set(func() { p.line.cut = false }) })
	}
}
