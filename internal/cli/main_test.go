package cli

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/headrace/headrace/internal/devserver"
)

var update = flag.Bool("update", false, "write the golden files again")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// result is how a run ended.
type result struct {
	code   int
	stdout string
	stderr string
}

// run runs the command line without a terminal.
func run(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	return runIn(t.Context(), stdin, args...)
}

func runIn(ctx context.Context, stdin string, args ...string) result {
	var stdout, stderr bytes.Buffer
	code := Main(ctx, Env{Args: args, Stdin: strings.NewReader(stdin), Stdout: &stdout, Stderr: &stderr})
	return result{code, stdout.String(), stderr.String()}
}

// want fails the test unless the run ended with code and its messages hold every text.
func (r result) want(t *testing.T, code int, messages ...string) result {
	t.Helper()
	if r.code != code {
		t.Fatalf("exit code %d, want %d\nstdout: %s\nstderr: %s", r.code, code, r.stdout, r.stderr)
	}
	for _, text := range messages {
		if !strings.Contains(r.stderr, text) {
			t.Errorf("stderr lacks %q:\n%s", text, r.stderr)
		}
	}
	return r
}

// servers are a broker and a registry for one test.
type servers struct {
	*devserver.Server
	t *testing.T
}

func start(t *testing.T, cfg devserver.Config) servers {
	t.Helper()
	server, err := devserver.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return servers{Server: server, t: t}
}

// run runs a command against the servers.
func (s servers) run(stdin string, args ...string) result {
	s.t.Helper()
	return s.runIn(s.t.Context(), stdin, args...)
}

func (s servers) runIn(ctx context.Context, stdin string, args ...string) result {
	return runIn(ctx, stdin, append(args, "--brokers", s.KafkaAddr, "--registry", s.RegistryURL)...)
}

func (s servers) createTopic(name string, partitions int32) {
	s.t.Helper()
	if err := s.Broker().CreateTopic(name, partitions, nil); err != nil {
		s.t.Fatal(err)
	}
}

// register registers a schema by the command line.
func (s servers) register(subject, text string) {
	s.t.Helper()
	s.run(text, "schema", "register", "-", "--subject", subject).want(s.t, exitDone)
}

// golden compares got with a file under testdata, which -update writes.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; write it with go test ./internal/cli -update", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

const (
	orderSchema = `{"type":"record","name":"Order","namespace":"shop","fields":[` +
		`{"name":"id","type":"long"},{"name":"customer","type":["null","string"],"default":null},` +
		`{"name":"items","type":{"type":"array","items":{"type":"record","name":"Item","fields":[` +
		`{"name":"sku","type":"string"},{"name":"price","type":"double"}]}},"default":[]}]}`
	refundSchema = `{"type":"record","name":"Refund","namespace":"shop","fields":[{"name":"order","type":"long"}]}`
)
