package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// running is `headrace dev` in this process.
type running struct {
	kafka, registry, data string

	stop   context.CancelFunc
	code   chan int
	stderr *strings.Builder
}

// dev starts the command and reads what it prints when it is ready.
func dev(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	in, out := io.Pipe()
	r := &running{stop: stop, code: make(chan int, 1), stderr: &strings.Builder{}}
	go func() {
		code := Main(ctx, Env{Args: append([]string{"dev"}, args...), Stdin: strings.NewReader(""), Stdout: out, Stderr: r.stderr})
		out.CloseWithError(fmt.Errorf("dev ended with code %d", code))
		r.code <- code
	}()
	t.Cleanup(stop)
	lines := bufio.NewReader(in)
	if _, err := fmt.Fscanf(lines, "Kafka %s\nRegistry %s\n", &r.kafka, &r.registry); err != nil {
		stop()
		t.Fatalf("dev did not say where it listens: %v; stderr: %s", err, r.stderr)
	}
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	r.data = strings.TrimSpace(line)
	return r
}

// end interrupts the command and returns what it wrote to stderr.
func (r *running) end(t *testing.T) string {
	t.Helper()
	r.stop()
	if code := <-r.code; code != exitDone {
		t.Errorf("dev ended with code %d: %s", code, r.stderr)
	}
	return r.stderr.String()
}

func (r *running) run(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	return run(t, stdin, append(args, "--brokers", r.kafka, "--registry", r.registry)...)
}

func TestDevPrintsAddressesAndWhatToTypeNext(t *testing.T) {
	t.Parallel()
	r := dev(t, "--memory", "--kafka-port", "0", "--registry-port", "0")
	if !strings.Contains(r.data, "in memory") {
		t.Errorf("got %q, want it to say that the data is in memory", r.data)
	}
	r.run(t, "", "topics", "list").want(t, exitDone)
	r.run(t, "", "schema", "list").want(t, exitDone)
	messages := r.end(t)
	for _, want := range []string{
		"export KAFKA_BROKERS=" + r.kafka + " SCHEMA_REGISTRY_URL=" + r.registry,
		"headrace topics create", "headrace schema register", "headrace produce", "headrace consume",
	} {
		if !strings.Contains(messages, want) {
			t.Errorf("stderr lacks %q:\n%s", want, messages)
		}
	}
}

func TestDevKeepsItsDataBetweenRuns(t *testing.T) {
	t.Parallel()
	args := []string{"--data", t.TempDir(), "--kafka-port", "0", "--registry-port", "0"}
	r := dev(t, args...)
	r.run(t, "", "topics", "create", "orders").want(t, exitDone)
	r.run(t, orderSchema, "schema", "register", "-", "--subject", "orders-value").want(t, exitDone)
	r.run(t, `{"id":1}`, "produce", "orders").want(t, exitDone)
	consume := []string{"consume", "orders", "--until-end", "--meta"}
	before := r.run(t, "", consume...).want(t, exitDone).stdout
	r.end(t)

	r = dev(t, args...)
	if after := r.run(t, "", consume...).want(t, exitDone).stdout; after != before || before == "" {
		t.Errorf("before the restart:\n%s\nafter:\n%s", before, after)
	}
	r.end(t)
}

func TestDevNamesTheBusyPortAndTheFlagThatGetsAroundIt(t *testing.T) {
	t.Parallel()
	first := dev(t, "--memory", "--kafka-port", "0", "--registry-port", "0")
	defer first.end(t)
	for flag, addr := range map[string]string{"--kafka-port": first.kafka, "--registry-port": strings.TrimPrefix(first.registry, "http://")} {
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			t.Fatal(err)
		}
		args := []string{"dev", "--memory", "--kafka-port", "0", "--registry-port", "0", flag, port}
		run(t, "", args...).want(t, exitFailed, addr+" is already in use", "choose another port with "+flag)
	}
}

func TestDevRefusesADataDirectoryInUse(t *testing.T) {
	t.Parallel()
	args := []string{"--data", t.TempDir(), "--kafka-port", "0", "--registry-port", "0"}
	first := dev(t, args...)
	defer first.end(t)
	run(t, "", append([]string{"dev"}, args...)...).want(t, exitFailed, args[1], "in use by another server", "--data")
}
