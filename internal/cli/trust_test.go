package cli

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// thief is a registry and a broker that a foreign file names, and what they were sent.
type thief struct {
	url, addr string
	dials     atomic.Int64

	mu   sync.Mutex
	sent []string
}

func newThief(t *testing.T) *thief {
	t.Helper()
	th := &thief{}
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		th.mu.Lock()
		defer th.mu.Unlock()
		user, password, _ := r.BasicAuth()
		th.sent = append(th.sent, fmt.Sprint(user, ":", password, " ", r.Header.Get("Authorization")))
		_, _ = w.Write([]byte(`[]`))
	}))
	t.Cleanup(registry.Close)
	broker, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := broker.Accept()
			if err != nil {
				return
			}
			th.dials.Add(1)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = broker.Close(); <-done })
	th.url, th.addr = registry.URL, broker.Addr().String()
	return th
}

// took returns what came since it was asked last: a registry's credentials, and whether the broker was dialled.
func (th *thief) took() (sent string, dialled bool) {
	th.mu.Lock()
	defer th.mu.Unlock()
	sent, dialled = strings.Join(th.sent, "\n"), th.dials.Swap(0) > 0
	th.sent = nil
	return sent, dialled
}

// foreign is a folder whose headrace.yaml wants secrets of its reader, and a place for records of trust.
func foreign(t *testing.T, th *thief) (dir string) {
	t.Helper()
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	secret := filepath.Join(t.TempDir(), "id_secret")
	if err := os.WriteFile(secret, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("THEIR_CLOUD_KEY", "hunter2")
	return in(t, fmt.Sprintf(`
contexts:
  only:
    brokers: [%q]
    sasl: {mechanism: PLAIN, username: u, password_env: THEIR_CLOUD_KEY}
    registry: {url: %q, username: u, password_file: %q}
`, th.addr, th.url, secret))
}

func TestForeignFileGetsNoSecrets(t *testing.T) {
	th := newThief(t)
	dir := foreign(t, th)
	for _, args := range [][]string{
		{"__complete", "schema", "get", ""},
		{"__complete", "topics", "describe", ""},
		{"__complete", "consume", "t", "--event", ""},
		{"__complete", "groups", "describe", ""},
		{"__complete", "dead", "list", ""},
		{"__complete", "schema", "get", "--context", "only", ""},
		{"__complete", "topics", "describe", "--context", "only", ""},
	} {
		runDir(t, dir, "", args...)
		if sent, dialled := th.took(); sent != "" || dialled {
			t.Errorf("%v: the registry got %q, the broker was dialled: %v", args, sent, dialled)
		}
	}
	for args, secret := range map[string]string{"schema list": "password_file", "topics list": "password_env THEIR_CLOUD_KEY"} {
		r := runDir(t, dir, "", strings.Fields(args)...).want(t, exitUsage, "headrace.yaml:", secret, "`headrace config trust`", "--context only")
		if sent, dialled := th.took(); sent != "" || dialled || strings.Contains(r.stderr, "hunter2") {
			t.Errorf("%s: the registry got %q, the broker was dialled: %v; %s", args, sent, dialled, r.stderr)
		}
	}
}

func TestSecretsOfAFileAreUsedOnceItIsChosen(t *testing.T) {
	th := newThief(t)
	dir := foreign(t, th)
	used := func(when string, want bool, args ...string) {
		t.Helper()
		runDir(t, dir, "", append([]string{"schema", "list"}, args...)...)
		sent, _ := th.took()
		runDir(t, dir, "", append([]string{"topics", "list", "--timeout", "300ms"}, args...)...)
		_, dialled := th.took()
		if strings.Contains(sent, "u:hunter2") != want || dialled != want {
			t.Errorf("%s: the registry got %q, the broker was dialled: %v; want them used: %v", when, sent, dialled, want)
		}
	}
	used("found", false)
	used("--context", true, "--context", "only")
	t.Setenv("HEADRACE_CONTEXT", "only")
	used("HEADRACE_CONTEXT", true)
	t.Setenv("HEADRACE_CONTEXT", "")

	shown := runDir(t, dir, "", "config", "trust").want(t, exitDone, "is trusted as it is now, with the 1 file it consists of")
	for _, want := range []string{"password_env THEIR_CLOUD_KEY", "password_file ", th.addr, th.url} {
		if !strings.Contains(shown.stdout, want) {
			t.Errorf("%s is not shown:\n%s", want, shown.stdout)
		}
	}
	used("trusted", true)
	runDir(t, dir, "", "__complete", "schema", "get", "")
	if sent, _ := th.took(); sent != "" {
		t.Errorf("a completion sent %q", sent)
	}
	var listed []trustedRow
	list := runDir(t, dir, "", "config", "trust", "--list", "-o", "json").want(t, exitDone)
	if err := json.Unmarshal([]byte(list.stdout), &listed); err != nil || len(listed) != 1 || listed[0].State != "trusted" {
		t.Errorf("listed are %s, %v", list.stdout, err)
	}

	file := filepath.Join(dir, "headrace.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(text, "include: [more.yaml]\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "more.yaml"), []byte("topics: [{name: a}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	used("changed", false)
	runDir(t, dir, "", "schema", "list").want(t, exitUsage, "has changed since it was trusted")
	runDir(t, dir, "", "config", "trust").want(t, exitDone, "the 2 files")
	used("trusted anew", true)
	if err := os.WriteFile(filepath.Join(dir, "more.yaml"), []byte("topics: [{name: b}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	used("an included file has changed", false)
	runDir(t, dir, "", "config", "trust").want(t, exitDone)
	runDir(t, dir, "", "config", "trust", "--remove").want(t, exitDone, "no longer trusted")
	used("no longer trusted", false)
	runDir(t, dir, "", "config", "trust", "--remove").want(t, exitDone, "was not trusted")
	runDir(t, t.TempDir(), "", "config", "trust").want(t, exitUsage, "there is no headrace.yaml")
}

// What the environment holds for its own cluster does not go where a file says.
func TestCredentialsOfTheEnvironmentDoNotGoToTheAddressOfAFile(t *testing.T) {
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Errorf("the file's registry got %q", r.Header.Get("Authorization"))
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer registry.Close()
	dir := in(t, fmt.Sprintf("contexts: {only: {brokers: ['127.0.0.1:1'], registry: %q}}", registry.URL))
	for name, value := range map[string]string{
		"SCHEMA_REGISTRY_USERNAME": "ann", "SCHEMA_REGISTRY_PASSWORD": "hunter2",
		"KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SASL_USERNAME": "ann", "KAFKA_SASL_PASSWORD": "hunter2",
	} {
		t.Setenv(name, value)
	}
	for _, more := range [][]string{nil, {"--context", "only"}} {
		runDir(t, dir, "", append([]string{"schema", "list"}, more...)...).want(t, exitFailed, "SCHEMA_REGISTRY_", "was not used", "context only")
		runDir(t, dir, "", append([]string{"topics", "list"}, more...)...).want(t, exitFailed, "KAFKA_SASL_", "was not used", "set KAFKA_BROKERS")
	}
	a := &app{Env: Env{Dir: dir}}
	cluster, err := a.cluster()
	if err != nil || cluster.SASL != nil {
		t.Errorf("the cluster is %v, %v", cluster, err)
	}
}
