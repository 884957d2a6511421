package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/deadletter"
	"github.com/headrace/headrace/internal/devserver"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/schema"
)

// burial is a dead letter to write; the error is its kind, a colon and its message.
type burial struct {
	error    string
	value    []byte
	redrives int
}

// bury writes dead letters of the topic orders that the group mail has given up.
func (s servers) bury(topic string, letters ...burial) {
	s.t.Helper()
	records := make([]producer.Record, len(letters))
	for i, letter := range letters {
		kind, message, _ := strings.Cut(letter.error, ": ")
		header := func(key, value string) headrace.Header { return headrace.Header{Key: key, Value: []byte(value)} }
		if letter.value == nil {
			letter.value = []byte("v")
		}
		records[i] = producer.Record{
			Key: fmt.Append(nil, "k", i), Value: letter.value, Time: time.UnixMilli(1700000000000),
			Headers: []headrace.Header{
				header("trace", "abc"), header(consumer.HeaderTopic, "orders"), header(consumer.HeaderPartition, "1"), header(consumer.HeaderOffset, fmt.Sprint(40+i)),
				header(consumer.HeaderGroup, "mail"), header(consumer.HeaderKind, kind), header(consumer.HeaderMessage, message),
				header(consumer.HeaderEvent, "shop.Order"), header(consumer.HeaderDeliveryCount, "5"), header(consumer.HeaderTime, fmt.Sprintf("2024-05-01T10:00:%02dZ", i)),
			},
		}
		if letter.redrives > 0 {
			run := s.earlierRun()
			for n := range letter.redrives {
				records[i].Headers = append(records[i].Headers, header(deadletter.HeaderRedriveMark, fmt.Sprint(run, "/0:", n)))
			}
		}
	}
	s.write(topic, records...)
}

// earlierRun is a redrive that the marks know of, of a topic that is no more.
func (s servers) earlierRun() string {
	s.t.Helper()
	const run = "20260301-120000-0a1b2c3d"
	s.run("", "topics", "create", deadletter.MarksTopic, "--partitions", "1", "--config", "cleanup.policy=compact").want(s.t, exitDone)
	s.write(deadletter.MarksTopic,
		producer.Record{Key: []byte("run:" + run), Value: []byte(`{"id":"` + run + `","action":"redrive","topic":"gone.mail.dead"}`)},
		producer.Record{Key: []byte("mark:gone.mail.dead:-:0:0:" + run), Value: []byte(`{"action":"redrive","offsets":"0-99"}`)})
	return run
}

// write writes records to partition 0.
func (s servers) write(topic string, records ...producer.Record) {
	s.t.Helper()
	p, err := producer.New(producer.Config{Cluster: headrace.Cluster{Brokers: []string{s.KafkaAddr}}})
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() {
		if err := p.Close(s.t.Context()); err != nil {
			s.t.Error(err)
		}
	}()
	for _, record := range records {
		partition := int32(0)
		record.Partition = &partition
		if _, err := p.SendRecord(s.t.Context(), topic, record); err != nil {
			s.t.Fatal(err)
		}
	}
}

// end is how many events partition 1 of a topic, which dead letters go back to, holds.
func (s servers) end(topic string) (n int) {
	s.t.Helper()
	var found struct{ Partitions []struct{ Start, End int } }
	if err := json.Unmarshal([]byte(s.run("", "topics", "describe", topic, "-o", "json").want(s.t, exitDone).stdout), &found); err != nil {
		s.t.Fatal(err)
	}
	for _, p := range found.Partitions {
		n += p.End - p.Start
	}
	return n
}

const cemetery = "orders.mail.dead"

func addresses(n int) (letters []burial) {
	for i := range n {
		letters = append(letters, burial{error: fmt.Sprintf("handler: no address of customer %d in order N%dMQ", 100+i, i)})
	}
	return letters
}

func TestDeadLettersAreCountedByCauseAcrossTopics(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	s.run("", "dead", "list").want(t, exitDone, "no topic of the cluster has the name")
	s.createTopic("orders", 2)
	s.createTopic(cemetery, 2)
	s.createTopic("refunds.mail.dead", 1)
	s.createTopic("orders-dlt", 1)
	s.run("", "dead", "list", cemetery).want(t, exitDone, "no open dead letters in topic "+cemetery)
	s.run("", "dead", "list").want(t, exitDone, "no open dead letters in the 2 topics")

	s.bury(cemetery, append(addresses(3), burial{error: "panic: nil\x1b[2J map\nof two lines"}, burial{error: "batch: too large"})...)
	s.bury("refunds.mail.dead", addresses(1)...)
	s.bury("orders-dlt", burial{error: "handler: of another program"})
	for _, out := range formats {
		golden(t, "dead_list_"+out, s.run("", "dead", "list", "-o", out).want(t, exitDone).stdout)
		golden(t, "dead_letters_"+out, s.run("", "dead", "list", cemetery, "--letters", "-o", out).want(t, exitDone).stdout)
		golden(t, "dead_redrive_"+out, s.run("", "dead", "redrive", cemetery, "--dry-run", "-o", out).want(t, exitChanges).stdout)
		golden(t, "dead_discard_"+out, s.run("", "dead", "discard", cemetery, "--kind", "panic", "--reason", "test", "--dry-run", "-o", out).want(t, exitChanges).stdout)
	}
	golden(t, "dead_list_by", s.run("", "dead", "list", "--by", "handler,age,topic", "--foreign").want(t, exitDone).stdout)
	if r := s.run("", "dead", "list", cemetery, "--letters", "-n", "2", "-o", "jsonl").want(t, exitDone); strings.Count(r.stdout, "\n") != 2 {
		t.Errorf("-n 2 lists\n%s", r.stdout)
	}
	for _, selected := range []struct {
		letters int
		flags   string
	}{
		{3, "--error|customer 7 in order"},
		{3, "--kind|handler"},
		{2, "--kind|panic,batch"},
		{1, "--at|0:4"},
		{2, "--offset|:2"},
		{0, "--handler|billing"},
		{5, "--handler|ma*"},
		{5, "--event|shop.Order"},
		{1, "--key|k2"},
		{5, "--older-than|1h"},
		{5, "--older-than|1d"},
		{0, "--newer-than|1h"},
		{2, "--where|offset > 2"},
		{0, "--partitions|1"},
	} {
		args := append([]string{"dead", "list", cemetery, "--letters", "-o", "jsonl"}, strings.Split(selected.flags, "|")...)
		if r := s.run("", args...).want(t, exitDone); strings.Count(r.stdout, "\n") != selected.letters {
			t.Errorf("%s lists\n%swant %d", selected.flags, r.stdout, selected.letters)
		}
	}
}

func TestOneCauseIsReturnedAndAnotherDiscarded(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	s.createTopic("orders", 2)
	s.createTopic(cemetery, 2)
	s.bury(cemetery, append(addresses(3), burial{error: "panic: nil"}, burial{error: "handler: no address of customer 9 in order N1MQ", redrives: 3}, burial{error: "batch: too large"})...)
	var causes []struct{ Cause, Kind string }
	if err := json.Unmarshal([]byte(s.run("", "dead", "list", "-o", "json").want(t, exitDone).stdout), &causes); err != nil {
		t.Fatal(err)
	}
	id := map[string]string{}
	for _, cause := range causes {
		id[cause.Kind] = cause.Cause
	}
	s.run("", "dead", "redrive", cemetery, "--cause", id["handler"]).want(t, exitUsage, "pass --yes")
	s.run("", "dead", "redrive", cemetery, "--cause", id["handler"][:5], "--yes").want(t, exitDone, "returned 3 events", "1 event: in quarantine: returned 3 times or more already")
	if n := s.end("orders"); n != 3 {
		t.Errorf("orders holds %d events", n)
	}
	s.run("", "dead", "discard", cemetery, "--cause", id["panic"], "--reason", "was a test", "--yes").want(t, exitDone, "discarded 1 event")
	s.run("", "dead", "show", cemetery, "0:3").want(t, exitDone)
	if r := s.run("", "dead", "show", cemetery+"/0@3"); !strings.Contains(r.stdout, "discarded by ") || !strings.Contains(r.stdout, ": was a test") {
		t.Errorf("a discarded letter is shown as\n%s", r.stdout)
	}
	if r := s.run("", "dead", "list", cemetery, "--letters", "-o", "jsonl"); strings.Count(r.stdout, "\n") != 2 {
		t.Errorf("still open:\n%s", r.stdout)
	}
	if r := s.run("", "dead", "list", cemetery, "--letters", "--all", "-o", "jsonl"); strings.Count(r.stdout, `"state":"redriven"`) != 3 || strings.Count(r.stdout, "\n") != 6 {
		t.Errorf("all:\n%s", r.stdout)
	}
	golden(t, "dead_list_settled", s.run("", "dead", "list", cemetery, "--all").want(t, exitDone).stdout)
	if r := s.run("", "dead", "list", cemetery, "--all", "-o", "jsonl"); !strings.Contains(r.stdout, `"kind":"handler"`) || strings.Count(r.stdout, `"settled":`) != 2 {
		t.Errorf("all by cause:\n%s", r.stdout)
	}
	s.run("", "dead", "redrive", cemetery, "--even-quarantined", "--yes").want(t, exitDone, "returned 1 event", "a record batch, not one event")
	s.run("", "dead", "redrive", cemetery, "--yes").want(t, exitDone, "nothing to return: no open dead letter of topic "+cemetery)
	s.run("", "dead", "redrive", cemetery, "--to-group").want(t, exitDone, "a record batch, not one event")
	s.bury(cemetery, addresses(1)...)
	s.run("", "dead", "redrive", cemetery, "--to-group", "--yes").want(t, exitFailed, "group mail has no retry topic of topic orders", "without --to-group")
	s.createTopic("orders.mail.retry.1m", 2)
	s.createTopic("orders.mail.retry.10s", 2)
	if r := s.run("", "dead", "redrive", cemetery, "--to-group", "--yes").want(t, exitDone, "returned 1 event"); !strings.Contains(r.stdout, "orders.mail.retry.10s  1") {
		t.Errorf("it went to\n%s", r.stdout)
	}
	if n := s.end("orders.mail.retry.10s"); n != 1 {
		t.Errorf("the retry topic holds %d events", n)
	}
}

// order is a value of the schema Order, of which the registry knows id 1.
func (s servers) order(text string) []byte {
	s.t.Helper()
	parsed, err := schema.Parse(orderSchema)
	if err != nil {
		s.t.Fatal(err)
	}
	avro, err := schema.FromJSON(parsed, []byte(text))
	if err != nil {
		s.t.Fatal(err)
	}
	return append(schema.AppendID(nil, 1), avro...)
}

func TestDeadLetterIsShownWhole(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	s.createTopic(cemetery, 1)
	s.register("orders-value", orderSchema)
	s.bury(cemetery, burial{error: "handler: no such address", value: s.order(`{"id":7,"customer":"Ann <ann@example.org>","items":[]}`), redrives: 1}, burial{error: "decode: it ends too early", value: []byte{0, 0, 0, 0, 1, 2}})
	for _, out := range formats {
		golden(t, "dead_show_"+out, s.run("", "dead", "show", cemetery, "0:0", "-o", out).want(t, exitDone).stdout)
	}
	golden(t, "dead_show_malformed", s.run("", "dead", "show", cemetery, "0:1").want(t, exitDone).stdout)
	s.run("", "dead", "show", cemetery, "0:2").want(t, exitFailed, "no dead letter at topic "+cemetery+" partition 0 offset 2")
	s.run("", "dead", "show", cemetery, "7:2").want(t, exitFailed, "no dead letter at")
	s.run("", "dead", "show", cemetery, "latest").want(t, exitUsage, "PARTITION:OFFSET")
	s.run("", "dead", "show", cemetery).want(t, exitUsage, "PARTITION:OFFSET is missing")
}

// TestEventIsEdited sets an environment variable, so that it runs alone.
func TestEventIsEdited(t *testing.T) {
	s := start(t, devserver.Config{})
	s.createTopic("orders", 1)
	s.createTopic(cemetery, 1)
	s.register("orders-value", orderSchema)
	s.bury(cemetery, burial{error: "handler: a", value: s.order(`{"id":7}`)}, burial{error: "handler: b", value: s.order(`{"id":8}`)}, burial{error: "handler: c"})

	file := filepath.Join(t.TempDir(), "order.json")
	if err := os.WriteFile(file, []byte(`{"id":9,"items":[{"sku":"a","price":"dear"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s.run("", "dead", "redrive", cemetery, "--edit-file", file, "--yes").want(t, exitUsage, "3 are selected")
	s.run("", "dead", "redrive", cemetery, "--at", "0:0", "--edit-file", file, "--yes").want(t, exitFailed, "shop.Order", "/items/0/price")
	s.run("", "dead", "redrive", cemetery, "--at", "0:2", "--edit-file", file, "--yes").want(t, exitFailed, "not in the schema registry's wire format")
	r := s.run(`{"id":9,"customer":"Bob"}`, "dead", "redrive", cemetery, "--at", "0:0", "--edit-file", "-", "--yes").want(t, exitDone, "returned 1 event")
	golden(t, "dead_redrive_edited", r.stdout)

	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	kept := func(want int) {
		t.Helper()
		if files, err := os.ReadDir(temporary); err != nil || len(files) != want {
			t.Errorf("files that are kept: %v, %v, want %d", files, err, want)
		}
	}
	t.Setenv("VISUAL", "")
	t.Setenv("EDITOR", "sed -i s/8/80/")
	for _, args := range [][]string{{"redrive", cemetery, "--yes"}, {"discard", cemetery, "--reason", "x", "--yes"}, {"list", cemetery}} {
		r := s.run("", append([]string{"dead", "--where", "event.customr == 'Ann'"}, args...)...)
		r.want(t, exitFailed, "no such key: customr", `"event.customr == 'Ann'"`, "has no answer for any of 2 dead letters")
	}
	s.run("", "dead", "redrive", cemetery, "--at", "0:1", "--edit", "--yes").want(t, exitDone, "returned 1 event")
	kept(0)
	t.Setenv("EDITOR", "true")
	s.bury(cemetery, burial{error: "handler: a", value: s.order(`{"id":7}`)})
	s.run("", "dead", "redrive", cemetery, "--at", "0:3", "--edit", "--yes").want(t, exitFailed, "nothing was changed")
	kept(0)
	t.Setenv("EDITOR", "false")
	s.run("", "dead", "redrive", cemetery, "--at", "0:3", "--edit", "--yes").want(t, exitFailed, "editor false: exit status 1")
	kept(0)
	t.Setenv("EDITOR", `f() { sed -i s/7/70/ "$1"; false; }; f`)
	s.run("", "dead", "redrive", cemetery, "--at", "0:3", "--edit", "--yes").want(t, exitFailed, "the edited event is kept in "+temporary)
	t.Setenv("EDITOR", "sed -i s/7/70/")
	s.run("", "dead", "redrive", cemetery, "--at", "0:3", "--edit").want(t, exitUsage, "pass --yes", "the edited event is kept in "+temporary)
	s.run("", "dead", "redrive", cemetery, "--at", "0:3", "--edit", "--dry-run").want(t, exitChanges, "the edited event is kept in "+temporary)
	kept(3)
	t.Setenv("EDITOR", "")
	s.run("", "dead", "redrive", cemetery, "--at", "0:3", "--edit", "--yes").want(t, exitUsage, "neither VISUAL nor EDITOR")
	s.run("", "dead", "redrive", cemetery, "--edit", "--yes").want(t, exitUsage, "2 are selected")

	events := s.run("", "consume", "orders", "--until-end").want(t, exitDone).stdout
	if diff := cmp.Diff([]string{`"id":9,"customer":"Bob"`, `"id":80,"customer":null`}, []string{part(events, 0), part(events, 1)}); diff != "" {
		t.Errorf("events (-want +got)\n%s\n%s", diff, events)
	}
}

// TestEditedEventReplacesNoOther sets an environment variable, so that it runs alone. While the editor is open another program returns
// the event, and one more dies that the selection fits.
func TestEditedEventReplacesNoOther(t *testing.T) {
	s := start(t, devserver.Config{})
	s.createTopic("orders", 1)
	s.createTopic(cemetery, 1)
	s.register("orders-value", orderSchema)
	s.bury(cemetery, burial{error: "handler: a", value: s.order(`{"id":7}`)})
	dir := t.TempDir()
	opened, closed := filepath.Join(dir, "opened"), filepath.Join(dir, "closed")
	if out, err := exec.Command("mkfifo", opened, closed).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	editor := filepath.Join(dir, "editor")
	script := fmt.Sprintf("echo > %s\nsed -i s/7/70/ \"$1\"\ncat %s\n", opened, closed)
	if err := os.WriteFile(editor, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", dir)
	t.Setenv("VISUAL", "sh "+editor)
	ended := make(chan result)
	go func() { ended <- s.run("", "dead", "redrive", cemetery, "--kind", "handler", "--edit", "--yes") }()
	if _, err := os.ReadFile(opened); err != nil { // waits for the editor
		t.Fatal(err)
	}
	s.run("", "dead", "discard", cemetery, "--at", "0:0", "--reason", "test", "--yes").want(t, exitDone)
	s.bury(cemetery, burial{error: "handler: b", value: s.order(`{"id":8}`)})
	if err := os.WriteFile(closed, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	(<-ended).want(t, exitFailed, "no open dead letter at topic "+cemetery+" partition 0 offset 0", "the edited event is kept in")
	if n := s.end("orders"); n != 0 {
		t.Errorf("orders holds %d events", n)
	}
}

// TestCauseAsksTheRegistry: the id of a cause covers the name of the event, which the registry may be alone to tell.
func TestCauseAsksTheRegistry(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	s.createTopic("orders", 1)
	s.createTopic(cemetery, 1)
	s.bury(cemetery, addresses(1)...)
	s.RegistryURL = "http://127.0.0.1:1"
	for _, args := range [][]string{{"list", cemetery}, {"redrive", cemetery, "--yes"}, {"discard", cemetery, "--reason", "x", "--yes"}} {
		s.run("", append([]string{"dead", "--cause", "abcd"}, args...)...).want(t, exitFailed, "127.0.0.1:1")
	}
	s.run("", "dead", "redrive", cemetery, "--yes").want(t, exitDone, "returned 1 event")
}

// part is the fields id and customer of a line of events.
func part(lines string, n int) string {
	all := strings.Split(lines, "\n")
	if n >= len(all) {
		return ""
	}
	_, after, _ := strings.Cut(all[n], `"id":`)
	before, _, _ := strings.Cut(after, `,"items"`)
	return `"id":` + before
}

func TestWhatCannotBeDoneToDeadLettersChangesNothing(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	s.createTopic(cemetery, 1)
	s.bury(cemetery, addresses(1)...)
	for _, test := range []struct {
		args string
		code int
		says string
	}{
		{"redrive " + cemetery + " --yes", exitFailed, "headrace topics create orders"},
		{"redrive nowhere --yes", exitFailed, "topic nowhere does not exist"},
		{"list nowhere", exitFailed, "topic nowhere does not exist"},
		{"list -n -1", exitUsage, "--max -1"},
		{"list --by moon", exitUsage, "--by moon"},
		{"list --at 1", exitUsage, `--at "1"`},
		{"list --cause xyz", exitUsage, "cause"},
		{"list --where event.", exitUsage, "where"},
		{"list --older-than -1h", exitUsage, "must not be negative"},
		{"redrive " + cemetery + " --rate -1", exitUsage, "--rate"},
		{"redrive " + cemetery + " --max-redrives 0", exitUsage, "--even-quarantined"},
		{"redrive " + cemetery + " --edit --edit-file x", exitUsage, "give one"},
		{"redrive " + cemetery + " --edit-file -", exitUsage, "pass --yes"},
		{"redrive " + cemetery + " --edit-file /does/not/exist", exitFailed, "/does/not/exist"},
		{"discard " + cemetery + " --all", exitUsage, "--reason is missing"},
		{"discard " + cemetery + " --reason x", exitUsage, "nothing is selected"},
		{"discard " + cemetery + " --reason x --all --kind y", exitUsage, "one or the other"},
		{"discard " + cemetery + " --reason x --all", exitUsage, "pass --yes"},
	} {
		s.run("", append([]string{"dead"}, strings.Fields(test.args)...)...).want(t, test.code, test.says)
	}
	if r := s.run("", "dead", "list", "-o", "jsonl").want(t, exitDone); !strings.Contains(r.stdout, `"count":1`) {
		t.Errorf("got %s", r.stdout)
	}
}

func TestDeadLettersOfProductionAreAskedTwiceAbout(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	s.createTopic("orders", 1)
	s.createTopic(cemetery, 1)
	s.bury(cemetery, addresses(1)...)
	dir := t.TempDir()
	text := fmt.Sprintf("contexts:\n  prod: {brokers: [%q], registry: %q, production: true}\n", s.KafkaAddr, s.RegistryURL)
	if err := os.WriteFile(filepath.Join(dir, "headrace.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	in := func(args ...string) result {
		var stdout, stderr bytes.Buffer
		code := Main(t.Context(), Env{Args: append(args, "--context", "prod"), Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Dir: dir})
		return result{code, stdout.String(), stderr.String()}
	}
	in("dead", "redrive", cemetery, "--yes").want(t, exitUsage, "--confirm "+cemetery+" is missing")
	in("dead", "discard", cemetery, "--all", "--reason", "x", "--confirm", cemetery).want(t, exitUsage, "--yes is missing: context prod is production")
	in("dead", "redrive", cemetery, "--yes", "--confirm", cemetery).want(t, exitDone, "returned 1 event")
}

func TestWhatIsNoDeadLetterIsNotOfferedToReturn(t *testing.T) {
	t.Parallel()
	s, _ := applicable(t)
	const hint = "orders does not look like a dead-letter topic (10 events read)"
	s.run("", "dead", "list", "orders").want(t, exitDone, hint)
	s.run("", "dead", "list", "orders", "--letters").want(t, exitDone, hint)
	s.createTopic("refunds-dlt", 1)
	s.bury("refunds-dlt", addresses(1)...)
	if r := s.run("", "dead", "list", "refunds-dlt").want(t, exitDone); r.stderr != "" {
		t.Errorf("said of a topic of dead letters: %s", r.stderr)
	}
	if r := s.run("", "dead", "show", "orders", "1:0").want(t, exitDone); strings.Contains(r.stdout, "To return it") {
		t.Errorf("an event that came from nowhere:\n%s", r.stdout)
	}
}

// TestTargetThatHeadersAloneNameIsTyped has a dead letter of Kafka Connect, whose headers anybody may have set who wrote the event.
func TestTargetThatHeadersAloneNameIsTyped(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	s.createTopic("orders-dlq", 1)
	s.createTopic("payments", 2)
	foreign := producer.Record{Key: []byte("k"), Value: []byte("v"), Headers: []headrace.Header{
		{Key: "__connect.errors.topic", Value: []byte("payments")}, {Key: "__connect.errors.partition", Value: []byte("1")},
	}}
	s.write("orders-dlq", foreign)
	s.run("", "dead", "redrive", "orders-dlq", "--dry-run").want(t, exitChanges, "needs --target payments")
	s.run("", "dead", "redrive", "orders-dlq", "--yes").want(t, exitUsage, "--target payments is missing")
	s.run("", "dead", "redrive", "orders-dlq", "--yes", "--target", "orders").want(t, exitUsage, `--target is "orders"`)
	if n := s.end("payments"); n != 0 {
		t.Fatalf("payments holds %d events", n)
	}
	asked := func(stdin string, args ...string) result {
		var stdout, stderr bytes.Buffer
		code := Main(t.Context(), Env{
			Args: append([]string{"dead", "redrive", "orders-dlq", "--brokers", s.KafkaAddr}, args...), Stdin: strings.NewReader(stdin),
			Stdout: &stdout, Stderr: &stderr, IsTerminal: func(any) bool { return true }, Dir: t.TempDir(),
		})
		return result{code, stdout.String(), stderr.String()}
	}
	asked("y\ny\n").want(t, exitFailed, "not confirmed", "Only headers of 1 event name topic payments")
	asked("\n", "--yes").want(t, exitFailed, "not confirmed")
	asked("payments\nn\n").want(t, exitFailed, "not confirmed", "Return 1 event?")
	asked("payments\ny\n").want(t, exitDone, "returned 1 event")
	s.write("orders-dlq", foreign)
	s.run("", "dead", "redrive", "orders-dlq", "--yes", "--target", "payments").want(t, exitDone, "returned 1 event")
	if n := s.end("payments"); n != 2 {
		t.Errorf("payments holds %d events", n)
	}
}
