package devserver_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace/internal/devserver"
)

const (
	orderV1 = `{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"id","type":"long"}]}`
	// orderV2 can read what orderV1 wrote, and the other way round.
	orderV2 = `{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"id","type":"long"},{"name":"note","type":"string","default":""}]}`
	// orderV3 reads orderV2, which has a note, and not orderV1, which has none.
	orderV3 = `{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"id","type":"long"},{"name":"note","type":"string"}]}`
	// orderBad reads nothing of the others, for two reasons.
	orderBad = `{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"id","type":"string"},{"name":"total","type":"double"}]}`
)

// start starts a server that is closed with the test.
func start(t *testing.T, cfg devserver.Config) *devserver.Server {
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
	return server
}

// answer is what the registry says.
type answer struct {
	Status     int
	ID         int      `json:"id"`
	Code       int      `json:"error_code"`
	Message    string   `json:"message"`
	Compatible bool     `json:"is_compatible"`
	Messages   []string `json:"messages"`
	Level      string   `json:"compatibilityLevel"`
	Schema     string   `json:"schema"`
	Version    int      `json:"version"`
	Subject    string   `json:"subject"`
	body       string
}

func ask(t *testing.T, server *devserver.Server, method, path string, body any) answer {
	t.Helper()
	var payload io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		payload = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, server.RegistryURL+path, payload)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	req.Close = true // no idle connection for goleak to find
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // it has been read
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{Status: resp.StatusCode, body: string(text)}
	_ = json.Unmarshal(text, &a) // lists are read from body
	return a
}

type posted struct {
	Schema     string `json:"schema"`
	Type       string `json:"schemaType,omitempty"`
	References []any  `json:"references,omitempty"`
}

func register(t *testing.T, server *devserver.Server, subject, text string) answer {
	t.Helper()
	return ask(t, server, http.MethodPost, "/subjects/"+url.PathEscape(subject)+"/versions", posted{Schema: text})
}

func mustRegister(t *testing.T, server *devserver.Server, subject, text string) int {
	t.Helper()
	a := register(t, server, subject, text)
	if a.Status != http.StatusOK || a.ID == 0 {
		t.Fatalf("register under %s: %d %s", subject, a.Status, a.body)
	}
	return a.ID
}

func setLevel(t *testing.T, server *devserver.Server, path, level string) {
	t.Helper()
	if a := ask(t, server, http.MethodPut, path, map[string]string{"compatibility": level}); a.Status != http.StatusOK {
		t.Fatalf("PUT %s %s: %d %s", path, level, a.Status, a.body)
	}
}

func TestIncompatibleSchemaIsRefusedWithEveryReason(t *testing.T) {
	t.Parallel()
	server := start(t, devserver.Config{})
	mustRegister(t, server, "orders-value", orderV1)

	a := register(t, server, "orders-value", orderBad)
	if a.Status != http.StatusConflict || a.Code != http.StatusConflict {
		t.Fatalf("got %d, error_code %d, want 409 for both: %s", a.Status, a.Code, a.body)
	}
	for _, want := range []string{`"orders-value"`, "/fields/0", "/fields/1", "oldSchemaVersion:1", "compatibility: 'BACKWARD'"} {
		if !strings.Contains(a.Message, want) {
			t.Errorf("message lacks %s: %s", want, a.Message)
		}
	}
	if a := ask(t, server, http.MethodGet, "/subjects/orders-value/versions", nil); strings.TrimSpace(a.body) != "[1]" {
		t.Errorf("the refused schema left a version behind: %s", a.body)
	}
}

func TestLevelsDecideWhatIsCompatible(t *testing.T) {
	t.Parallel()
	tests := []struct {
		level string
		next  string
		want  int
	}{
		{"BACKWARD", orderV3, http.StatusOK}, // reads the newest version
		{"BACKWARD_TRANSITIVE", orderV3, http.StatusConflict},
		{"FORWARD", orderV3, http.StatusOK},
		{"FORWARD_TRANSITIVE", orderV1, http.StatusOK},
		{"FULL", orderV3, http.StatusOK},
		{"FULL_TRANSITIVE", orderV3, http.StatusConflict},
		{"BACKWARD", orderBad, http.StatusConflict},
		{"FORWARD", orderBad, http.StatusConflict},
		{"NONE", orderBad, http.StatusOK},
	}
	for _, where := range []string{"/config", "/config/orders-value"} {
		for _, test := range tests {
			t.Run(where+"/"+test.level, func(t *testing.T) {
				t.Parallel()
				server := start(t, devserver.Config{})
				mustRegister(t, server, "orders-value", orderV1)
				mustRegister(t, server, "orders-value", orderV2)
				setLevel(t, server, where, test.level)
				if a := register(t, server, "orders-value", test.next); a.Status != test.want {
					t.Errorf("got %d, want %d: %s", a.Status, test.want, a.body)
				}
				check := ask(t, server, http.MethodPost, "/compatibility/subjects/orders-value/versions?verbose=true", posted{Schema: test.next})
				if test.want == http.StatusConflict && (check.Compatible || len(check.Messages) < 2) {
					t.Errorf("the check does not say what the registration said: %s", check.body)
				}
			})
		}
	}
}

func TestCompatibilityIsAnsweredForOneVersion(t *testing.T) {
	t.Parallel()
	server := start(t, devserver.Config{})
	mustRegister(t, server, "orders-value", orderV1)
	mustRegister(t, server, "orders-value", orderV2)
	check := func(version, text string) answer {
		return ask(t, server, http.MethodPost, "/compatibility/subjects/orders-value/versions/"+version+"?verbose=true", posted{Schema: text})
	}
	if a := check("latest", orderV3); !a.Compatible || len(a.Messages) != 0 {
		t.Errorf("latest: %s", a.body)
	}
	if a := check("1", orderV3); a.Compatible || !strings.Contains(strings.Join(a.Messages, ""), "/fields/1") {
		t.Errorf("version 1: %s", a.body)
	}
	if a := check("9", orderV3); a.Status != http.StatusNotFound || a.Code != 40402 {
		t.Errorf("version 9: %d %s", a.Status, a.body)
	}
	a := ask(t, server, http.MethodPost, "/compatibility/subjects/nobody/versions/latest", posted{Schema: orderV1})
	if a.Status != http.StatusNotFound || a.Code != 40401 {
		t.Errorf("unknown subject: %d %s", a.Status, a.body)
	}
	a = ask(t, server, http.MethodPost, "/compatibility/subjects/nobody/versions", posted{Schema: orderV1})
	if !a.Compatible {
		t.Errorf("a subject without versions takes anything: %s", a.body)
	}
}

func TestInvalidSchemaIsUnprocessable(t *testing.T) {
	t.Parallel()
	server := start(t, devserver.Config{})
	for name, body := range map[string]any{
		"not JSON":           posted{Schema: `{"type":`},
		"no such type":       posted{Schema: `{"type":"record","name":"A","fields":[{"name":"x","type":"strin"}]}`},
		"field twice":        posted{Schema: `{"type":"record","name":"A","fields":[{"name":"x","type":"int"},{"name":"x","type":"int"}]}`},
		"other schema type":  posted{Schema: `{}`, Type: "JSON"},
		"missing reference":  posted{Schema: `"int"`, References: []any{map[string]any{"name": "b", "subject": "b", "version": 1}}},
		"body is not object": []int{1},
	} {
		a := ask(t, server, http.MethodPost, "/subjects/s/versions", body)
		if a.Status != http.StatusUnprocessableEntity || a.Code != 42201 || a.Message == "" {
			t.Errorf("%s: %d %s", name, a.Status, a.body)
		}
	}
	if a := ask(t, server, http.MethodGet, "/subjects", nil); strings.TrimSpace(a.body) != "[]" {
		t.Errorf("subjects after refusals: %s", a.body)
	}
}

func TestLevelOfASubjectNeitherLeaksNorCreatesIt(t *testing.T) {
	t.Parallel()
	server := start(t, devserver.Config{})
	setLevel(t, server, "/config/orders-value", "full")
	if a := ask(t, server, http.MethodGet, "/subjects", nil); strings.TrimSpace(a.body) != "[]" {
		t.Errorf("a level brought its subject into being: %s", a.body)
	}
	if a := ask(t, server, http.MethodGet, "/config/orders-value", nil); a.Level != "FULL" {
		t.Errorf("subject level: %s", a.body)
	}
	if a := ask(t, server, http.MethodGet, "/config", nil); a.Level != "BACKWARD" {
		t.Errorf("global level: %s", a.body)
	}
	if a := ask(t, server, http.MethodGet, "/config/other", nil); a.Status != http.StatusNotFound || a.Code != 40408 {
		t.Errorf("subject without a level: %d %s", a.Status, a.body)
	}
	if a := ask(t, server, http.MethodGet, "/config/other?defaultToGlobal=true", nil); a.Level != "BACKWARD" {
		t.Errorf("defaultToGlobal: %s", a.body)
	}
	if a := ask(t, server, http.MethodDelete, "/config/orders-value", nil); a.Level != "FULL" {
		t.Errorf("deleted level: %s", a.body)
	}
	a := ask(t, server, http.MethodPut, "/config/orders-value", map[string]string{"compatibility": "SOMEWHAT"})
	if a.Status != http.StatusUnprocessableEntity || a.Code != 42203 {
		t.Errorf("unknown level: %d %s", a.Status, a.body)
	}
}

func TestReferencesAreResolved(t *testing.T) {
	t.Parallel()
	server := start(t, devserver.Config{})
	mustRegister(t, server, "money", `{"type":"record","name":"Money","namespace":"shop","fields":[{"name":"cents","type":"long"}]}`)
	body := posted{
		Schema:     `{"type":"record","name":"Bill","namespace":"shop","fields":[{"name":"total","type":"shop.Money"}]}`,
		References: []any{map[string]any{"name": "shop.Money", "subject": "money", "version": 1}},
	}
	if a := ask(t, server, http.MethodPost, "/subjects/bills-value/versions", body); a.Status != http.StatusOK {
		t.Fatalf("%d %s", a.Status, a.body)
	}
	body.Schema = `{"type":"record","name":"Bill","namespace":"shop","fields":[{"name":"total","type":"shop.Money"},{"name":"due","type":"int"}]}`
	if a := ask(t, server, http.MethodPost, "/subjects/bills-value/versions", body); a.Status != http.StatusConflict {
		t.Errorf("an incompatible schema with references: %d %s", a.Status, a.body)
	}
}

func TestRegisteringAgainKeepsTheID(t *testing.T) {
	t.Parallel()
	server := start(t, devserver.Config{})
	id := mustRegister(t, server, "orders-value", orderV1)
	mustRegister(t, server, "orders-value", orderV2)
	if again := mustRegister(t, server, "orders-value", orderV1); again != id {
		t.Errorf("id %d the first time, %d the second", id, again)
	}
	if other := mustRegister(t, server, "odd / subject?", orderV1); other != id {
		t.Errorf("the same schema has id %d under another subject, want %d", other, id)
	}
}

func TestConcurrentRegistrationsKeepTheSubjectCompatible(t *testing.T) {
	t.Parallel()
	server := start(t, devserver.Config{})
	mustRegister(t, server, "orders-value", orderV1)
	var wg sync.WaitGroup
	accepted := make(chan int, 20)
	for i := range 20 {
		wg.Go(func() {
			// Each adds a field of the same name with another type: after the first one, all others are incompatible.
			typ := []string{`"string","default":""`, `"double","default":0`, `"boolean","default":false`, `"bytes","default":""`}[i%4]
			text := fmt.Sprintf(`{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"id","type":"long"},{"name":"x","type":%s}]}`, typ)
			if register(t, server, "orders-value", text).Status == http.StatusOK {
				accepted <- i % 4
			}
		})
	}
	wg.Wait()
	close(accepted)
	kinds := map[int]bool{}
	for kind := range accepted {
		kinds[kind] = true
	}
	if len(kinds) == 0 {
		t.Error("none was accepted")
	}
	if kinds[1] && kinds[2] || kinds[0] && kinds[1] || kinds[0] && kinds[2] {
		t.Errorf("schemas that cannot read each other were all accepted: %v", kinds)
	}
}

func TestDeletedSubjectTakesASchemaAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := start(t, devserver.Config{DataDir: dir})
	id := mustRegister(t, server, "orders-value", orderV1)
	if a := ask(t, server, http.MethodDelete, "/subjects/orders-value", nil); a.Status != http.StatusOK {
		t.Fatalf("delete: %s", a.body)
	}
	next := mustRegister(t, server, "orders-value", orderBad) // there is nothing left to be compatible with
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	server = start(t, devserver.Config{DataDir: dir})
	for id, want := range map[int]string{id: orderV1, next: orderBad} {
		if a := ask(t, server, http.MethodGet, fmt.Sprintf("/schemas/ids/%d", id), nil); a.Schema != want {
			t.Errorf("id %d: %s", id, a.body)
		}
	}
}

func TestReasonsNameTheVersionAndTheDirection(t *testing.T) {
	t.Parallel()
	server := start(t, devserver.Config{})
	mustRegister(t, server, "orders-value", orderV1)
	mustRegister(t, server, "orders-value", orderV2)
	setLevel(t, server, "/config/orders-value", "FULL_TRANSITIVE")
	a := register(t, server, "orders-value", orderV3)
	if !strings.Contains(a.Message, "it cannot read what version 1 wrote: ") || strings.Contains(a.Message, "version 2") {
		t.Errorf("got %s", a.Message)
	}
	setLevel(t, server, "/config/orders-value", "FORWARD")
	a = register(t, server, "orders-value", orderBad)
	if !strings.Contains(a.Message, "version 2 cannot read what it writes: ") {
		t.Errorf("got %s", a.Message)
	}
}

func TestRegistrySurvivesARestartWithTheSameIDs(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	server := start(t, devserver.Config{DataDir: dir})
	mustRegister(t, server, "gone-value", `"int"`)
	if a := ask(t, server, http.MethodDelete, "/subjects/gone-value", nil); a.Status != http.StatusOK {
		t.Fatalf("delete: %s", a.body)
	}
	if a := ask(t, server, http.MethodDelete, "/subjects/gone-value?permanent=true", nil); a.Status != http.StatusOK {
		t.Fatalf("delete for good: %s", a.body)
	}
	first := mustRegister(t, server, "orders-value", orderV1)
	second := mustRegister(t, server, "orders-value", orderV2)
	mustRegister(t, server, "odd / subject?", orderV1)
	register(t, server, "orders-value", orderBad) // refused: must not be there later either
	setLevel(t, server, "/config/orders-value", "FULL_TRANSITIVE")
	setLevel(t, server, "/config", "NONE")
	look := func(s *devserver.Server) []string {
		var all []string
		for _, path := range []string{
			"/subjects", "/subjects/orders-value/versions", "/subjects/orders-value/versions/2", "/config", "/config/orders-value",
			fmt.Sprintf("/schemas/ids/%d", first), fmt.Sprintf("/schemas/ids/%d", second), "/schemas/ids/1", "/schemas",
		} {
			all = append(all, ask(t, s, http.MethodGet, path, nil).body)
		}
		return all
	}
	before := look(server)
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}

	server = start(t, devserver.Config{DataDir: dir})
	if diff := cmp.Diff(before, look(server)); diff != "" {
		t.Errorf("after the restart (-before +after):\n%s", diff)
	}
	if third := mustRegister(t, server, "new-value", `"string"`); third != second+1 {
		t.Errorf("the next id is %d, want %d", third, second+1)
	}
}

func TestJournalCutShortByACrashLosesOnlyWhatWasNeverAnswered(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := start(t, devserver.Config{DataDir: dir})
	id := mustRegister(t, server, "orders-value", orderV1)
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	journal := filepath.Join(dir, "registry.jsonl")
	file, err := os.OpenFile(journal, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(`{"method":"POST","target":"/subj`); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}

	server = start(t, devserver.Config{DataDir: dir})
	if again := mustRegister(t, server, "orders-value", orderV1); again != id {
		t.Errorf("id %d before the crash, %d after", id, again)
	}
	mustRegister(t, server, "orders-value", orderV2)
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	server = start(t, devserver.Config{DataDir: dir})
	if a := ask(t, server, http.MethodGet, "/subjects/orders-value/versions", nil); strings.TrimSpace(a.body) != "[1,2]" {
		t.Errorf("what came after the torn line is lost: %s", a.body)
	}
}

func TestDamagedJournalStopsTheStartAndNamesTheLine(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(string) string{
		"not JSON":   func(string) string { return "garbage\n" },
		"another id": func(s string) string { return strings.Replace(s, `"id":1`, `"id":7`, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			server := start(t, devserver.Config{DataDir: dir})
			mustRegister(t, server, "orders-value", orderV1)
			if err := server.Close(); err != nil {
				t.Fatal(err)
			}
			journal := filepath.Join(dir, "registry.jsonl")
			text, err := os.ReadFile(journal)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(journal, []byte(damage(string(text))), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err = devserver.Start(devserver.Config{DataDir: dir})
			if err == nil || !strings.Contains(err.Error(), journal) || !strings.Contains(err.Error(), "line 1") {
				t.Errorf("got %v, want an error that names the file and the line", err)
			}
		})
	}
}
