package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace/internal/devserver"
)

// shop starts servers with a topic of one event type.
func shop(t *testing.T, partitions int32) servers {
	t.Helper()
	s := start(t, devserver.Config{})
	s.createTopic("orders", partitions)
	s.register("orders-value", orderSchema)
	return s
}

// values reads a topic's events as JSON lines.
func (s servers) values(topic string) string {
	s.t.Helper()
	return s.run("", "consume", topic, "--until-end").want(s.t, exitDone).stdout
}

func TestWhatConsumePrintsIsWhatProduceTakes(t *testing.T) {
	t.Parallel()
	s := shop(t, 1)
	s.createTopic("copy", 1)
	s.register("copy-value", orderSchema)
	input := `{"id":1}

{"id": 9223372036854775807, "customer": "Ann <a&b> é", "items": [{"sku": "x\ty", "price": 0.1}]}
{"id":3,"customer":{"string":"Bob"},"items":[]}
`
	s.run(input, "produce", "orders", "--event", "shop.Order", "--key", "customer").want(t, exitDone, "sent 3 events")
	printed := s.values("orders")
	golden(t, "consume_json", printed)

	s.run(printed, "produce", "copy", "--key", "customer").want(t, exitDone, "sent 3 events")
	if again := s.values("copy"); again != printed {
		t.Errorf("printed again:\n%s\nwant:\n%s", again, printed)
	}
	first, second := s.records("orders", 3), s.records("copy", 3)
	for i := range first {
		if string(first[i].Value) != string(second[i].Value) || string(first[i].Key) != string(second[i].Key) {
			t.Errorf("event %d: bytes %x key %q became %x key %q", i, first[i].Value, first[i].Key, second[i].Value, second[i].Key)
		}
	}
}

// records reads a topic by an independent client, in order of partition and offset.
func (s servers) records(topic string, n int) []*kgo.Record {
	s.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.KafkaAddr), kgo.ConsumeTopics(topic))
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute) // a guard against hanging
	defer cancel()
	var records []*kgo.Record
	for len(records) < n {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			s.t.Fatalf("%d of %d records: %v", len(records), n, err)
		}
		records = append(records, fetches.Records()...)
	}
	return records
}

// send writes records by an independent client.
func (s servers) send(records ...*kgo.Record) {
	s.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.KafkaAddr), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(s.t.Context(), records...).FirstErr(); err != nil {
		s.t.Fatal(err)
	}
}

func TestMetaLinesCarryKeyHeadersTimeAndTombstonesAcross(t *testing.T) {
	t.Parallel()
	s := shop(t, 2)
	s.createTopic("copy", 2)
	s.register("orders-shop.Refund", refundSchema)
	s.register("copy-shop.Order", orderSchema)
	s.register("copy-shop.Refund", refundSchema)
	input := `{"key":"a","time":"2026-01-02T03:04:05.678Z","headers":[{"key":"h","value":"v"},{"key":"n","value":null}],"event":"shop.Order","value":{"id":1}}
{"key":null,"key_base64":"/w==","time":"2026-01-02T03:04:05.679Z","event":"shop.Refund","value":{"order":1}}
{"key":"a","time":"2026-01-02T03:04:05.680Z","value":null}
`
	s.run(input, "produce", "orders", "--meta").want(t, exitDone, "sent 3 events")
	args := []string{"consume", "orders", "--until-end", "--meta", "-p"}
	printed := s.run("", append(args, "0")...).want(t, exitDone).stdout + s.run("", append(args, "1")...).want(t, exitDone).stdout
	golden(t, "consume_meta", printed)
	s.run(printed, "produce", "copy", "--meta").want(t, exitDone, "sent 3 events")
	args[1] = "copy"
	again := s.run("", append(args, "0")...).want(t, exitDone).stdout + s.run("", append(args, "1")...).want(t, exitDone).stdout
	if again != printed {
		t.Errorf("the copy:\n%s\nwant:\n%s", again, printed)
	}
}

func TestEventThatDoesNotFitEndsTheSendingAndSaysWhere(t *testing.T) {
	t.Parallel()
	s := shop(t, 3)
	tests := []struct {
		name, line string
		args       []string
		want       []string
	}{
		{"wrong type", `{"id":"three"}`, nil, []string{"/id"}},
		{"nested", `{"id":3,"items":[{"sku":"a","price":1},{"sku":"b"}]}`, nil, []string{"/items/1/price"}},
		{"unknown field", `{"id":3,"colour":"red"}`, nil, []string{"/colour"}},
		{"not JSON", `{"id":3`, nil, []string{"not JSON"}},
		{"two events", `{"id":3}{"id":4}`, nil, []string{"not JSON"}},
		{"tombstone", `null`, nil, []string{"tombstone", "--meta"}},
		{"no key field", `{"id":3}`, []string{"--key", "colour"}, []string{`key field "colour"`, "no such field"}},
		{"nor within another", `{"id":3}`, []string{"--key", "id.colour"}, []string{`key field "id.colour"`, "no such field"}},
		{"key is a list", `{"id":3}`, []string{"--key", "items"}, []string{`key field "items"`}},
		{"not an envelope", `{"id":3}`, []string{"--meta"}, []string{"consume --meta"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			good := `{"id":%d}`
			switch {
			case slices.Contains(test.args, "--meta"):
				good = `{"value":{"id":%d},"event":"shop.Order"}`
			case slices.Contains(test.args, "--key"):
				good = "" // the first line is the bad one
			}
			var lines []string
			if good != "" {
				lines = []string{fmt.Sprintf(good, 1), "", fmt.Sprintf(good, 2)}
			}
			lines = append(lines, test.line)
			if good != "" {
				lines = append(lines, fmt.Sprintf(good, 5))
			}
			args := append([]string{"produce", "orders", "--event", "shop.Order"}, test.args...)
			r := s.run(strings.Join(lines, "\n"), args...)
			number, before := 4, "the 2 events before it were sent, nothing after it was"
			if good == "" {
				number, before = 1, "nothing was sent"
			}
			r.want(t, exitFailed, append(test.want, fmt.Sprintf("line %d:", number), before)...)
		})
	}
}

func TestNothingAfterTheBadLineIsInTheTopic(t *testing.T) {
	t.Parallel()
	s := shop(t, 1)
	s.run("{\"id\":1}\n{\"id\":true}\n{\"id\":2}\n", "produce", "orders").want(t, exitFailed, "line 2: /id", "the event before it was sent")
	if got := s.values("orders"); strings.Count(got, "\n") != 1 || !strings.HasPrefix(got, `{"id":1,`) {
		t.Errorf("the topic holds:\n%s", got)
	}
}

func TestTooLargeEventFailsAloneAndIsNamed(t *testing.T) {
	t.Parallel()
	s := shop(t, 1)
	input := "{\"id\":1}\n" + `{"id":2,"customer":"` + strings.Repeat("x", 2<<20) + "\"}\n"
	s.run(input, "produce", "orders").want(t, exitFailed, "line 2:", "larger than", "1 event sent", "1 not sent")
	if got := s.values("orders"); strings.Count(got, "\n") != 1 {
		t.Errorf("the topic holds %d events, want 1", strings.Count(got, "\n"))
	}
}

func TestUnregisteredEventIsNamedWithTheCommandThatRegistersIt(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	s.createTopic("orders", 1)
	s.run(`{"id":1}`, "produce", "orders", "--event", "shop.Order").
		want(t, exitFailed, "shop.Order", "headrace schema register FILE --subject orders-shop.Order")
	s.run(`{"id":1}`, "produce", "orders").want(t, exitFailed, "headrace schema register FILE --subject orders-value")

	s.register("orders-shop.Order", orderSchema)
	s.run(`{"id":1}`, "produce", "orders").want(t, exitDone, "sent 1 event")
	s.register("orders-shop.Refund", refundSchema)
	s.register("orders-archive-value", refundSchema) // another topic's
	s.run(`{"id":1}`, "produce", "orders").want(t, exitUsage, "--event", "shop.Order, shop.Refund")
}

func TestWrongBrokerAddressIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	closed := closedAddress(t)
	for _, args := range [][]string{{"topics", "list"}, {"topics", "create", "x"}, {"consume", "x"}, {"produce", "x"}} {
		began := time.Now()
		run(t, "{}", append(args, "--brokers", closed, "--registry", s.RegistryURL, "--timeout", "5m")...).want(t, exitFailed, closed, "--brokers")
		if took := time.Since(began); took > 4*time.Minute {
			t.Errorf("%v waited for its timeout: %v", args, took)
		}
	}
}

func TestSilentServersEndWithTheTimeout(t *testing.T) {
	t.Parallel()
	addr := silentAddress(t)
	s := shop(t, 1)
	for name, args := range map[string][]string{
		"broker":   {"topics", "list", "--brokers", addr},
		"registry": {"schema", "list", "--registry", "http://" + addr},
		"produce":  {"produce", "orders", "--brokers", s.KafkaAddr, "--registry", "http://" + addr},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			run(t, "{}", append(args, "--timeout", "2s")...).want(t, exitFailed, addr, "2s")
			if took := time.Since(began); took > time.Minute { // it waits for ever otherwise
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestWrongRegistryIsNamed(t *testing.T) {
	t.Parallel()
	s := shop(t, 1)
	s.run(`{"id":1}`, "produce", "orders").want(t, exitDone)
	website := httptest.NewServer(http.NotFoundHandler())
	defer website.Close()
	for _, url := range []string{"http://" + closedAddress(t), website.URL} {
		for _, args := range [][]string{
			{"schema", "list"},
			{"schema", "get", "orders-value"},
			{"produce", "orders"},
			{"consume", "orders", "--until-end"},
		} {
			full := append(args, "--brokers", s.KafkaAddr, "--registry", url, "--timeout", "5s")
			if r := run(t, `{"id":1}`, full...); r.code != exitFailed || !strings.Contains(r.stderr, strings.TrimPrefix(url, "http://")) {
				t.Errorf("%v: exit code %d, stderr does not name the registry: %s", args, r.code, r.stderr)
			}
		}
	}
}

// Not parallel: credentials come from the environment.
func TestWrongCredentialsAreRefusedWithoutPrintingThem(t *testing.T) {
	s := start(t, devserver.Config{Broker: []kfake.Opt{kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "ann", "right")}})
	t.Setenv("KAFKA_SASL_MECHANISM", "SCRAM-SHA-256")
	t.Setenv("KAFKA_SASL_USERNAME", "ann")
	t.Setenv("KAFKA_SASL_PASSWORD", "right")
	s.run("", "topics", "create", "orders").want(t, exitDone)
	t.Setenv("KAFKA_SASL_PASSWORD", "wr0ng-s3cret")
	for _, args := range [][]string{{"topics", "list"}, {"consume", "orders"}, {"produce", "orders"}} {
		began := time.Now()
		r := s.run("{}", append(args, "--timeout", "5m")...).want(t, exitFailed, s.KafkaAddr, "credentials", "KAFKA_SASL_")
		if strings.Contains(r.stderr, "wr0ng-s3cret") {
			t.Errorf("the password is in the message: %s", r.stderr)
		}
		if took := time.Since(began); took > 4*time.Minute {
			t.Errorf("%v waited for its timeout: %v", args, took)
		}
	}
}

func TestInterruptedProduceTellsWhatWasSent(t *testing.T) {
	t.Parallel()
	s := shop(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	in, keyboard := io.Pipe()
	done := make(chan result)
	go func() {
		var out, messages strings.Builder
		code := Main(ctx, Env{
			Args:  []string{"produce", "orders", "--brokers", s.KafkaAddr, "--registry", s.RegistryURL},
			Stdin: in, Stdout: &out, Stderr: &messages,
		})
		done <- result{code, out.String(), messages.String()}
	}()
	if _, err := io.WriteString(keyboard, "{\"id\":1}\n"); err != nil {
		t.Fatal(err)
	}
	s.records("orders", 1)
	cancel()
	(<-done).want(t, exitInterrupted, "interrupted: 1 event sent")
	_ = keyboard.Close() // a pipe's never fails
}

func TestBrokerThatDiesCostsTimeAndIsToldInCounts(t *testing.T) {
	t.Parallel()
	s := shop(t, 1)
	in, keyboard := io.Pipe()
	done := make(chan result)
	go func() {
		var messages strings.Builder
		code := Main(t.Context(), Env{
			Args:  []string{"produce", "orders", "--brokers", s.KafkaAddr, "--registry", s.RegistryURL, "--timeout", "5s"},
			Stdin: in, Stdout: io.Discard, Stderr: &messages,
		})
		done <- result{code: code, stderr: messages.String()}
	}()
	if _, err := io.WriteString(keyboard, "{\"id\":1}\n"); err != nil {
		t.Fatal(err)
	}
	s.records("orders", 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(keyboard, "{\"id\":2}\n"); err != nil {
		t.Fatal(err)
	}
	(<-done).want(t, exitFailed, "line 2: produce to orders/0", s.KafkaAddr, "1 event sent, 1 ", "--brokers")
	_ = keyboard.Close() // a pipe's never fails
}

func TestProgressIsForTerminalsOnly(t *testing.T) {
	t.Parallel()
	s := shop(t, 1)
	for _, terminal := range []bool{true, false} {
		var messages strings.Builder
		env := Env{
			Args:       []string{"produce", "orders", "--brokers", s.KafkaAddr, "--registry", s.RegistryURL},
			Stdin:      strings.NewReader(`{"id":1}`),
			Stdout:     io.Discard,
			Stderr:     &messages,
			IsTerminal: func(stream any) bool { return terminal && stream == any(&messages) },
		}
		if code := Main(t.Context(), env); code != exitDone {
			t.Fatalf("exit code %d: %s", code, &messages)
		}
		if got := strings.Contains(messages.String(), "\r\x1b[K1 event sent"); got != terminal {
			t.Errorf("terminal %v: stderr %q", terminal, &messages)
		}
	}
}

// silentAddress is an address whose connections wait in a backlog for ever.
func silentAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ln.Close(); err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}

// closedAddress is an address nobody listens on.
func closedAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	return addr
}
