package topics_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace/topics"
)

// load reads a file without a cluster.
func load(t *testing.T, text, context string) (*topics.Wanted, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "headrace.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return topics.Load(path, context)
}

const contextsFile = `
contexts:
  dev:
    every_topic: {replication: 1, config: {min_insync: 1}}
    topics: {flights: {partitions: 1}}
    groups: {delays: {retry: [1s]}}
  prod: {}
defaults: {partitions: 6, replication: 3, config: {min_insync: 2}}
topics:
  - {name: flights, config: {retention: 30d, max_message: 1MB}}
  - {name: weather, external: true}
groups:
  - name: delays
    topics: [flights, weather]
    retry: {delays: [1h], config: {retention_bytes: 1GB}}
    dead_letter: {config: {retention: 90d}}
accounts:
  - {name: delays, principal: "User:CN=delays", host: 10.0.0.1, groups: [delays], produces: [flights], reads: [weather]}
`

func TestGroupsMakeTopicsAndContextsOverride(t *testing.T) {
	t.Parallel()
	wanted, err := load(t, contextsFile, "dev")
	if err != nil {
		t.Fatal(err)
	}
	settings := func(pairs ...string) []topics.Config {
		var all []topics.Config
		for _, pair := range pairs {
			name, value, _ := strings.Cut(pair, "=")
			all = append(all, topics.Config{Name: name, Value: value})
		}
		return all
	}
	group, flights := "headrace.yaml:13:11", "headrace.yaml:10:12"
	want := []topics.WantedTopic{
		{Name: "flights", Partitions: 1, Replication: 1, At: flights, Configs: settings("max.message.bytes=1000000", "min.insync.replicas=1", "retention.ms=2592000000")},
		{
			Name: "flights.delays.dead", Source: "flights", Partitions: 1, Replication: 1, At: group,
			Configs: settings("cleanup.policy=delete", "max.message.bytes=1065536", "min.insync.replicas=1", "retention.ms=7776000000"),
		},
		{
			Name: "flights.delays.retry.1s", Source: "flights", Partitions: 1, Replication: 1, At: group,
			Configs: settings("cleanup.policy=delete", "max.message.bytes=1065536", "min.insync.replicas=1", "retention.bytes=1000000000", "retention.ms=2592002000"),
		},
		{Name: "weather.delays.dead", Source: "weather", At: group, Configs: settings("cleanup.policy=delete", "retention.ms=7776000000")},
		{
			Name: "weather.delays.retry.1s", Source: "weather", At: group,
			Configs: settings("cleanup.policy=delete", "retention.bytes=1000000000", "retention.ms=604802000"),
		},
	}
	if diff := cmp.Diff(want, wanted.Topics); diff != "" {
		t.Errorf("dev (-want +got):\n%s", diff)
	}
	prod, err := load(t, contextsFile, "prod")
	if err != nil {
		t.Fatal(err)
	}
	if first := prod.Topics[0]; first.Partitions != 6 || first.Replication != 3 || prod.Topics[2].Name != "flights.delays.retry.1h" {
		t.Errorf("prod: %+v", prod.Topics)
	}
	if _, err := load(t, contextsFile, "prd"); err == nil || !strings.Contains(err.Error(), "did you mean prod?") {
		t.Errorf("got %v", err)
	}
	if either, err := load(t, contextsFile, ""); err != nil || either.Topics[0].Replication != 3 {
		t.Errorf("without a context: %+v, %v", either, err)
	}
}

func TestAccountsGetWhatTheyNeedAndNoMore(t *testing.T) {
	t.Parallel()
	wanted, err := load(t, contextsFile, "prod")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, rule := range wanted.ACLs {
		got.WriteString(rule.String() + "\n")
	}
	want := `group delays: READ
group delays.retry: READ
topic flights: READ
topic flights: WRITE
topic flights.delays.dead: WRITE
topic flights.delays.retry.1h: READ
topic flights.delays.retry.1h: WRITE
topic headrace.replays: READ
topic weather: READ
topic weather.delays.dead: WRITE
topic weather.delays.retry.1h: READ
topic weather.delays.retry.1h: WRITE
`
	var said strings.Builder
	for line := range strings.Lines(want) {
		resource, operation, _ := strings.Cut(strings.TrimSpace(line), ": ")
		said.WriteString("User:CN=delays may " + operation + " " + resource + " from 10.0.0.1\n")
	}
	if diff := cmp.Diff(said.String(), got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestRecordsOfReplaysAndRedrivesHaveWritersOfTheirOwn: what stands there is believed, so that workers may not write it.
func TestRecordsOfReplaysAndRedrivesHaveWritersOfTheirOwn(t *testing.T) {
	t.Parallel()
	wanted, err := load(t, `
topics: [{name: flights, partitions: 1, replication: 1}, {name: flights.again, partitions: 1, replication: 1}]
groups: [{name: delays, topics: [flights], retry: [1m], dead_letter: true}]
accounts:
  - {name: worker, groups: [delays]}
  - {name: ops, redrives: [delays]}
  - {name: history, replays: [flights.again]}
`, "")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, rule := range wanted.ACLs {
		got[rule.Principal] = append(got[rule.Principal], rule.Operation+" "+strings.ToLower(rule.Resource)+" "+rule.Name)
	}
	want := map[string][]string{
		"User:worker": {
			"READ group delays", "READ group delays.retry", "READ topic flights", "WRITE topic flights.delays.dead",
			"READ topic flights.delays.retry.1m", "WRITE topic flights.delays.retry.1m", "READ topic headrace.replays",
		},
		"User:ops": {
			"READ group flights.delays.dead.redrive", "WRITE topic flights", "DESCRIBE_CONFIGS topic flights.delays.dead", "READ topic flights.delays.dead",
			"WRITE topic flights.delays.retry.1m", "CREATE topic headrace.redrives", "DESCRIBE_CONFIGS topic headrace.redrives",
			"READ topic headrace.redrives", "WRITE topic headrace.redrives",
		},
		"User:history": {
			"WRITE topic flights.again", "CREATE topic headrace.replays", "DESCRIBE_CONFIGS topic headrace.replays", "READ topic headrace.replays",
			"WRITE topic headrace.replays",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLoadRefusesWhatNoClusterCanHave(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"topics: [{name: a, replication: 1, config: {min_insync: 2}}]":                                          "nothing could be written: lower it or raise replication",
		"topics: [{name: a.b}, {name: a_b}]":                                                                    "topic a_b: Kafka takes it for a.b",
		"topics: [{name: a}, {name: a.g.dead}]\ngroups: [{name: g, topics: [a], dead_letter: true}]":            "topic a.g.dead stands at headrace.yaml:1:28: group g makes it",
		"topics: [{name: a}]\ngroups: [{name: 'g g', topics: [a], dead_letter: true}]":                          `topic name "a.g g.dead"`,
		"topics: [{name: a}]\ngroups: [{name: g, topics: [a], retry: {delays: [1h], config: {retention: 1m}}}]": "events wait 1h in a retry topic that keeps them for 1m",
		"topics: [{name: a, external: true, partitions: 3}]":                                                    "topic a is external and has partitions",
		"topics: [{name: a, compatibility: FULL}]":                                                              "has a compatibility level and no events",
		"topics: [{name: a, events: [x.Y]}]\nschemas: {folder: nowhere}":                                        "the folder of schemas",
		"topics: [{name: a, events: [x.Y]}]":                                                                    "the folder holds no .avsc file",
		"topics: [{name: a}]\ncontexts: {c: {groups: {g: {retry: [1s]}}}}":                                      "context c: group g is not in this file",
	} {
		if _, err := load(t, text, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
}

func TestTopicsOfOthersAreServedAndLeftAlone(t *testing.T) {
	t.Parallel()
	wanted, err := load(t, "topics: [{name: flights, external: true}]\ngroups: [{name: g, topics: [flights], dead_letter: true}]", "")
	if err != nil {
		t.Fatal(err)
	}
	plan := topics.Diff(wanted, world(), topics.Options{})
	want := "create topic flights.g.dead: 6 partitions, cleanup delete, max_message 1114124, retention forever\n"
	if diff := cmp.Diff(want, lines(plan)); diff != "" || len(plan.Unmanaged) > 0 {
		t.Errorf("(-want +got):\n%s\nunmanaged: %+v", diff, plan.Unmanaged)
	}
	empty := world()
	empty.Topics = nil
	if got := lines(topics.Diff(wanted, empty, topics.Options{})); !strings.Contains(got, "topic flights, which it serves, is somebody else's and is not there") {
		t.Errorf("got %s", got)
	}
}

// A small file can ask for groups times topics of them.
func TestGroupsTimesTopicsAreBounded(t *testing.T) {
	t.Parallel()
	file := func(groups, names int) string {
		var text strings.Builder
		text.WriteString("topics:\n")
		for i := range names {
			fmt.Fprintf(&text, "  - {name: t%d}\n", i)
		}
		text.WriteString("groups:\n  - name: g\n    dead_letter: true\n    topics: &all\n")
		for i := range names {
			fmt.Fprintf(&text, "      - t%d\n", i)
		}
		for i := range groups - 1 {
			fmt.Fprintf(&text, "  - {name: g%d, topics: *all, dead_letter: true}\n", i)
		}
		return text.String()
	}
	if wanted, err := load(t, file(20, 500), ""); err != nil || len(wanted.Topics) != 500+20*500 {
		t.Errorf("%d topics, %v", len(wanted.Topics), err)
	}
	if _, err := load(t, file(300, 3000), ""); err == nil || !strings.Contains(err.Error(), "there are more than 100000 topics") {
		t.Errorf("900,000 topics: %.200v", err)
	}
}
