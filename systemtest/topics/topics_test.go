// Package topics holds on real Kafka what package topics promises: that an applied plan leaves nothing to plan, whatever it changed,
// and that what cannot be done is said before it is tried.
package topics

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/topics"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/apicurio"
	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

const password = "systemtest-secret"

// environment is three brokers that check rights, and a registry.
type environment struct {
	cluster *kraft.Cluster
	conn    topics.Connection // with every right
}

func TestTopicsAsCode(t *testing.T) {
	registry := apicurio.Start(t)
	for _, version := range stack.Versions(kraft.Current) {
		t.Run(version, func(t *testing.T) { onKafka(t, version, registry.URL) })
	}
}

func onKafka(t *testing.T, version, registry string) {
	cluster := kraft.Start(t, kraft.Config{
		Version: version, Nodes: 3, Authorize: true, Listeners: []kraft.Listener{{Name: "SASL", SASL: true}},
		Users: map[string]string{"alice": password},
	})
	env := &environment{cluster: cluster, conn: topics.Connection{
		Cluster:  headrace.Cluster{Brokers: cluster.Internal(), ClientID: "systemtest"},
		Registry: stack.Registry(t, registry),
	}}
	t.Run("create and change", env.createAndChange)
	t.Run("partitions", env.partitions)
	t.Run("replication", env.replication)
	t.Run("interrupted replication", env.interrupted)
	t.Run("delete", env.deletion)
	t.Run("rights", env.rights)
	t.Run("subjects", func(t *testing.T) { env.subjects(t, "doors."+version) })
	t.Run("refusals", env.refusals)
	t.Run("missing rights", env.missingRights)
	t.Run("racing plans", env.racingPlans)
	t.Run("export", env.export)
	t.Run("a thousand topics", env.thousand)
	t.Run("export of a thousand", env.export)
	t.Run("half-way", env.halfWay) // last: it kills brokers
}

// file is a headrace.yaml of its own for a test.
type file struct {
	t    *testing.T
	env  *environment
	path string
}

func (e *environment) file(t *testing.T) *file {
	return &file{t: t, env: e, path: filepath.Join(t.TempDir(), "headrace.yaml")}
}

func (f *file) write(text string) *topics.Wanted {
	f.t.Helper()
	if err := os.WriteFile(f.path, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
	wanted, err := topics.Load(f.path, "")
	if err != nil {
		f.t.Fatal(err)
	}
	return wanted
}

func (f *file) plan(text string, opts topics.Options) topics.Plan {
	f.t.Helper()
	wanted := f.write(text)
	ctx, cancel := context.WithTimeout(f.t.Context(), time.Minute)
	defer cancel()
	world, err := topics.Observe(ctx, f.env.conn, wanted, opts)
	if err != nil {
		f.t.Fatal(err)
	}
	return topics.Diff(wanted, world, opts)
}

// apply plans and applies, and fails the test unless that works and leaves nothing to plan.
func (f *file) apply(text string, opts topics.Options, with topics.ApplyOptions) topics.Plan {
	f.t.Helper()
	plan := f.plan(text, opts)
	if plan.Empty() {
		f.t.Fatal("nothing to change: the test is about nothing")
	}
	ctx, cancel := context.WithTimeout(f.t.Context(), 3*time.Minute)
	defer cancel()
	report, err := topics.Apply(ctx, f.env.conn, plan, with)
	if err != nil {
		f.t.Fatalf("%v\n%+v", err, report)
	}
	if done := report.Count(topics.Done); done != len(plan.Changes) {
		f.t.Errorf("%d of %d changes are done: %+v", done, len(plan.Changes), report)
	}
	f.empty(text)
	return plan
}

// empty fails the test unless the cluster has what the file says.
func (f *file) empty(text string) {
	f.t.Helper()
	if plan := f.plan(text, topics.Options{}); !plan.Empty() {
		var left strings.Builder
		_ = plan.Text(&left, false) // a Builder takes everything
		f.t.Errorf("the plan is not empty:\n%s", &left)
	}
}

// wantText fails the test unless the plan says each of these.
func wantText(t *testing.T, plan topics.Plan, texts ...string) {
	t.Helper()
	var said strings.Builder
	_ = plan.Text(&said, true) // a Builder takes everything
	for _, text := range texts {
		if !strings.Contains(said.String(), text) {
			t.Errorf("the plan lacks %q:\n%s", text, &said)
		}
	}
}

func (e *environment) createAndChange(t *testing.T) {
	f := e.file(t)
	const text = `
topics:
  - {name: change, partitions: 3, replication: 3, config: {retention: 7d, max_message: 2MB, min_insync: 2, cleanup: delete}}
groups:
  - {name: g, topics: [change], retry: [1m, 90m], dead_letter: true}
`
	f.apply(text, topics.Options{}, topics.ApplyOptions{})
	e.fill(t, "change", 3, 2000, 500)
	changed := strings.NewReplacer("7d", "1h", "2MB", "3MB", "min_insync: 2", "min_insync: 1", "cleanup: delete", "cleanup: [delete, compact]").Replace(text)
	plan := f.apply(changed, topics.Options{}, topics.ApplyOptions{})
	wantText(t, plan, "retention 7d → 1h", "events older than 1h are deleted: none at the moment", "max_message 2MB → 3MB",
		"change.g.dead: max_message", "min_insync 2 → 1", "compaction keeps only the last event of each key")
	old := f.plan(strings.Replace(changed, "retention: 1h", "retention: 1ms", 1), topics.Options{})
	wantText(t, old, "about 2,000 of 2,000 events, 1.", " MB of 1.")
	f.apply(strings.Replace(changed, "retention: 1h", "retention: forever", 1), topics.Options{}, topics.ApplyOptions{})
}

// fill writes events of a size to each partition in turn.
func (e *environment) fill(t *testing.T, topic string, partitions int32, events, size int) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(e.cluster.Internal()...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for i := range events {
		r := &kgo.Record{Topic: topic, Partition: int32(i) % partitions, Key: fmt.Append(nil, i), Value: make([]byte, size)}
		client.Produce(t.Context(), r, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Errorf("fill %s: %v", topic, err)
			}
		})
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (e *environment) partitions(t *testing.T) {
	f := e.file(t)
	f.apply("topics: [{name: grow, partitions: 4, replication: 2}]", topics.Options{}, topics.ApplyOptions{})
	e.fill(t, "grow", 4, 100, 10)
	const grown = "topics: [{name: grow, partitions: 6, replication: 2}]"
	wantText(t, f.plan(grown, topics.Options{}), "partitions 4 → 6", "67% of the keys go to another partition", "it holds 100 events", "--allow-partitions grow")
	f.apply(grown, topics.Options{AllowPartitions: []string{"grow"}}, topics.ApplyOptions{})
	wantText(t, f.plan("topics: [{name: grow, partitions: 4}]", topics.Options{}), "4 partitions are wanted and it has 6: Kafka cannot take partitions away")
}

func (e *environment) replication(t *testing.T) {
	f := e.file(t)
	f.apply("topics: [{name: copies, partitions: 6, replication: 1, config: {min_insync: 1}}]", topics.Options{}, topics.ApplyOptions{})
	e.fill(t, "copies", 6, 6000, 2000) // 12 MB
	var seen []topics.Progress
	throttled := false
	with := topics.ApplyOptions{Throttle: 2_000_000, Step: 2, Progress: func(p topics.Progress) {
		seen = append(seen, p)
		throttled = throttled || e.setting(t, "copies", "follower.replication.throttled.replicas") != ""
		if len(p.Moving) > 2 {
			t.Errorf("%d partitions move at once", len(p.Moving))
		}
	}}
	began := time.Now()
	plan := f.apply("topics: [{name: copies, partitions: 6, replication: 3, config: {min_insync: 2}}]", topics.Options{}, with)
	took := time.Since(began)
	wantText(t, plan, "replication 1 → 3, 6 partitions move", "min_insync 1 → 2")
	if len(seen) < 3 || seen[len(seen)-1].Done != 6 || !throttled {
		t.Errorf("progress %+v, throttled %t", seen, throttled)
	}
	// Each broker takes in 8 MB of 12, 2 MB a second.
	if took < 2*time.Second {
		t.Errorf("24 MB were copied in %v: the throttle has no effect", took)
	}
	admin.AwaitInSync(t, e.cluster, "copies")
	e.unthrottled(t, "copies")
	shrunk := f.apply("topics: [{name: copies, partitions: 8, replication: 2, keyed: false, config: {min_insync: 1}}]", topics.Options{}, topics.ApplyOptions{})
	wantText(t, shrunk, "replication 3 → 2", "on fewer brokers", "partitions 6 → 8")
	t.Logf("12 MB in 6 partitions copied twice at 2 MB/s and broker in %v", took.Round(time.Millisecond))
}

// interrupted cuts an application short while partitions move, and applies the plan again with another throttle.
func (e *environment) interrupted(t *testing.T) {
	f := e.file(t)
	f.apply("topics: [{name: cut, partitions: 3, replication: 1, config: {min_insync: 1}}]", topics.Options{}, topics.ApplyOptions{})
	e.fill(t, "cut", 3, 3000, 2000) // 6 MB
	const text = "topics: [{name: cut, partitions: 3, replication: 3}]"
	plan := f.plan(text, topics.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	report, err := topics.Apply(ctx, e.conn, plan, topics.ApplyOptions{Throttle: 300_000, Progress: func(topics.Progress) { cancel() }})
	if err == nil || !strings.Contains(err.Error(), "3 partitions on the way go on in the cluster") || report.Count(topics.Failed) != 1 {
		t.Errorf("cut short: %v, %+v", err, report)
	}
	if e.setting(t, "cut", "leader.replication.throttled.replicas") == "" {
		t.Error("the throttle was lifted while partitions move")
	}
	other := f.plan(strings.Replace(text, "replication: 3", "replication: 2", 1), topics.Options{})
	wantText(t, other, "3 partitions are being moved at the moment")
	if _, err := topics.Apply(t.Context(), e.conn, plan, topics.ApplyOptions{Throttle: 50_000_000}); err != nil {
		t.Fatal(err)
	}
	f.empty(text)
	e.unthrottled(t, "cut")
}

// unthrottled fails the test while anything holds replication back.
func (e *environment) unthrottled(t *testing.T, topic string) {
	t.Helper()
	for _, name := range []string{"leader.replication.throttled.replicas", "follower.replication.throttled.replicas"} {
		if value := e.setting(t, topic, name); value != "" {
			t.Errorf("%s is still %s", name, value)
		}
	}
	for _, node := range e.cluster.Nodes() {
		e.eventually(t, func() bool { return e.rate(t, node.ID) == "" }) // a broker hears of its own settings a moment later
	}
}

// rate is a rate at which the broker holds replication back, empty without any.
func (e *environment) rate(t *testing.T, node int32) string {
	t.Helper()
	configs, err := e.cluster.Admin.DescribeBrokerConfigs(t.Context(), node)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range configs[0].Configs {
		if strings.HasSuffix(c.Key, "replication.throttled.rate") && c.MaybeValue() != "" {
			return c.MaybeValue()
		}
	}
	return ""
}

func (e *environment) setting(t *testing.T, topic, name string) string {
	t.Helper()
	configs, err := e.cluster.Admin.DescribeTopicConfigs(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range configs[0].Configs {
		if c.Key == name {
			return c.MaybeValue()
		}
	}
	return ""
}

func (e *environment) deletion(t *testing.T) {
	f := e.file(t)
	f.apply("topics: [{name: keep}, {name: drop, partitions: 3}]", topics.Options{}, topics.ApplyOptions{})
	e.fill(t, "drop", 3, 30, 10)
	const text = "topics: [{name: keep}]"
	f.empty(text)
	wantText(t, f.plan(text, topics.Options{}), "not in the file: topic drop")
	plan := f.apply(text, topics.Options{AllowDelete: []string{"drop"}}, topics.ApplyOptions{})
	wantText(t, plan, "- delete topic drop", "30 events are lost")
	if listed, err := topics.List(t.Context(), e.conn.Cluster, "drop"); err == nil {
		t.Errorf("drop is still there: %+v", listed)
	}
}
