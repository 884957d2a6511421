package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"
)

func TestEdgeMakesVisibleWhatATerminalObeys(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain\ttext\n":         "plain\ttext\n",
		"Grüße, 東京 👩‍🚀\n":       "Grüße, 東京 👩‍🚀\n",
		"\x1b[2Jgone":           `\u001b[2Jgone`,
		"\x1b]0;title\x07":      `\u001b]0;title\u0007`,
		"over\rwritten":         `over\u000dwritten`,
		"\u009b2J":              `\u009b2J`,
		"a\x9b2J":               "a\ufffd2J",
		"\x7f\x00\b":            `\u007f\u0000\u0008`,
		"user\u202egnp.exe":     `user\u202egnp.exe`,
		"\u2066a\u2069\u200f":   `\u2066a\u2069\u200f`,
		"cut off: \xe6\x9d":     "cut off: \ufffd\ufffd",
		"\xf0\x9f\x91 and more": "\ufffd\ufffd\ufffd and more",
	} {
		var out bytes.Buffer
		w := &safeWriter{to: &out}
		fmt.Fprint(w, in)
		w.close()
		if got := out.String(); got != want {
			t.Errorf("%q is written %q, want %q", in, got, want)
		}
	}
}

func TestEdgeDoesNotDependOnHowTextIsCutUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOf(rapid.SampledFrom([]string{
			"a", "\n", "é", "東", "👩", "\u009b", "\x1b[", "\u202e", "\xe6", "\x9d", "\xf0\x9f", "\x80", "\xff",
		})).Draw(t, "pieces")
		text := []byte(strings.Join(pieces, ""))
		write := func(cuts []int) string {
			var out bytes.Buffer
			w := &safeWriter{to: &out}
			from := 0
			for _, cut := range cuts {
				if cut = min(cut, len(text)); cut > from {
					if n, err := w.Write(text[from:cut]); n != cut-from || err != nil {
						t.Fatalf("wrote %d, %v", n, err)
					}
					from = cut
				}
			}
			_, _ = w.Write(text[from:])
			w.close()
			return out.String()
		}
		whole := write(nil)
		at := 0
		cuts := rapid.SliceOf(rapid.IntRange(1, 3)).Draw(t, "steps")
		for i := range cuts {
			at += cuts[i]
			cuts[i] = at
		}
		if got := write(cuts); got != whole {
			t.Fatalf("cut at %v: %q\nwhole: %q", cuts, got, whole)
		}
		if !utf8.ValidString(whole) || strings.ContainsFunc(whole, isObeyed) {
			t.Fatalf("%q is obeyed", whole)
		}
	})
}

const hostile = "evil\x1b]0;pwned\x07\u009b2J\u202etxt\n9 forged\r"

// safe fails when a terminal would obey anything of what a run printed.
func (r result) safe(t *testing.T) result {
	t.Helper()
	for _, text := range []string{r.stdout, r.stderr} {
		if strings.ContainsFunc(text, isObeyed) {
			t.Errorf("printed %q", text)
		}
	}
	if strings.Contains(r.stdout, "\n9 forged") {
		t.Errorf("a name has forged a line: %q", r.stdout)
	}
	return r
}

func TestNamesOfGroupsAndClientsCannotSpeakToTheTerminal(t *testing.T) {
	t.Parallel()
	s := grouped(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(s.KafkaAddr), kgo.ClientID(hostile), kgo.ConsumerGroup(hostile), kgo.ConsumeTopics("orders"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if fetches := client.PollFetches(t.Context()); fetches.Err() != nil {
		t.Fatal(fetches.Err())
	}
	if err := client.CommitUncommittedOffsets(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, out := range formats {
		list := s.run("", "groups", "list", "-o", out).want(t, exitDone).safe(t)
		described := s.run("", "groups", "describe", hostile, "-o", out).want(t, exitDone).safe(t)
		if !strings.Contains(list.stdout+described.stdout, "pwned") {
			t.Errorf("%s: the group is not there:\n%s%s", out, list.stdout, described.stdout)
		}
		var rows []struct{ Group string }
		switch out {
		case "json":
			err = json.Unmarshal([]byte(list.stdout), &rows)
		case "yaml":
			err = yaml.Unmarshal([]byte(list.stdout), &rows)
		default:
			continue
		}
		found := false
		for _, row := range rows {
			found = found || row.Group == hostile
		}
		if err != nil || !found {
			t.Errorf("%s is not read back: %v\n%s", out, err, list.stdout)
		}
	}
	s.run("", "groups", "describe", "nobody"+hostile).want(t, exitFailed).safe(t)
	s.run("", "groups", "seek", hostile, "--offset", "start", "--yes").safe(t)
}

func TestSubjectsAndErrorsOfARegistryCannotSpeakToTheTerminal(t *testing.T) {
	t.Parallel()
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/subjects":
			_ = json.NewEncoder(w).Encode([]string{hostile})
		case strings.HasSuffix(r.URL.Path, "/versions"):
			_, _ = w.Write([]byte("[1]"))
		case strings.Contains(r.URL.Path, "broken"):
			w.WriteHeader(http.StatusUnprocessableEntity)
			_ = json.NewEncoder(w).Encode(map[string]any{"error_code": 42201, "message": hostile})
		default:
			_ = json.NewEncoder(w).Encode(map[string]any{"subject": hostile, "version": 1, "id": 7, "schema": `{"type":"string","doc":"` + "\u009b2J\u202e" + `"}`})
		}
	}))
	defer registry.Close()
	for _, args := range [][]string{
		{"schema", "list"},
		{"schema", "list", "-o", "yaml"},
		{"schema", "versions", hostile},
		{"schema", "get", hostile},
		{"schema", "get", "broken" + hostile},
		{"__complete", "schema", "get", ""},
	} {
		r := run(t, "", append(args, "--registry", registry.URL)...).safe(t)
		if args[0] != "__complete" && r.code != exitDone && !strings.Contains(strings.Join(args, " "), "broken") {
			t.Errorf("%v: %+v", args, r)
		}
	}
}
