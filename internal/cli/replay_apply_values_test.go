package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headrace/headrace/internal/devserver"
)

const newerRefund = `{"type":"record","name":"Refund","namespace":"shop","fields":[` +
	`{"name":"order","type":"long"},{"name":"why","type":"string","default":"none"}]}`

func TestApplySaysWhatBecomesOfValues(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	for _, topic := range []string{"orders", "again", "dead"} {
		s.createTopic(topic, 1)
	}
	s.register("orders-value", refundSchema)
	s.run(strings.Repeat(`{"order":1}`+"\n", 10), "produce", "orders", "--event", "shop.Refund").want(t, exitDone)
	s.put("orders", []byte{0, 0, 0, 3, 231, 2})  // of schema 999
	s.put("orders", []byte{0, 0, 0, 0, 1, 0xff}) // cut off
	s.run(newerRefund, "schema", "register", "-", "--subject", "newer-value").want(t, exitDone)
	file := filepath.Join(t.TempDir(), "anew.json")
	s.run("", "replay", "plan", "--from-topic", "orders", "--to-topic", "again", "--out", file).want(t, exitDone)
	apply := []string{"replay", "apply", file, "--yes", "--reencode", "newer-value"}
	s.run("", apply...).want(t, exitFailed, "cannot be decided", "999")
	apply = append(apply, "--unknown", "skip")
	s.run("", apply...).want(t, exitFailed, "cannot be read")
	apply = append(apply, "--corrupt", "dead", "--dead-topic", "dead")
	r := s.run("", apply...).want(t, exitDone, "holds 10 events", "skipped topic orders")
	golden(t, "replay_apply_values", applied(r.stdout))
	for _, out := range []string{"json", "yaml", "jsonl"} {
		golden(t, "replay_apply_values_"+out, applied(s.run("", append(apply, "-o", out)...).want(t, exitDone).stdout))
	}
	s.run("", "consume", "dead", "--offset", "start:end").want(t, exitFailed, "topic dead partition 0 offset 0: avro data of shop.Refund", "1 of 1 events")
	if r := s.run("", "consume", "again", "--offset", "start:end").want(t, exitDone); strings.Count(r.stdout, `"why"`) != 10 {
		t.Errorf("not all were written with the newer schema:\n%s", r.stdout)
	}
}

func TestApplyInAnotherContextWritesItsIDs(t *testing.T) {
	t.Parallel()
	s := grouped(t)
	other := start(t, devserver.Config{})
	other.createTopic("again", 2)
	other.register("else-value", newerRefund) // so that ids differ
	dir := t.TempDir()
	text := fmt.Sprintf("contexts:\n  there: {brokers: [%q], registry: %q}\n  deaf: {brokers: [%q], registry: \"http://127.0.0.1:1\"}\n",
		other.KafkaAddr, other.RegistryURL, other.KafkaAddr)
	if err := os.WriteFile(filepath.Join(dir, "headrace.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	here := func(args ...string) result {
		var stdout, stderr strings.Builder
		code := Main(context.WithoutCancel(t.Context()), Env{
			Args: append(args, "--brokers", s.KafkaAddr, "--registry", s.RegistryURL), Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Dir: dir,
		})
		return result{code, stdout.String(), stderr.String()}
	}
	file := filepath.Join(dir, "there.json")
	here("replay", "plan", "--from-topic", "orders", "--to-topic", "again", "--to-context", "there", "--out", file).want(t, exitDone)
	apply := []string{"replay", "apply", file, "--yes", "--to-context"}
	here(append(apply, "deaf", "--dry-run")...).want(t, exitFailed, "context deaf", "--no-registry")
	here(append(apply, "there")...).want(t, exitFailed, "event shop.Refund is in no subject of the target", "--register")
	here(append(apply, "there", "--register")...).want(t, exitDone, "holds 10 events")
	there := other.run("", "consume", "again", "--offset", "start:end").want(t, exitDone)
	if n := strings.Count(there.stdout, `{"order":1}`); n != 10 || strings.Contains(there.stdout, `"why"`) {
		t.Errorf("%d events can be read there:\n%s%s", n, there.stdout, there.stderr)
	}
	other.createTopic("kept", 2)
	here("replay", "plan", "--from-topic", "orders", "--to-topic", "kept", "--to-context", "there", "--out", file).want(t, exitDone, "")
	here(append(apply, "there", "--no-registry", "--checkpoint", file+".kept")...).want(t, exitDone, "holds 10 events")
}
