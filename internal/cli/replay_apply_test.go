package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/replay"
)

// applicable is a topic of ten events, one to copy them to, and the file of a plan that does.
func applicable(t *testing.T, more ...string) (s servers, file string) {
	t.Helper()
	s = grouped(t)
	s.createTopic("again", 2)
	file = filepath.Join(t.TempDir(), "again.json")
	s.run("", append([]string{"replay", "plan", "--from-topic", "orders", "--to-topic", "again", "--out", file}, more...)...).want(t, exitDone)
	return s, file
}

// applied takes out of what is printed about a replay what every run has of its own.
func applied(text string) string {
	for _, own := range [][2]string{
		{`\d{8}-\d{6}-[0-9a-f]{8}`, "ID"},
		{`\d{4}-\d\d-\d\dT[0-9:.]+Z`, "TIME"},
		{`"run": ?"[0-9a-f]{16}"`, `"run": "RUN"`},
		{`run: [0-9a-f]{16}`, "run: RUN"},
		{`("?(?:cluster_id|topic_id)"?: ?)"?[\w-]+"?`, "${1}ID"},
		{`(by"?: ?)"?[^",\n]+"?`, "${1}WHO"},
		{`(TIME(?: by)? +)[^\s"]+@\S+`, "${1}WHO"},
		{`[\w.-]+@[\w.-]+`, "WHO"},
		{`("?bytes"?: ?)\d+`, "${1}BYTES"},
		{` +(\n|WHO|BY\n)`, " $1"},
		{`127\.0\.0\.1:\d+`, "HOST"},
		{`ID +`, "ID "},
		{`REPLAY +`, "REPLAY "},
		{`TIME +`, "TIME "},
		{`STARTED +`, "STARTED "},
	} {
		text = regexp.MustCompile(own[0]).ReplaceAllString(text, own[1])
	}
	return text
}

// holds is how many events a topic holds.
func (s servers) holds(topic string) int {
	s.t.Helper()
	return strings.Count(s.run("", "consume", topic, "--offset", "start:end").want(s.t, exitDone).stdout, "\n")
}

func TestReplayIsAppliedListedAndDone(t *testing.T) {
	t.Parallel()
	s, file := applicable(t)
	s.run("", "replay", "list").want(t, exitDone, "no replays yet")
	s.run("", "replay", "status", file).want(t, exitFailed, "is not in audit topic")
	dry := s.run("", "replay", "apply", file, "--dry-run").want(t, exitChanges, "10 events of orders into topic again")
	golden(t, "replay_apply_dry", applied(dry.stdout))
	s.run("", "replay", "apply", file).want(t, exitUsage, "pass --yes")
	if s.holds("again") != 0 {
		t.Error("something was copied")
	}
	if _, err := os.Stat(file + ".checkpoint"); err == nil {
		t.Error("a dry run has left a checkpoint")
	}
	s.run("", "replay", "list").want(t, exitDone, "no replays yet")
	done := s.run("", "replay", "apply", file, "--yes").want(t, exitDone, "is done: topic again holds 10 events")
	golden(t, "replay_apply", applied(done.stdout))
	again := s.run("", "replay", "apply", file, "-o", "json").want(t, exitDone, "nothing is left to copy", "holds 10 events of it\n")
	golden(t, "replay_apply_json", applied(again.stdout))
	s.run("", "replay", "apply", file, "--dry-run").want(t, exitDone)
	s.run("", "replay", "apply", file, "--yes", "--checkpoint", file+".other").want(t, exitFailed, "was applied before by", "give the checkpoint it had")
	if s.holds("again") != 10 {
		t.Error("the events were not copied once")
	}
	for _, out := range formats {
		golden(t, "replay_list_"+out, applied(s.run("", "replay", "list", "-o", out).want(t, exitDone).stdout))
		golden(t, "replay_status_"+out, applied(s.run("", "replay", "status", file, "-o", out).want(t, exitDone).stdout))
	}
	s.run("", "replay", "cancel", file).want(t, exitFailed, "there is nothing to cancel")
}

func TestReplayMovesAGroupBack(t *testing.T) {
	t.Parallel()
	s := grouped(t)
	file := filepath.Join(t.TempDir(), "back.json")
	s.run("", "replay", "plan", "--from-topic", "orders", "--rewind", "delays", "--out", file).want(t, exitDone)
	golden(t, "replay_apply_rewind", s.run("", "replay", "apply", file, "--dry-run").want(t, exitChanges).stdout)
	s.run("", "replay", "apply", file, "--yes", "--confirm", "others").want(t, exitUsage, `this changes "delays"`)
	s.run("", "replay", "apply", file, "--yes").want(t, exitDone, "moved 1 partition of group delays back")
	s.run("", "replay", "apply", file, "--yes").want(t, exitFailed, "commit moved")
	if r := s.run("", "replay", "list", "-o", "jsonl").want(t, exitDone); !strings.Contains(r.stdout, `"kind":"rewind","state":"done"`) {
		t.Errorf("the list is %s", r.stdout)
	}
}

func TestRewindThatDiedIsFinished(t *testing.T) {
	t.Parallel()
	s := grouped(t)
	file := filepath.Join(t.TempDir(), "back.json")
	s.run("", "replay", "plan", "--from-topic", "orders", "--rewind", "delays", "--out", file).want(t, exitDone)
	s.run("", "replay", "apply", file, "--yes").want(t, exitDone)
	plan, err := readReplayPlan(file)
	if err != nil {
		t.Fatal(err)
	}
	record, err := replay.Status(t.Context(), headrace.Cluster{Brokers: []string{s.KafkaAddr}}, plan.ID)
	if err != nil {
		t.Fatal(err)
	}
	record.State, record.EndedAt = replay.StateRunning, time.Time{} // as a process that was killed leaves it
	value, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	s.write(replay.AuditTopic, producer.Record{Key: []byte(plan.ID), Value: value})
	s.run("", "replay", "apply", file, "--yes", "--no-audit").want(t, exitFailed, "commit moved")
	s.run("", "replay", "apply", file, "--dry-run").want(t, exitChanges, "is back already")
	s.run("", "replay", "apply", file, "--yes").want(t, exitDone, "is back already")
	s.run("", "replay", "apply", file, "--yes").want(t, exitFailed, "commit moved")
}

func TestGroupOfAPlanCannotSpeakToTheTerminal(t *testing.T) {
	t.Parallel()
	s := grouped(t)
	const group = "de\x1b]0;lays"
	s.run("", "groups", "seek", group, "--topic", "orders", "--offset", "end", "--yes").want(t, exitDone)
	file := filepath.Join(t.TempDir(), "back.json")
	s.run("", "replay", "plan", "--from-topic", "orders", "--rewind", group, "--out", file).want(t, exitDone)
	var stdout, stderr bytes.Buffer
	in := strings.NewReader("n\n")
	code := Main(t.Context(), Env{
		Args: []string{"replay", "apply", file, "--brokers", s.KafkaAddr}, Stdin: in, Stdout: &stdout, Stderr: &stderr,
		IsTerminal: func(stream any) bool { return stream == any(in) },
	})
	asked := result{code, stdout.String(), stderr.String()}.want(t, exitFailed, "of group de ]0;lays back? [y/N]")
	moved := s.run("", "replay", "apply", file, "--yes").want(t, exitDone, "of group de ]0;lays back")
	if all := asked.stdout + asked.stderr + moved.stdout + moved.stderr; strings.Contains(all, "\x1b") {
		t.Errorf("printed %q", all)
	}
}

func TestReplayApplyRefuses(t *testing.T) {
	t.Parallel()
	s, file := applicable(t)
	handlers := filepath.Join(t.TempDir(), "handlers.json")
	s.run("", "replay", "plan", "--from-topic", "orders", "--handlers", "totals", "--out", handlers).want(t, exitDone)
	filtered := filepath.Join(t.TempDir(), "filtered.json")
	s.run("", "replay", "plan", "--from-topic", "orders", "--to-topic", "again", "--key", "1", "--out", filtered).want(t, exitDone)
	broken := filepath.Join(t.TempDir(), "broken.json")
	if err := os.WriteFile(broken, []byte(`{"version":7}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, exitUsage, "PLAN.json is missing"},
		{[]string{"nowhere.json"}, exitFailed, "nowhere.json"},
		{[]string{broken}, exitFailed, "version: 7 is not 1"},
		{[]string{handlers, "--yes"}, exitUsage, "replay.Run("},
		{[]string{filtered, "--yes", "--raw"}, exitUsage, "there can be no filter"},
		{[]string{file, "--yes", "--rate", "-1"}, exitUsage, "--rate"},
		{[]string{file, "--yes", "--bytes-rate", "much"}, exitUsage, "--bytes-rate"},
		{[]string{file, "--yes", "--speed", "0x"}, exitUsage, "--speed"},
		{[]string{file, "--yes", "--unknown", "drop"}, exitUsage, "none of stop, copy and skip"},
		{[]string{file, "--yes", "--corrupt", "drop"}, exitUsage, "none of stop, skip and dead"},
		{[]string{file, "--yes", "--corrupt", "dead"}, exitUsage, "--dead-topic is missing"},
		{[]string{file, "--yes", "--dead-topic", "dead"}, exitUsage, "--dead-topic is for --corrupt dead"},
		{[]string{file, "--yes", "--corrupt", "dead", "--dead-topic", "nowhere"}, exitFailed, "dead letters: topic nowhere does not exist"},
		{[]string{file, "--yes", "--corrupt", "dead", "--dead-topic", "again"}, exitFailed, "is the target and cannot have the dead letters"},
		{[]string{file, "--yes", "--register", "--no-registry"}, exitUsage, "--no-registry forbids it"},
		{[]string{file, "--yes", "--register", "--raw"}, exitFailed, "pass undecoded"},
		{[]string{file, "--yes", "--reencode", "orders-value", "--raw"}, exitUsage, "--reencode: "},
		{[]string{file, "--yes", "--reencode", "nowhere-value"}, exitFailed, "subject nowhere-value: "},
		{[]string{file, "--yes", "--to-context", "prod"}, exitUsage, "prod"},
		{[]string{file, "--yes", "--confirm", "orders"}, exitUsage, `this changes "again"`},
	} {
		s.run("", append([]string{"replay", "apply"}, c.args...)...).want(t, c.code, c.want)
	}
	if err := s.Broker().DeleteTopic("again"); err != nil {
		t.Fatal(err)
	}
	s.run("", "replay", "apply", file, "--yes").want(t, exitFailed, "topic again: topic gone", "plan again")
	s.createTopic("again", 2)
	s.run("", "replay", "apply", file, "--yes").want(t, exitFailed, "topic again: topic recreated")
	s.run("", "replay", "list").want(t, exitDone, "no replays yet")
}

func TestProductionIsAskedTwice(t *testing.T) {
	t.Parallel()
	s, file := applicable(t)
	dir := t.TempDir()
	text := fmt.Sprintf("contexts:\n  prod: {brokers: [%q], registry: %q, production: true}\n", s.KafkaAddr, s.RegistryURL)
	if err := os.WriteFile(filepath.Join(dir, "headrace.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	in := func(terminal bool, stdin string, args ...string) result {
		var stdout, stderr bytes.Buffer
		in := strings.NewReader(stdin)
		code := Main(t.Context(), Env{
			Args: append([]string{"replay", "apply", file}, args...), Stdin: in, Stdout: &stdout, Stderr: &stderr, Dir: dir,
			IsTerminal: func(stream any) bool { return terminal && stream == any(in) },
		})
		return result{code, stdout.String(), stderr.String()}
	}
	in(false, "", "--context", "prod").want(t, exitUsage, "--yes is missing: context prod is production")
	in(false, "", "--context", "prod", "--yes").want(t, exitUsage, "--confirm again is missing")
	in(false, "", "--brokers", s.KafkaAddr, "--yes").want(t, exitUsage, "--confirm again is missing")
	in(true, "y\n", "--context", "prod", "--yes").want(t, exitFailed, "Type the name", "not confirmed")
	in(true, "again\n", "--context", "prod").want(t, exitUsage, "--yes is missing: context prod is production")
	if s.holds("again") != 0 {
		t.Error("something was copied")
	}
	in(true, "again\n", "--context", "prod", "--yes", "--rate", "1000").want(t, exitDone)
	in(false, "", "--context", "prod", "--yes", "--confirm", "again").want(t, exitDone, "nothing is left")
}

// TestProductionIsKnownByMoreThanTheFlag: the context may be chosen in other ways, and the cluster or the registry be reached by an
// address that the file does not have. It sets an environment variable, so that it runs alone.
func TestProductionIsKnownByMoreThanTheFlag(t *testing.T) {
	s, file := applicable(t)
	_, port, err := net.SplitHostPort(s.KafkaAddr)
	if err != nil {
		t.Fatal(err)
	}
	alias := "localhost:" + port
	if alias == s.KafkaAddr {
		t.Fatalf("%s is how the broker is known", alias)
	}
	const elsewhere = "elsewhere.example:9092"
	test := "test: {brokers: [" + elsewhere + "]}"
	for _, c := range []struct {
		name, file, env string
		args            []string
		asked           bool
	}{
		{"chosen by the environment", "contexts:\n  prod: {brokers: [" + elsewhere + "], production: true}\n  " + test, "prod", nil, true},
		{"default of the file", "context: prod\ncontexts:\n  prod: {production: true}\n  " + test, "", nil, true},
		{"only context", "contexts:\n  prod: {production: true}", "", nil, true},
		{"advertised", "contexts:\n  prod: {brokers: [\"" + s.KafkaAddr + "\"], production: true}\n  " + test, "", nil, true},
		{"registry", "contexts:\n  prod: {brokers: [" + elsewhere + "], registry: \"" + s.RegistryURL + "/\", production: true}\n  " + test, "", []string{"--register"}, true},
		{"registry that is only read", "contexts:\n  prod: {brokers: [" + elsewhere + "], registry: \"" + s.RegistryURL + "\", production: true}\n  " + test, "", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "headrace.yaml"), []byte(c.file+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("HEADRACE_CONTEXT", c.env)
			var stdout, stderr bytes.Buffer
			args := append([]string{"replay", "apply", file, "--brokers", alias, "--registry", s.RegistryURL}, c.args...)
			code := Main(t.Context(), Env{Args: args, Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Dir: dir})
			message := "stdin is not a terminal"
			if c.asked {
				message = "--yes is missing: context prod is production"
			}
			result{code, stdout.String(), stderr.String()}.want(t, exitUsage, message)
		})
	}
}

func TestReplayIsInterruptedCancelledAndGoneOnWith(t *testing.T) {
	t.Parallel()
	s, file := applicable(t)
	slow := []string{"replay", "apply", file, "--yes", "--rate", "1"}
	running := func() {
		t.Helper()
		for {
			r := s.run("", "replay", "status", file, "-o", "jsonl")
			if r.code == exitDone && strings.Contains(r.stdout, `"state":"running"`) && !strings.Contains(r.stdout, `"total":0`) {
				return
			}
			time.Sleep(20 * time.Millisecond) //nolint:forbidigo // another process would poll too
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan result)
	go func() { ended <- s.runIn(ctx, "", slow...) }()
	running()
	for s.holds("again") == 0 { // else there is nothing to go on from
		time.Sleep(20 * time.Millisecond) //nolint:forbidigo // as above
	}
	cancel()
	if r := <-ended; r.code != exitInterrupted || !strings.Contains(r.stderr, "interrupted:") || !strings.Contains(r.stderr, "headrace replay apply "+file) {
		t.Errorf("interrupted: %+v", r)
	}
	if r := s.run("", "replay", "status", file, "-o", "jsonl").want(t, exitDone); !strings.Contains(r.stdout, `"state":"interrupted"`) {
		t.Errorf("status is %s", r.stdout)
	}
	go func() { ended <- s.runIn(t.Context(), "", slow...) }()
	running()
	s.run("", "replay", "cancel", file).want(t, exitDone, "is cancelled")
	(<-ended).want(t, exitFailed, "cancelled:", "to go on:", "it goes on:")
	s.run("", "replay", "apply", file, "--yes").want(t, exitDone, "topic again holds 10 events")
	if n := s.holds("again"); n != 10 {
		t.Errorf("%d events were copied", n)
	}
}

func TestProgressLineTellsRateAndTimeLeft(t *testing.T) {
	t.Parallel()
	first := replay.Outcome{Events: 100, Passed: 100, Total: 1000}
	now := replay.Outcome{Events: 400, Passed: 400, Total: 1000}
	if got := progressLine(first, now, 3*time.Second); got != " 40%  400 events  100/s  6s left" {
		t.Errorf("got %q", got)
	}
	if got := progressLine(first, first, 0); got != " 10%  100 events  0/s" {
		t.Errorf("got %q", got)
	}
	if got := (&app{Env: Env{Args: []string{"replay", "apply", "it's.json", "--rate", "1"}}}).again(); got != `headrace replay apply 'it'\''s.json' --rate 1` {
		t.Errorf("got %q", got)
	}
	if got := (&app{Env: Env{Args: []string{"--registry=http://ann:se@cret@host:8081/x", "--registry", "https://token@host"}}}).again(); got !=
		`headrace '--registry=http://***@host:8081/x' --registry 'https://***@host'` {
		t.Errorf("got %q", got)
	}
}

func TestOnlyACopyThatCanGoOnSaysSo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		goes bool
	}{
		{replay.ErrCancelled, true},
		{&replay.MismatchError{Reason: "another event"}, false},
		{errors.Join(&replay.StaleError{Change: replay.TopicRecreated, Topic: "again"}), false},
	} {
		var stderr bytes.Buffer
		r := &replayApplying{app: &app{Env: Env{Args: []string{"replay"}, Stderr: &stderr}}}
		if err := r.stopped(t.Context(), replay.Outcome{Events: 3, Total: 10}, c.err); !errors.Is(err, c.err) {
			t.Errorf("%v became %v", c.err, err)
		}
		said := stderr.String()
		if strings.Contains(said, "nothing is lost or doubled") != c.goes || strings.Contains(said, "to go on") != c.goes || !strings.Contains(said, "3 events of 0 are copied") {
			t.Errorf("%v: said %q", c.err, said)
		}
	}
}
