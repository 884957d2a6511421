package topics

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace/topics"
)

// eventually waits for what ACLs and metadata take a moment to become.
func (e *environment) eventually(t *testing.T, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatal("it did not become so within 20 s")
		}
		<-time.After(100 * time.Millisecond)
	}
}

// refusals are what is said before anything is done, in the broker's words where it is the broker that refuses.
func (e *environment) refusals(t *testing.T) {
	f := e.file(t)
	f.apply("topics: [{name: refused, replication: 1}]", topics.Options{}, topics.ApplyOptions{})
	for text, want := range map[string]string{
		"topics: [{name: refused, replication: 4}]":                             "4 replicas, and the cluster has 3 brokers",
		"topics: [{name: too-many, replication: 4}]":                            "4 replicas, and the cluster has 3 brokers",
		"topics: [{name: refused_}, {name: too.dotted}, {name: other}]":         "",
		"topics: [{name: refused, config: {segment_bytes: 1}}, {name: not-me}]": "segment.bytes",
		"topics: [{name: refused, config: {no.such.thing: 1}}, {name: not-me}]": "no.such.thing",
		"topics: [{name: not-me, config: {min_insync: 0}}]":                     "min.insync.replicas",
		"topics: [{name: not-me, partitions: 100000}]":                          "partitions",
	} {
		if want == "" {
			continue
		}
		plan := f.plan(text, topics.Options{})
		report, err := topics.Apply(t.Context(), e.conn, plan, topics.ApplyOptions{})
		if err == nil || !strings.Contains(err.Error(), want) || report.Count(topics.Done) > 0 {
			t.Errorf("%s: got %v and %+v, want %s and nothing done", text, err, report, want)
		}
	}
	if _, err := topics.List(t.Context(), e.conn.Cluster, "not-me"); err == nil {
		t.Error("a plan that was refused created a topic")
	}
	for _, name := range []string{"a/b", "..", strings.Repeat("x", 250), "ä"} {
		if err := os.WriteFile(f.path, fmt.Appendf(nil, "topics: [{name: %q}]", name), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := topics.Load(f.path, ""); err == nil || !strings.Contains(err.Error(), "topic name") {
			t.Errorf("name %q: got %v", name, err)
		}
	}
	f.apply("topics: [{name: dot.ted}]", topics.Options{}, topics.ApplyOptions{})
	wantText(t, f.plan("topics: [{name: dot_ted}]", topics.Options{}), "Kafka takes it for topic dot.ted")
}

func (e *environment) racingPlans(t *testing.T) {
	f := e.file(t)
	f.apply("topics: [{name: raced, config: {retention: 7d}}]", topics.Options{}, topics.ApplyOptions{})
	first := f.plan("topics: [{name: raced, config: {retention: 3d}}, {name: raced.first}]", topics.Options{})
	second := f.plan("topics: [{name: raced, config: {retention: 1d}}, {name: raced.second}]", topics.Options{})
	if _, err := topics.Apply(t.Context(), e.conn, first, topics.ApplyOptions{}); err != nil {
		t.Fatal(err)
	}
	report, err := topics.Apply(t.Context(), e.conn, second, topics.ApplyOptions{})
	var stale *topics.StaleError
	if !errors.As(err, &stale) || !strings.Contains(err.Error(), "found 3d") || report.Count(topics.Done) > 0 {
		t.Errorf("the second plan: %v, %+v", err, report)
	}
	if report, err := topics.Apply(t.Context(), e.conn, first, topics.ApplyOptions{}); err != nil || report.Count(topics.Unchanged) != 2 {
		t.Errorf("the first plan again: %v, %+v", err, report)
	}
}

func (e *environment) export(t *testing.T) {
	f := e.file(t)
	exported, err := topics.Export(t.Context(), topics.Connection{Cluster: e.conn.Cluster})
	if err != nil {
		t.Fatal(err)
	}
	text, err := exported.File()
	if err != nil {
		t.Fatal(err)
	}
	plan := f.plan(string(text), topics.Options{})
	wantText(t, plan, "Plan: 0 to create, 0 to change, 0 to delete")
	if len(plan.Unmanaged) > 0 || len(exported.Topics()) < 10 {
		t.Errorf("%d topics, unmanaged: %+v", len(exported.Topics()), plan.Unmanaged)
	}
}

// thousand topics have to be planned and applied in little time.
func (e *environment) thousand(t *testing.T) {
	f := e.file(t)
	var text strings.Builder
	text.WriteString("defaults: {partitions: 1, replication: 1, config: {retention: 7d, max_message: 2MB}}\ntopics:\n")
	for i := range 1000 {
		fmt.Fprintf(&text, "  - {name: many.%04d}\n", i)
	}
	began := time.Now()
	plan := f.plan(text.String(), topics.Options{})
	planned := time.Since(began)
	began = time.Now()
	report, err := topics.Apply(t.Context(), e.conn, plan, topics.ApplyOptions{})
	created := time.Since(began)
	if err != nil || report.Count(topics.Done) != 1000 {
		t.Fatalf("%v, %d done", err, report.Count(topics.Done))
	}
	began = time.Now()
	f.empty(text.String())
	again := time.Since(began)
	changed := strings.NewReplacer("7d", "3d", "2MB", "3MB").Replace(text.String())
	plan = f.plan(changed, topics.Options{})
	began = time.Now()
	if _, err := topics.Apply(t.Context(), e.conn, plan, topics.ApplyOptions{}); err != nil {
		t.Fatal(err)
	}
	altered := time.Since(began)
	f.empty(changed)
	t.Logf("1,000 topics: planned in %v, created in %v, planned again in %v, 2,000 settings changed in %v",
		planned.Round(time.Millisecond), created.Round(time.Millisecond), again.Round(time.Millisecond), altered.Round(time.Millisecond))
}

// halfWay takes away two of three brokers in the middle, with which the cluster has no controller.
func (e *environment) halfWay(t *testing.T) {
	f := e.file(t)
	var text strings.Builder
	text.WriteString("defaults: {partitions: 1, replication: 1}\ntopics:\n")
	for i := range 300 {
		fmt.Fprintf(&text, "  - {name: half.%03d}\n", i)
	}
	plan := f.plan(text.String(), topics.Options{})
	killed := false
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	report, err := topics.Apply(ctx, e.conn, plan, topics.ApplyOptions{Report: func(topics.Result) {
		if !killed {
			killed = true
			e.cluster.Node(2).Kill()
			e.cluster.Node(3).Kill()
		}
	}})
	done, failed, skipped := report.Count(topics.Done), report.Count(topics.Failed), report.Count(topics.Skipped)
	if err == nil || done == 0 || failed == 0 || done+failed+skipped != 300 {
		t.Errorf("got %v: %d done, %d failed, %d not tried", err, done, failed, skipped)
	}
	e.cluster.Node(2).Launch()
	e.cluster.Node(3).Launch()
	e.cluster.Node(2).AwaitReady(t)
	e.cluster.Node(3).AwaitReady(t)
	report, err = topics.Apply(ctx, e.conn, plan, topics.ApplyOptions{})
	if err != nil || report.Count(topics.Done)+report.Count(topics.Unchanged) != 300 || report.Count(topics.Unchanged) < done {
		t.Fatalf("the second time: %v, %d done, %d were so", err, report.Count(topics.Done), report.Count(topics.Unchanged))
	}
	f.empty(text.String())
	t.Logf("of 300 topics %d were created before the controller went, and %d after", done, report.Count(topics.Done))
}
