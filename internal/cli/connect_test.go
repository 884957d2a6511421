package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headrace/headrace/internal/devserver"
)

// in is a folder with a headrace.yaml.
func in(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "headrace.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// runDir runs the command line in a folder, with nothing but what stands there to say where the servers are.
func runDir(t *testing.T, dir, stdin string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := Main(t.Context(), Env{Args: args, Stdin: strings.NewReader(stdin), Stdout: &stdout, Stderr: &stderr, Dir: dir})
	return result{code, stdout.String(), stderr.String()}
}

func TestContextsSayWhereTheServersAre(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	s.createTopic("orders", 1)
	s.register("orders-value", orderSchema)
	dir := in(t, `
context: here
contexts:
  here: {brokers: ["`+s.KafkaAddr+`"], registry: "`+s.RegistryURL+`"}
  nowhere: {brokers: ["127.0.0.1:1"], registry: "http://127.0.0.1:1"}
`)
	below := filepath.Join(dir, "a", "b")
	if err := os.MkdirAll(below, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"topics", "list", "-o", "json"},
		{"schema", "list", "-o", "json"},
		{"topics", "list", "-o", "json", "--context", "here"},
		{"schema", "list", "-o", "json", "--context", "here"},
		{"topics", "list", "-o", "json", "--context", "nowhere", "--brokers", s.KafkaAddr},
		{"schema", "list", "-o", "json", "--context", "nowhere", "--registry", s.RegistryURL},
	} {
		if r := runDir(t, below, "", args...).want(t, exitDone); !strings.Contains(r.stdout, "orders") {
			t.Errorf("%v: %s", args, r.stdout)
		}
	}
	runDir(t, dir, "", "topics", "list", "--context", "nowhere").want(t, exitFailed, "127.0.0.1:1")
	runDir(t, dir, "", "schema", "list", "--context", "nowhere").want(t, exitFailed, "127.0.0.1:1")
	runDir(t, dir, "", "topics", "list", "--context", "hree").want(t, exitUsage, "--context", "did you mean here?")
	runDir(t, t.TempDir(), "", "topics", "list", "--context", "here").want(t, exitUsage, "there is no headrace.yaml")
}

func TestSeveralContextsAreNotGuessedFrom(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	dir := in(t, `contexts: {dev: {brokers: ["`+s.KafkaAddr+`"]}, prod: {brokers: ["127.0.0.1:1"]}}`)
	runDir(t, dir, "", "topics", "list").want(t, exitUsage, "has the contexts dev, prod: choose one with --context")
	runDir(t, dir, "", "topics", "list", "--brokers", s.KafkaAddr).want(t, exitDone)
	dir = in(t, `contexts: {dev: {brokers: ["`+s.KafkaAddr+`"]}}`)
	runDir(t, dir, "", "topics", "list").want(t, exitDone)
}

func TestEnvironmentComesBeforeTheFileAndAfterTheFlag(t *testing.T) {
	s := start(t, devserver.Config{})
	s.createTopic("orders", 1)
	t.Setenv("KAFKA_BROKERS", s.KafkaAddr)
	t.Setenv("SCHEMA_REGISTRY_URL", s.RegistryURL)
	dir := in(t, `contexts: {away: {brokers: ["127.0.0.1:1"], registry: "http://127.0.0.1:1"}}`)
	runDir(t, dir, "", "topics", "list").want(t, exitDone)
	runDir(t, dir, "", "schema", "list").want(t, exitDone)
	runDir(t, dir, "", "topics", "list", "--context", "away").want(t, exitFailed, "127.0.0.1:1")
	runDir(t, dir, "", "schema", "list", "--context", "away").want(t, exitFailed, "127.0.0.1:1")
}

func TestSecretsOfAContextAreReadFromWhereItSays(t *testing.T) {
	dir := in(t, `contexts: {c: {brokers: ["127.0.0.1:1"], sasl: {mechanism: SCRAM-SHA-256, username: u, password_env: HEADRACE_TEST_SECRET}}}`)
	runDir(t, dir, "", "topics", "list", "--context", "c").want(t, exitFailed, "headrace.yaml:1:", "HEADRACE_TEST_SECRET, which holds the password, is not set")
	t.Setenv("HEADRACE_TEST_SECRET", "hunter2")
	r := runDir(t, dir, "", "topics", "list", "--context", "c").want(t, exitFailed, "127.0.0.1:1")
	if strings.Contains(r.stderr, "hunter2") {
		t.Error(r.stderr)
	}
}
