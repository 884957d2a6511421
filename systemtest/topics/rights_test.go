package topics

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/topics"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

const (
	opened = `{"type":"record","name":"Opened","namespace":"doors","fields":[{"name":"door","type":"doors.Door"}]}`
	closed = `{"type":"record","name":"Closed","namespace":"doors","fields":[{"name":"door","type":"doors.Door"},{"name":"at","type":"long","default":0}]}`
	door   = `{"type":"record","name":"Door","namespace":"doors","fields":[{"name":"id","type":"string"}]}`
)

// rights are what accounts get: enough to work, and no more.
func (e *environment) rights(t *testing.T) {
	f := e.file(t)
	const text = `
topics: [{name: rights.in, partitions: 2, replication: 1}, {name: rights.out, partitions: 2, replication: 1}]
groups: [{name: rights, topics: [rights.in], retry: [1m], dead_letter: true}]
accounts: [{name: alice, groups: [rights], produces: [rights.out]}]
`
	f.apply(text, topics.Options{}, topics.ApplyOptions{})
	extra := kadm.NewACLs().Topics("rights.extra").ResourcePatternType(kadm.ACLPatternLiteral).Allow("User:alice").AllowHosts("*").Operations(kadm.OpRead)
	if _, err := e.cluster.Admin.CreateACLs(t.Context(), extra); err != nil {
		t.Fatal(err)
	}
	e.eventually(t, func() bool { // the brokers hear of a rule a moment later
		var said strings.Builder
		_ = f.plan(text, topics.Options{}).Text(&said, true) // a Builder takes everything
		return strings.Contains(said.String(), "not in the file: User:alice may READ topic rights.extra")
	})

	alice := headrace.Cluster{Brokers: e.cluster.Brokers(), SASL: &headrace.SASL{Mechanism: headrace.SCRAMSHA256, Username: "alice", Password: headrace.NewSecret(password)}}
	p := stack.Producer(t, producer.Config{Cluster: alice})
	if _, err := p.SendRecord(t.Context(), "rights.out", producer.Record{Value: []byte("x")}); err != nil {
		t.Errorf("producing where the file lets alice: %v", err)
	}
	if _, err := p.SendRecord(t.Context(), "rights.in", producer.Record{Value: []byte("x")}); err == nil {
		t.Error("alice may produce where the file does not let her")
	}
	if _, err := e.conn.Registry.Register(t.Context(), schema.TopicName("rights.in"), numbered(t)); err != nil {
		t.Fatal(err)
	}
	ours := stack.Producer(t, producer.Config{Cluster: e.conn.Cluster, Registry: e.conn.Registry})
	if _, err := producer.For[events.Numbered](ours, "rights.in").Send(t.Context(), "k", events.Numbered{Key: "k"}); err != nil {
		t.Fatal(err)
	}
	worker := stack.Work(t, consumer.Config{
		Cluster: alice, Registry: e.conn.Registry, Group: "rights", Topics: []string{"rights.in"},
		Policy: consumer.Policy{Retry: []time.Duration{time.Minute}, DeadLetter: true},
	}, consumer.On(func(context.Context, events.Numbered) error { return consumer.Permanent(errors.New("no")) }))
	worker.Until(t, time.Minute, "one dead letter", func() bool { return worker.Stats().DeadLettered == 1 })
	if err := worker.Stop(); err != nil {
		t.Errorf("the worker: %v", err)
	}
}

func numbered(t *testing.T) *schema.Schema {
	t.Helper()
	parsed, err := schema.Of[events.Numbered]()
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// missingRights names the right and what it is about.
func (e *environment) missingRights(t *testing.T) {
	f := e.file(t)
	f.apply("topics: [{name: denied, partitions: 1}]", topics.Options{}, topics.ApplyOptions{})
	alice := topics.Connection{Cluster: headrace.Cluster{
		Brokers: e.cluster.Brokers(), SASL: &headrace.SASL{Mechanism: headrace.SCRAMSHA256, Username: "alice", Password: headrace.NewSecret(password)},
	}}
	says := func(err error, operation, resource string) {
		t.Helper()
		var right *topics.RightError
		if !errors.As(err, &right) || right.Operation != operation || right.Resource != resource {
			t.Errorf("got %v, want the right to %s %s", err, operation, resource)
		}
	}
	allow := func(operations ...kadm.ACLOperation) {
		t.Helper()
		rules := kadm.NewACLs().Topics("denied").ResourcePatternType(kadm.ACLPatternLiteral).Allow("User:alice").AllowHosts("*").Operations(operations...)
		if _, err := e.cluster.Admin.CreateACLs(t.Context(), rules); err != nil {
			t.Fatal(err)
		}
	}
	const text = "topics: [{name: denied, partitions: 2, keyed: false, config: {retention: 1d}}]"
	plan := f.plan(text, topics.Options{})
	wanted := f.write(text)
	_, err := topics.Observe(t.Context(), alice, wanted, topics.Options{})
	says(err, "DESCRIBE", "topic denied")
	allow(kadm.OpDescribe)
	e.eventually(t, func() bool {
		_, err = topics.Observe(t.Context(), alice, wanted, topics.Options{})
		return err != nil && strings.Contains(err.Error(), "DESCRIBE_CONFIGS")
	})
	says(err, "DESCRIBE_CONFIGS", "topic denied")
	allow(kadm.OpDescribeConfigs)
	var report topics.Report
	e.eventually(t, func() bool {
		report, err = topics.Apply(t.Context(), alice, plan, topics.ApplyOptions{ContinueOnError: true})
		return err != nil && !strings.Contains(err.Error(), "DESCRIBE_CONFIGS")
	})
	if report.Count(topics.Failed) != 2 && report.Count(topics.Failed) != 1 {
		t.Errorf("%+v", report)
	}
	says(err, "ALTER_CONFIGS", "topic denied")
	create := f.plan("topics: [{name: undreamt}]", topics.Options{})
	_, err = topics.Apply(t.Context(), alice, create, topics.ApplyOptions{})
	says(err, "DESCRIBE", "topic undreamt")
}

func (e *environment) subjects(t *testing.T, topic string) {
	f := e.file(t)
	folder := filepath.Dir(f.path)
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("door.avsc", door)
	write("opened.avsc", opened)
	write("closed.avsc", closed)
	one := "topics: [{name: " + topic + ".one, events: [doors.Closed], compatibility: FULL_TRANSITIVE}]"
	f.apply(one, topics.Options{}, topics.ApplyOptions{})
	several := "topics: [{name: " + topic + ".all, events: [doors.Opened, doors.Closed], compatibility: BACKWARD_TRANSITIVE}]"
	f.apply(several, topics.Options{}, topics.ApplyOptions{})

	write("closed.avsc", strings.Replace(closed, `"default":0}`, `"default":0},{"name":"by","type":"string","default":""}`, 1))
	plan := f.apply(strings.Replace(several, "BACKWARD_TRANSITIVE", "FULL", 1), topics.Options{}, topics.ApplyOptions{})
	wantText(t, plan, "subject "+topic+".all-doors.Closed: compatibility BACKWARD_TRANSITIVE → FULL", "register doors.Closed as version 2")

	write("closed.avsc", strings.Replace(closed, `"default":0}`, `"default":0},{"name":"by","type":"string"}`, 1))
	refused := f.plan(several, topics.Options{})
	wantText(t, refused, "doors.Closed may not follow the schemas it has", "READER_FIELD_MISSING_DEFAULT_VALUE at /fields/2")
	if _, err := topics.Apply(t.Context(), e.conn, refused, topics.ApplyOptions{}); err == nil {
		t.Error("a plan with incompatible schemas was applied")
	}
}
