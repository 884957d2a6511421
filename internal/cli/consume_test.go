package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// orders sends events 0 to n-1 to partition 0 of orders.
func (s servers) orders(n int) {
	s.t.Helper()
	var lines strings.Builder
	for i := range n {
		fmt.Fprintf(&lines, "{\"id\":%d}\n", i)
	}
	s.run(lines.String(), "produce", "orders").want(s.t, exitDone)
}

// ids takes the ids out of printed orders.
func ids(t *testing.T, printed string) string {
	t.Helper()
	var all []string
	for line := range strings.Lines(printed) {
		var id int
		if _, err := fmt.Sscanf(line, `{"id":%d,`, &id); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all = append(all, fmt.Sprint(id))
	}
	return strings.Join(all, " ")
}

func TestConsumeReadsTheRangeItIsGiven(t *testing.T) {
	t.Parallel()
	s := shop(t, 1)
	s.orders(10)
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--offset", "start", "-n", "3"}, "0 1 2"},
		{[]string{"-n", "2", "-o", "jsonl"}, "0 1"},
		{[]string{"--offset", "7", "-n", "2"}, "7 8"},
		{[]string{"--offset", "2:5"}, "2 3 4"},
		{[]string{"--offset", ":2"}, "0 1"},
		{[]string{"--offset", "-2", "--until-end"}, "8 9"},
		{[]string{"--offset", "+8", "--until-end"}, "8 9"},
		{[]string{"--offset", "start:end", "-p", "0"}, "0 1 2 3 4 5 6 7 8 9"},
		{[]string{"--offset", "@-1h", "--until-end"}, "0 1 2 3 4 5 6 7 8 9"},
		{[]string{"--offset", "@-2h:-1h"}, ""},
		{[]string{"--offset", "end", "--until-end"}, ""},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			t.Parallel()
			r := s.run("", append([]string{"consume", "orders"}, test.args...)...).want(t, exitDone)
			if got := ids(t, r.stdout); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if r.stderr != "" {
				t.Errorf("stderr of a run without trouble: %s", r.stderr)
			}
		})
	}
}

func TestConsumeRefusesAPartitionThatIsNotThere(t *testing.T) {
	t.Parallel()
	s := shop(t, 2)
	s.run("", "consume", "orders", "-p", "2").want(t, exitUsage, "topic orders has no partition 2", "0 to 1")
}

func TestUndecodableEventsAreReportedAndPassedOver(t *testing.T) {
	t.Parallel()
	s := shop(t, 1)
	s.orders(1)
	good := s.records("orders", 1)[0].Value
	for _, value := range [][]byte{
		{0x07, 0, 0, 0, 1, 2},                // wrong magic
		{0, 0, 0},                            // ends within the id
		{0, 0, 0, 0x12, 0x67, 2},             // unknown id 4711
		good[:len(good)-1],                   // truncated
		append(append([]byte{}, good...), 0), // a byte too many
		{},
	} {
		s.send(&kgo.Record{Topic: "orders", Value: value})
	}
	s.orders(1)
	r := s.run("", "consume", "orders", "--until-end").want(t, exitFailed,
		"topic orders partition 0 offset 1:", "offset 2:", "offset 3:", "4711", "offset 4:", "offset 5:", "offset 6:",
		"6 of 8 events could not be decoded")
	if got := ids(t, r.stdout); got != "0 0" {
		t.Errorf("printed %q, want the two good events", got)
	}
}

func TestTombstoneIsNull(t *testing.T) {
	t.Parallel()
	s := shop(t, 1)
	s.send(&kgo.Record{Topic: "orders", Key: []byte("k"), Value: nil})
	if got := s.values("orders"); got != "null\n" {
		t.Errorf("got %q", got)
	}
}

func TestInterruptedConsumeEndsWith130AndWhatItHad(t *testing.T) {
	t.Parallel()
	s := shop(t, 1)
	s.orders(2)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	screen, out := io.Pipe()
	done := make(chan result)
	go func() {
		var messages strings.Builder
		code := Main(ctx, Env{
			Args:  []string{"consume", "orders", "--brokers", s.KafkaAddr, "--registry", s.RegistryURL},
			Stdin: strings.NewReader(""), Stdout: out, Stderr: &messages,
		})
		_ = out.Close() // a pipe's never fails
		done <- result{code: code, stderr: messages.String()}
	}()
	// Both are seen while the command still runs.
	seen := make([]byte, len("{\"id\":0,\"customer\":null,\"items\":[]}\n")*2)
	if _, err := io.ReadFull(screen, seen); err != nil {
		t.Fatal(err)
	}
	cancel()
	r := (<-done).want(t, exitInterrupted)
	if r.stderr != "" || ids(t, string(seen)) != "0 1" {
		t.Errorf("printed %q, stderr %q", seen, r.stderr)
	}
}

func TestRegistryThatIsDownEndsConsumeInsteadOfSkippingEvents(t *testing.T) {
	t.Parallel()
	s := shop(t, 1)
	s.orders(1)
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "down for maintenance", http.StatusServiceUnavailable)
	}))
	defer down.Close()
	r := run(t, "", "consume", "orders", "--until-end", "--brokers", s.KafkaAddr, "--registry", down.URL, "--timeout", "3s").
		want(t, exitFailed, "topic orders partition 0 offset 0", down.URL, "maintenance")
	if strings.Contains(r.stderr, "could not be decoded") || r.stdout != "" {
		t.Errorf("the outage was taken for a bad event: %s", r.stderr)
	}
}
