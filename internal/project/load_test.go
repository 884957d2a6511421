package project_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/headrace/headrace/internal/project"
)

// write puts files into a folder of their own and returns the path of headrace.yaml.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, project.FileName)
}

const whole = `
include: [more/*.yaml]
context: dev
contexts:
  dev: {brokers: [localhost:9092], registry: "http://localhost:8081", every_topic: {replication: 1}}
  prod:
    brokers: [kafka-1:9093, kafka-2:9093]
    tls: {ca_file: certs/ca.pem}
    sasl: {mechanism: SCRAM-SHA-512, username: ops, password_env: PROD_PASSWORD}
    registry: {url: "https://registry", username: ops, password_file: /run/secrets/registry}
    topics: {flights: {partitions: 24, config: {retention: 30d}}}
defaults: {replication: 3, config: {min_insync: 2, cleanup: delete}}
topics:
  - name: flights
    partitions: 6
    config: {retention: 7d, max_message: 10MB, cleanup: [compact, delete]}
    events: [flights.FlightArrived, flights.FlightCancelled]
    compatibility: BACKWARD_TRANSITIVE
groups:
  - {name: delays, topics: [flights], retry: [1m, 1h], dead_letter: true}
accounts:
  - {name: delays, groups: [delays], produces: [alerts]}
schemas: {folder: avro}
`

func TestLoadReadsAFileAndWhatItIncludes(t *testing.T) {
	t.Parallel()
	path := write(t, map[string]string{
		"headrace.yaml": whole,
		"more/a.yaml":   "topics:\n  - {name: alerts, keyed: false, config: {retention.ms: 1000, retention_bytes: unlimited}}\n",
	})
	got, err := project.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(path)
	want := &project.File{
		Path: path, Files: []string{path, filepath.Join(dir, "more/a.yaml")}, Context: "dev",
		Contexts: []project.Context{
			{
				Name: "dev", Brokers: []string{"localhost:9092"}, Registry: &project.Registry{URL: "http://localhost:8081"},
				EveryTopic: project.Overrides{Replication: 1},
			},
			{
				Name: "prod", Brokers: []string{"kafka-1:9093", "kafka-2:9093"},
				TLS:  &project.TLS{CAFile: filepath.Join(dir, "certs/ca.pem")},
				SASL: &project.SASL{Mechanism: "SCRAM-SHA-512", Username: "ops", Password: project.SecretSource{Env: "PROD_PASSWORD"}},
				Registry: &project.Registry{
					URL: "https://registry", Username: "ops", Password: project.SecretSource{File: "/run/secrets/registry"},
				},
				Topics: []project.TopicOverrides{{Name: "flights", Overrides: project.Overrides{
					Partitions: 24, Config: []project.Setting{{Name: "retention.ms", Value: "2592000000", Written: "30d"}},
				}}},
			},
		},
		Topics: []project.Topic{
			{
				Name: "flights", Partitions: 6, Replication: 3, Compatibility: "BACKWARD_TRANSITIVE",
				Config: []project.Setting{
					{Name: "cleanup.policy", Value: "compact,delete", Written: "compact,delete"},
					{Name: "max.message.bytes", Value: "10000000", Written: "10MB"},
					{Name: "min.insync.replicas", Value: "2", Written: "2"},
					{Name: "retention.ms", Value: "604800000", Written: "7d"},
				},
				Events: []project.Event{{Name: "flights.FlightArrived"}, {Name: "flights.FlightCancelled"}},
			},
			{Name: "alerts", Unkeyed: true, Config: []project.Setting{
				{Name: "retention.bytes", Value: "-1", Written: "unlimited"},
				{Name: "retention.ms", Value: "1000", Written: "1000"},
			}},
		},
		Groups: []project.Group{{
			Name: "delays", Topics: []project.Name{{Name: "flights"}}, Retry: []time.Duration{time.Minute, time.Hour}, DeadLetter: true,
		}},
		Accounts: []project.Account{{
			Name: "delays", Principal: "User:delays", Host: "*",
			Produces: []project.Name{{Name: "alerts"}}, Groups: []project.Name{{Name: "delays"}},
		}},
		Schemas: project.Schemas{Folder: filepath.Join(dir, "avro")},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreTypes(project.Position{}), cmpopts.IgnoreFields(project.File{}, "Digest")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMistakesHaveAPlaceAndSayWhatWasMeant(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, want string }{
		"unknown field":       {"topcis: []", `:1:1: the file has no field "topcis": did you mean topics?`},
		"nested":              {"topics:\n  - name: a\n    partition: 3", `:3:5: an item of topics has no field "partition": did you mean partitions?`},
		"unknown setting":     {"topics:\n  - {name: a, config: {retension: 7d}}", `:2:24: config has no field "retension": did you mean retention?`},
		"unknown kafka name":  {"topics:\n  - {name: a, config: {retention.mss: 7d}}", `:2:24: config has no field "retention.mss": did you mean retention.ms?`},
		"no unit":             {"topics:\n  - {name: a, config: {retention: 7}}", `:2:35: retention: "7" has no unit: write 500ms, 30s, 15m, 12h, 7d or 2w`},
		"wrong unit":          {"topics:\n  - {name: a, config: {retention: 10MB}}", `:2:35: retention: "10MB": "MB" is not a unit of time`},
		"bytes":               {"topics:\n  - {name: a, config: {max_message: 7d}}", `:2:37: max_message: "7d" is not an amount of bytes`},
		"part of a byte":      {"topics:\n  - {name: a, config: {max_message: 1.0001kB}}", `"1.0001kB" is not a whole number of bytes`},
		"choice":              {"topics:\n  - {name: a, config: {cleanup: compacted}}", `cleanup: "compacted": did you mean compact?`},
		"choice in a list":    {"topics:\n  - {name: a, config: {cleanup: 'delete, compct'}}", `"compct": did you mean compact?`},
		"level":               {"topics:\n  - {name: a, compatibility: BACKWARDS}", `compatibility is "BACKWARDS": did you mean BACKWARD?`},
		"duplicate topic":     {"topics:\n  - name: a\n  - name: a", `:3:11: topic a is there twice: it stands at `},
		"duplicate field":     {"topics: []\ntopics: []", `already`},
		"two names":           {"topics:\n  - {name: a, config: {retention: 7d, retention.ms: 5}}", `:2:39: retention.ms is set in line 2 already: keep one`},
		"name of topic":       {"topics:\n  - name: a/b", `:2:11: topic name "a/b": 1 to 249 letters`},
		"no name":             {"topics:\n  - {partitions: 3}", `lacks the field "name"`},
		"kind":                {"topics:\n  name: a", `:2:3: topics is a mapping, want a list`},
		"number":              {"topics:\n  - {name: a, partitions: six}", `partitions is a text, want a whole number`},
		"zero":                {"topics:\n  - {name: a, partitions: 0}", `partitions: 0: at least 1 is needed`},
		"empty":               {"topics:\n  - {name: a, config: }", `config is empty`},
		"group's topic":       {"topics: [{name: flights}]\ngroups:\n  - {name: g, topics: [flihgts]}", `:3:24: group g: topic flihgts is not in this file: did you mean flights?`},
		"delay":               {"topics: [{name: a}]\ngroups:\n  - {name: g, topics: [a], retry: [1x]}", `:3:36: retry: "1x": "x" is not a unit of time`},
		"delay twice":         {"topics: [{name: a}]\ngroups:\n  - {name: g, topics: [a], retry: [60s, 1m]}", `retry has the delay 1m twice`},
		"default context":     {"context: prd\ncontexts: {prod: {}}", `:1:10: context prd is not in this file: did you mean prod?`},
		"override of nothing": {"contexts: {dev: {topics: {a: {partitions: 1}}}}", `context dev: topic a is not in this file`},
		"syntax":              {"topics: [", `this is not YAML: `},
		"two documents":       {"topics: []\n---\ntopics: []", `:2:1: a second document begins here`},
		"merge key":           {"a: &a {name: x}\ntopics:\n  - <<: *a", `has no field "<<": name the fields one by one`},
		"include":             {"include: [nowhere.yaml]", `:1:11: include "nowhere.yaml": there is no such file`},
		"registry":            {"contexts: {dev: {registry: localhost:8081}}", `has no http or https host`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := project.Load(write(t, map[string]string{"headrace.yaml": test.text}))
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "headrace.yaml:") {
				t.Errorf("got %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestSecretsAreRefusedAndNotRepeated(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"password":          "contexts: {c: {sasl: {mechanism: PLAIN, username: u, password: hunter2}}}",
		"token":             "contexts: {c: {sasl: {mechanism: OAUTHBEARER, token: hunter2}}}",
		"name of a secret":  "contexts: {c: {sasl: {mechanism: PLAIN, username: u, password_env: 'hunter2!'}}}",
		"URL, no scheme":    "contexts: {c: {registry: 'u:hunter2@r:8081'}}",
		"URL, with a slash": "contexts: {c: {registry: 'http://u:1/hunter2@r:8081'}}",
		"URL with a query":  "contexts: {c: {registry: 'http://r:8081/?token=hunter2'}}",
		"URL of a scheme":   "contexts: {c: {registry: {url: 'ftp:hunter2'}}}",
		"an alias":          "contexts: {c: {sasl: {mechanism: PLAIN, username: u, password_env: *hunter2}}}",
		"registry password": "contexts: {c: {registry: {url: 'http://r', username: u, password: hunter2}}}",
		"registry url":      "contexts: {c: {registry: 'http://u:hunter2@r'}}",
		"broken url":        "contexts: {c: {registry: 'http://u:hunter2@r:%zz'}}",
		"private key":       "contexts: {c: {tls: {key_file: \"-----BEGIN KEY-----\\nhunter2\"}}}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := project.Load(write(t, map[string]string{"headrace.yaml": text}))
			if err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v, want an error without the secret", err)
			}
		})
	}
}

func TestEveryMistakeIsReportedInOrder(t *testing.T) {
	t.Parallel()
	_, err := project.Load(write(t, map[string]string{"headrace.yaml": "topics:\n  - {name: b, partitions: x}\n  - {name: a, keys: 1}\nextra: 1\n"}))
	found := project.Errors(err)
	lines := make([]int, len(found))
	for i, e := range found {
		lines[i] = e.Line
	}
	if diff := cmp.Diff([]int{2, 3, 4}, lines); diff != "" {
		t.Errorf("(-want +got):\n%s\n%v", diff, err)
	}
}

func TestAliasesCannotBlowAFileUp(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString("topics:\n  - &t {name: a, events: &e [" + strings.Repeat("x.Y, ", 5000) + "]}\n")
	for range 5000 {
		text.WriteString("  - *t\n")
	}
	_, err := project.Load(write(t, map[string]string{"headrace.yaml": text.String()}))
	if err == nil || !strings.Contains(err.Error(), "values: split it, or use fewer aliases") {
		t.Errorf("got %.200v", err)
	}
}

func TestFilesThatIncludeEachOtherAreReadOnce(t *testing.T) {
	t.Parallel()
	file, err := project.Load(write(t, map[string]string{
		"headrace.yaml": "include: [b.yaml]\ntopics: [{name: a}]", "b.yaml": "include: [headrace.yaml]\ntopics: [{name: b}]",
	}))
	if err != nil || len(file.Topics) != 2 {
		t.Errorf("got %+v, %v", file, err)
	}
}

func TestFindLooksUpwards(t *testing.T) {
	t.Parallel()
	path := write(t, map[string]string{"headrace.yaml": "", "a/b/c.txt": ""})
	got, found, err := project.Find(filepath.Join(filepath.Dir(path), "a", "b"))
	if err != nil || !found || got != path {
		t.Errorf("got %s, %t, %v; want %s", got, found, err, path)
	}
	if got, found, err := project.Find("/"); err != nil || found {
		t.Errorf("at the root: %s, %t, %v", got, found, err)
	}
}

func TestTheGuidesExampleIsRight(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/topics.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(guide), "```yaml\n")
	example, _, _ := strings.Cut(rest, "```")
	file, err := project.Load(write(t, map[string]string{
		"headrace.yaml": example, "topics/alerts.yaml": "topics: [{name: alerts}]", "schemas/x.avsc": "",
	}))
	if err != nil || len(file.Topics) != 2 || len(file.Contexts) != 2 || filepath.Base(file.Schemas.Folder) != "schemas" {
		t.Errorf("%+v, %v", file, err)
	}
}

func TestSchemasAreLookedForBesideTheFile(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]map[string]string{
		"schemas": {"headrace.yaml": "", "schemas/a.avsc": ""},
		".":       {"headrace.yaml": "", "a.avsc": ""},
	} {
		path := write(t, files)
		file, err := project.Load(path)
		if err != nil || file.Schemas.Folder != filepath.Join(filepath.Dir(path), name) {
			t.Errorf("%s: %+v, %v", name, file, err)
		}
	}
}

func TestIncludesStayNearAndEnd(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		"/*/*":          "looks below it only",
		"../*.yaml":     "looks below it only",
		"*/*/*/*/*":     "wildcards in more than 3 parts",
		"/dev/zero":     "is not a regular file",
		"[":             "syntax error in pattern",
		"nothing*.yaml": "there is no such file",
	} {
		_, err := project.Load(write(t, map[string]string{"headrace.yaml": "include: [" + strconv.Quote(pattern) + "]\n"}))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("include %s: %v, want %q", pattern, err, want)
		}
	}
}
