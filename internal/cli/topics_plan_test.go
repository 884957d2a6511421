package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/internal/devserver"
	"github.com/headrace/headrace/topics"
)

const shopFile = `# What the shop needs.
topics:
  - name: orders # all of them
    partitions: 2
    replication: 1
    config: {retention: 7d}
    events: [shop.Order]
    compatibility: FULL
  - {name: refunds, keyed: false, partitions: 1}
groups:
  - {name: billing, topics: [orders], retry: [1m], dead_letter: true}
accounts:
  - {name: billing, groups: [billing], produces: [refunds]}
`

// project is a folder with a headrace.yaml for the servers.
type projectFolder struct {
	servers
	dir string
}

func (s servers) project(text string) projectFolder {
	s.t.Helper()
	f := projectFolder{s, s.t.TempDir()}
	f.write("headrace.yaml", text)
	f.write("order.avsc", orderSchema)
	return f
}

func (f projectFolder) write(name, text string) {
	f.t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o644); err != nil {
		f.t.Fatal(err)
	}
}

func (f projectFolder) run(args ...string) result {
	f.t.Helper()
	return runDir(f.t, f.dir, "", append(args, "--brokers", f.KafkaAddr, "--registry", f.RegistryURL)...)
}

func TestPlanShowsWhatApplyDoes(t *testing.T) {
	t.Parallel()
	f := start(t, devserver.Config{}).project(shopFile)
	golden(t, "topics_plan_text", f.run("topics", "plan").want(t, exitChanges).stdout)
	golden(t, "topics_plan_json", f.run("topics", "plan", "-o", "json").want(t, exitChanges).stdout)
	golden(t, "topics_plan_markdown", f.run("topics", "plan", "-o", "markdown").want(t, exitChanges).stdout)
	f.run("topics", "apply").want(t, exitUsage, "pass --yes")
	golden(t, "topics_apply_text", f.run("topics", "apply", "--yes").want(t, exitDone, "applied, 0 unchanged, 0 failed").stdout)
	if r := f.run("topics", "plan").want(t, exitDone); r.stdout != "Plan: 0 to create, 0 to change, 0 to delete.\n" {
		t.Error(r.stdout)
	}
	f.run("topics", "apply", "--yes").want(t, exitDone, "nothing to change")
}

func TestPlanIsAppliedFromItsFile(t *testing.T) {
	t.Parallel()
	f := start(t, devserver.Config{}).project(shopFile)
	plan := filepath.Join(f.dir, "plan.json")
	f.run("topics", "plan", "--out", plan).want(t, exitChanges)
	r := f.run("topics", "apply", plan, "--yes", "-o", "json").want(t, exitDone)
	var rows []resultRow
	if err := json.Unmarshal([]byte(r.stdout), &rows); err != nil || len(rows) < 5 || rows[0].Status != topics.Done {
		t.Errorf("%v: %s", err, r.stdout)
	}
	if err := os.WriteFile(plan, []byte(`{"format": 1, "cluster_id": "elsewhere", "changes": [{"kind": "create-topic", "topic": "x"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	f.run("topics", "apply", plan, "--yes").want(t, exitFailed, "the plan is for cluster elsewhere")
}

func TestDangerousChangesNeedToBeNamed(t *testing.T) {
	t.Parallel()
	f := start(t, devserver.Config{}).project(shopFile)
	f.run("topics", "apply", "--yes").want(t, exitDone)
	f.write("headrace.yaml", "topics: [{name: orders, partitions: 4, config: {retention: 1d}}]")
	golden(t, "topics_plan_risks", f.run("topics", "plan", "--all", "--allow-delete", "refunds").want(t, exitChanges).stdout)
	f.run("topics", "apply", "--yes").want(t, exitFailed, "orders", "needs --allow-partitions orders")
	f.run("topics", "apply", "--yes", "--allow-partitions", "orders", "--allow-delete", "refunds").want(t, exitDone)
	if r := f.run("topics", "list").want(t, exitDone); strings.Contains(r.stdout, "refunds") {
		t.Error(r.stdout)
	}
	f.write("headrace.yaml", "topics: [{name: orders, partitions: 1}]")
	r := f.run("topics", "plan").want(t, exitFailed, "the plan cannot be applied")
	if !strings.Contains(r.stdout, "Kafka cannot take partitions away") {
		t.Error(r.stdout)
	}
	f.run("topics", "apply", "--yes").want(t, exitFailed, "Kafka cannot take partitions away")
}

func TestCheckNeedsNoBroker(t *testing.T) {
	t.Parallel()
	f := servers{t: t}.project(shopFile)
	runDir(t, f.dir, "", "topics", "check").want(t, exitDone, "2 topics, 1 group, 1 account, no mistakes")
	f.write("headrace.yaml", strings.Replace(shopFile, "retention: 7d", "retention: 7", 1))
	r := runDir(t, f.dir, "", "topics", "check", "-o", "github-actions").want(t, exitFindings)
	if !strings.Contains(r.stdout, "line=6,col=25") || !strings.Contains(r.stdout, "has no unit") {
		t.Error(r.stdout)
	}
	f.write("headrace.yaml", strings.Replace(shopFile, "shop.Order", "shop.Odrer", 1))
	r = runDir(t, f.dir, "", "topics", "check").want(t, exitFindings)
	if !strings.Contains(r.stdout, "headrace.yaml:7:14") || !strings.Contains(r.stdout, "event shop.Odrer has no schema file") {
		t.Error(r.stdout)
	}
	f.write("headrace.yaml", shopFile)
	f.write("order.avsc", "{")
	if r := runDir(t, f.dir, "", "topics", "check").want(t, exitFindings); !strings.Contains(r.stdout, "order.avsc:1:") {
		t.Error(r.stdout)
	}
	runDir(t, t.TempDir(), "", "topics", "check").want(t, exitUsage, "there is no headrace.yaml")
}

func TestExportedFileHasAnEmptyPlan(t *testing.T) {
	t.Parallel()
	f := start(t, devserver.Config{}).project(shopFile)
	f.run("topics", "apply", "--yes").want(t, exitDone)
	schemas := filepath.Join(f.dir, "schemas")
	exported := f.run("topics", "export", "--schemas", schemas).want(t, exitDone).stdout
	golden(t, "topics_export", strings.ReplaceAll(exported, schemas, "SCHEMAS"))
	f.write("headrace.yaml", exported)
	f.run("topics", "plan").want(t, exitDone)

	f.write("headrace.yaml", "# Ours.\ntopics:\n  # the first\n  - {name: orders} # all of them\n")
	f.run("topics", "export", "--into", filepath.Join(f.dir, "headrace.yaml")).want(t, exitDone)
	text, err := os.ReadFile(filepath.Join(f.dir, "headrace.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "topics_export_into", string(text))
	f.run("topics", "plan").want(t, exitDone)
	f.run("topics", "export", "--into", filepath.Join(f.dir, "headrace.yaml")).want(t, exitDone, "names every topic already")
	f.run("topics", "export", "nowhere").want(t, exitFailed, "topic nowhere does not exist")
}

func TestConfigShowsWhatTheFileComesTo(t *testing.T) {
	t.Parallel()
	dir := in(t, `
contexts: {dev: {brokers: ["localhost:9092"], every_topic: {replication: 1}}, prod: {brokers: ["kafka:9092"]}}
topics: [{name: flights, partitions: 6, replication: 3, config: {retention: 7d}}]
groups: [{name: g, topics: [flights], dead_letter: true}]
`)
	golden(t, "config_view", runDir(t, dir, "", "config", "view", "--context", "dev").want(t, exitDone).stdout)
	golden(t, "config_contexts", runDir(t, dir, "", "config", "contexts", "--context", "prod").want(t, exitDone).stdout)
	runDir(t, dir, "", "config", "view").want(t, exitUsage, "choose one with --context")
	golden(t, "config_schema", runDir(t, dir, "", "config", "schema").want(t, exitDone).stdout)
}

// The names that a file implies are those that a worker uses; topics and consumer do not know each other.
func TestTopicsOfGroupsAreThoseThatWorkersUse(t *testing.T) {
	t.Parallel()
	if got, want := topics.DeadLetterTopic("flights", "delays"), consumer.DeadLetterTopic("flights", "delays"); got != want {
		t.Errorf("dead letters: %s, the worker's are %s", got, want)
	}
	if got, want := topics.RetryGroup("delays"), consumer.RetryGroup("delays"); got != want {
		t.Errorf("retry group: %s, the worker's is %s", got, want)
	}
	for _, d := range []time.Duration{time.Millisecond, 1500 * time.Millisecond, time.Minute, 90 * time.Minute, 24 * time.Hour, 49*time.Hour + time.Second} {
		if got, want := topics.RetryTopic("flights", "delays", d), consumer.RetryTopic("flights", "delays", d); got != want {
			t.Errorf("retry of %v: %s, the worker's is %s", d, got, want)
		}
	}
}
