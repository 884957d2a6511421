package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/replay"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/process"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// commandLine is the headrace of this checkout, against a cluster.
type commandLine struct {
	t      *testing.T
	binary string
	dir    string
	env    []string
}

func newCommandLine(t *testing.T, cluster headrace.Cluster) *commandLine {
	t.Helper()
	c := &commandLine{t: t, dir: t.TempDir()}
	c.binary = filepath.Join(c.dir, "headrace")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", c.binary, "./cmd/headrace")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return c.as(cluster)
}

// as is the same for another user.
func (c *commandLine) as(cluster headrace.Cluster) *commandLine {
	other := *c
	other.env = []string{"KAFKA_BROKERS=" + strings.Join(cluster.Brokers, ","), "SCHEMA_REGISTRY_URL=http://127.0.0.1:1"}
	if s := cluster.SASL; s != nil {
		other.env = append(other.env, "KAFKA_SASL_MECHANISM="+string(s.Mechanism), "KAFKA_SASL_USERNAME="+s.Username, "KAFKA_SASL_PASSWORD="+s.Password.Reveal())
	}
	return &other
}

// run runs a command and wants it to end with a code and to say every text on one of its outputs.
func (c *commandLine) run(code int, args []string, texts ...string) string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.binary, args...)
	cmd.Dir, cmd.Env = c.dir, append(os.Environ(), c.env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		c.t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		c.t.Fatalf("headrace %s: exit code %d, want %d\n%s\n%s", strings.Join(args, " "), got, code, stdout.String(), stderr.String())
	}
	for _, text := range texts {
		if !strings.Contains(stdout.String()+stderr.String(), text) {
			c.t.Errorf("headrace %s: nothing of %q:\n%s\n%s", strings.Join(args, " "), text, stdout.String(), stderr.String())
		}
	}
	return stdout.String()
}

func (c *commandLine) start(args ...string) *process.Process {
	c.t.Helper()
	return process.Start(c.t, process.Spec{Name: "headrace", Command: append([]string{c.binary}, args...), Env: c.env, Dir: c.dir})
}

func (c *commandLine) status(file string) (a replay.Audit) {
	c.t.Helper()
	if err := json.Unmarshal([]byte(c.run(0, []string{"replay", "status", file, "-o", "json"})), &a); err != nil {
		c.t.Fatal(err)
	}
	return a
}

func words(text string) []string { return strings.Fields(text) }

// publishPlain writes n small events into three partitions of a topic; their values are of no schema.
func publishPlain(t *testing.T, cluster headrace.Cluster, topic string, n int) {
	t.Helper()
	p := stack.Producer(t, producer.Config{Cluster: cluster})
	for i := range n {
		key := fmt.Sprint("k", i%1000)
		p.PostRecord(t.Context(), topic, producer.Record{Key: []byte(key), Value: fmt.Appendf(nil, "event %d of %s", i, key)}, func(_ headrace.Location, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestApplyFromTheCommandLine kills, interrupts and cancels replay apply, stops its broker, and goes on with the same command each time.
func TestApplyFromTheCommandLine(t *testing.T) {
	const events = 60_000
	cluster := kraft.Start(t, kraft.Config{Properties: map[string]string{"broker.session.timeout.ms": "6000"}})
	admin.CreateTopic(t, cluster, "orders", 3, forever)
	publishPlain(t, stack.Cluster(cluster), "orders", events)
	source := contents(t, cluster, "orders", "")
	cli := newCommandLine(t, stack.Cluster(cluster))

	for _, c := range []struct {
		name, flags string
		hurt        func(t *testing.T, cli *commandLine, p *process.Process)
		state       replay.State // after it
	}{
		{"killed", "", func(_ *testing.T, _ *commandLine, p *process.Process) { p.Kill() }, replay.StateRunning},
		{"killed.raw", "--raw", func(_ *testing.T, _ *commandLine, p *process.Process) { p.Kill() }, replay.StateRunning},
		{"interrupted", "", func(t *testing.T, _ *commandLine, p *process.Process) {
			p.Signal(syscall.SIGINT)
			if err := p.Wait(); err == nil || err.Error() != "exit status 130" || !strings.Contains(p.Tail(20), "to go on:") {
				t.Errorf("%v\n%s", err, p.Tail(20))
			}
		}, replay.StateInterrupted},
		{"cancelled", "", func(t *testing.T, cli *commandLine, p *process.Process) {
			cli.run(0, words("replay cancel cancelled.json"), "is cancelled")
			if err := p.Wait(); err == nil || err.Error() != "exit status 1" {
				t.Errorf("%v\n%s", err, p.Tail(20))
			}
		}, replay.StateCancelled},
		{"broker", "", func(t *testing.T, _ *commandLine, p *process.Process) {
			cluster.Node(1).Kill()
			cluster.Node(1).Start(t)
			if err := p.Wait(); err != nil {
				t.Errorf("%v\n%s", err, p.Tail(20))
			}
		}, replay.StateDone},
	} {
		t.Run(c.name, func(t *testing.T) {
			cli := *cli
			cli.t = t
			target, file := "to."+c.name, c.name+".json"
			admin.CreateTopic(t, cluster, target, 3, forever)
			cli.run(0, append(words("replay plan --from-topic orders --to-topic "+target+" --out "+file), words(c.flags)...))
			apply := words("replay apply " + file + " --yes --rate 20000")
			running := cli.start(apply...)
			awaitHeld(t, cluster, target, events/4)
			c.hurt(t, &cli, running)
			before := cli.status(file)
			if before.State != c.state {
				t.Errorf("the record is %+v", before)
			}
			cli.run(0, apply)
			after := cli.status(file)
			if after.State != replay.StateDone || after.Events != events || after.Runs != 2 {
				t.Errorf("the record is %+v", after)
			}
			if n := sameEvents(t, source, contents(t, cluster, target, after.ID), c.flags == ""); n != events {
				t.Errorf("the target holds %d events, want %d", n, events)
			}
			t.Logf("%s: %d of %d events when hurt (%s), then %d", c.name, before.Events, events, before.State, after.Events)
		})
	}
	cli.run(0, words("replay list"), "to.killed", "to.cancelled", "done")
}
