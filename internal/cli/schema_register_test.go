package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/headrace/headrace/internal/devserver"
)

const (
	moneyFile  = `{"type":"record","name":"Money","namespace":"shop","fields":[{"name":"cents","type":"long"}]}`
	placedFile = `{"type":"record","name":"OrderPlaced","namespace":"shop","fields":[{"name":"total","type":"Money"}]}`
	paidFile   = `{"type":"record","name":"OrderPaid","namespace":"shop","fields":[{"name":"paid","type":"shop.Money"}]}`
)

// shopFolder is two events that share a type.
func shopFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	write(t, folder, "a_placed.avsc", placedFile)
	write(t, folder, "b/paid.avsc", paidFile)
	write(t, folder, "money.avsc", moneyFile)
	return folder
}

// states reads what a registration printed as JSON: the state of each subject, in order.
func states(t *testing.T, r result) string {
	t.Helper()
	var rows []stepRow
	if err := json.Unmarshal([]byte(r.stdout), &rows); err != nil {
		t.Fatalf("%v: %s", err, r.stdout)
	}
	var out []string
	for _, row := range rows {
		out = append(out, row.Subject+" "+string(row.State))
	}
	return strings.Join(out, ", ")
}

func TestRegisterPlansAFolderInOrderOfReferences(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	folder := shopFolder(t)
	register := func(more ...string) result {
		return s.run("", append([]string{"schema", "register", folder, "--topic", "orders"}, more...)...)
	}
	const inOrder = "shop.Money new, orders-shop.OrderPlaced new, orders-shop.OrderPaid new"
	if got := states(t, register("--dry-run", "-o", "json").want(t, exitChanges)); got != inOrder {
		t.Errorf("plan %s, want %s", got, inOrder)
	}
	register().want(t, exitUsage, "pass --yes")
	s.run("", "schema", "list").want(t, exitDone, "no schemas yet")
	golden(t, "schema_register_folder", register("--yes", "--compatibility", "FULL_TRANSITIVE").want(t, exitDone).stdout)
	if got := states(t, register("--dry-run", "-o", "json").want(t, exitDone)); got != strings.ReplaceAll(inOrder, "new", "unchanged") {
		t.Errorf("again: %s", got)
	}
	for subject, want := range map[string]string{"orders-shop.OrderPaid": "FULL_TRANSITIVE\n", "shop.Money": "FULL_TRANSITIVE\n"} {
		if got := s.run("", "schema", "compat", "get", subject).want(t, exitDone).stdout; got != want {
			t.Errorf("level of %s is %s", subject, got)
		}
	}

	// A shared type's next version is one of everything that refers to it.
	write(t, folder, "money.avsc", strings.Replace(moneyFile, `"long"}`, `"long"},{"name":"currency","type":"string","default":"EUR"}`, 1))
	if got := states(t, register("--yes", "-o", "json").want(t, exitDone)); got != strings.ReplaceAll(inOrder, "new", "changed") {
		t.Errorf("with the next version of Money: %s", got)
	}
	if got := s.run("", "schema", "versions", "orders-shop.OrderPaid", "-o", "jsonl").want(t, exitDone).stdout; strings.Count(got, "\n") != 2 {
		t.Errorf("versions: %s", got)
	}
}

func TestRegisterWritesNothingWhenOneIsIncompatible(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	folder := shopFolder(t)
	s.run("", "schema", "register", folder, "--topic", "orders", "--yes").want(t, exitDone)
	write(t, folder, "b/paid.avsc", strings.Replace(paidFile, `"shop.Money"}`, `"shop.Money"},{"name":"by","type":"string"}`, 1))
	write(t, folder, "refund.avsc", refundSchema)
	for _, more := range []string{"--yes", "--dry-run"} {
		r := s.run("", "schema", "register", folder, "--topic", "orders", "-o", "json", more).
			want(t, exitFindings, "shop.OrderPaid is incompatible with subject orders-shop.OrderPaid, whose level is BACKWARD",
				"READER_FIELD_MISSING_DEFAULT_VALUE at /fields/1", "version 1", "nothing was registered")
		want := "shop.Money unchanged, orders-shop.OrderPlaced unchanged, orders-shop.OrderPaid incompatible, orders-shop.Refund new"
		if got := states(t, r); got != want {
			t.Errorf("plan %s, want %s", got, want)
		}
	}
	s.run("", "schema", "get", "orders-shop.Refund").want(t, exitFailed)
	// The level that is asked for is the one that counts.
	s.run("", "schema", "register", folder, "--topic", "orders", "--yes", "--compatibility", "NONE").want(t, exitDone)
}

func TestRegisterTakesTopicsFromTheProject(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	folder := t.TempDir()
	write(t, folder, "schemas/money.avsc", moneyFile)
	write(t, folder, "schemas/placed.avsc", placedFile)
	write(t, folder, "schemas/paid.avsc", paidFile)
	file := write(t, folder, "headrace.yaml", "schemas:\n  folder: schemas\ntopics:\n"+
		"  - name: placed\n    events: [shop.OrderPlaced]\n    compatibility: FULL\n"+
		"  - name: both\n    events: [shop.OrderPlaced, shop.OrderPaid]\n")
	r := s.run("", "schema", "register", "--file", file, "--dry-run", "-o", "json").want(t, exitChanges)
	want := "shop.Money new, placed-value new, both-shop.OrderPlaced new, both-shop.OrderPaid new"
	if got := states(t, r); got != want {
		t.Errorf("plan %s, want %s", got, want)
	}
	if !strings.Contains(r.stdout, `"set_compatibility": "FULL"`) {
		t.Errorf("no level in %s", r.stdout)
	}
	bad := write(t, folder, "bad.yaml", "schemas:\n  folder: schemas\ntopics:\n  - name: placed\n    events: [shop.Gone]\n")
	s.run("", "schema", "register", "--file", bad).want(t, exitFailed, "topic placed: event shop.Gone has no file of its own", "headrace schema new shop.Gone")
}

// A registry that fails half-way: what was registered is said, and the same command goes on from there.
func TestRegisterSaysWhatWasRegisteredBeforeItFailed(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	target, err := url.Parse(s.RegistryURL)
	if err != nil {
		t.Fatal(err)
	}
	var full atomic.Bool
	proxy := httputil.NewSingleHostReverseProxy(target)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if full.Load() && r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "OrderPlaced/versions") && !strings.HasPrefix(r.URL.Path, "/compat") {
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = io.WriteString(w, `{"error_code":42201,"message":"the disk is full"}`)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	folder := shopFolder(t)
	full.Store(true)
	args := []string{"schema", "register", folder, "--topic", "orders", "--yes", "--registry", front.URL}
	run(t, "", args...).want(t, exitFailed, "the disk is full", "422",
		"registered before that, and staying: shop.Money (id 1)", "not tried: orders-shop.OrderPaid", "goes on from here")
	full.Store(false)
	if got := states(t, run(t, "", append(args, "-o", "json")...).want(t, exitDone)); !strings.HasPrefix(got, "shop.Money unchanged, ") {
		t.Errorf("the second time: %s", got)
	}
}

func TestRegistryThatDoesNotAnswerWellIsNamed(t *testing.T) {
	t.Parallel()
	folder := shopFolder(t)
	for name, c := range map[string]struct {
		status int
		body   string
		want   []string
	}{
		"401":  {401, `{"error_code":401,"message":"Unauthorized"}`, []string{"401 Unauthorized", "user, password or token"}},
		"409":  {409, `{"error_code":40901,"message":"Operation not permitted"}`, []string{"409 Conflict", "Operation not permitted"}},
		"422":  {422, `{"error_code":42201,"message":"Invalid schema"}`, []string{"422", "Invalid schema"}},
		"HTML": {200, `<html><body>Welcome</body></html>`, []string{"not a JSON value of the API", "<html>"}},
		"404":  {404, `<html>Not Found</html>`, []string{"404 Not Found", "check the path of the registry's URL"}},
		"500":  {500, `{"error_code":50001,"message":"backend store"}`, []string{"did not answer", "backend store", "Is the registry there?"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			t.Cleanup(server.Close)
			timeout := "1m" // which no pause of the machine uses up
			if c.status >= 500 {
				timeout = "1s" // it is asked again until then
			}
			for _, args := range [][]string{
				{"schema", "register", folder, "--topic", "orders", "--yes"},
				{"schema", "versions", "orders-value"},
				{"schema", "delete", "orders-value", "--yes"},
				{"schema", "compat", "set", "orders-value", "FULL", "--yes"},
				{"schema", "snapshot", "--out", filepath.Join(t.TempDir(), "s")},
			} {
				run(t, "", append(args, "--registry", server.URL, "--timeout", timeout)...).want(t, exitFailed, append(c.want, server.URL)...)
			}
		})
	}
}

func TestDeletedSubjectsComeBackOrAreGoneForGood(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	s.register("orders-value", orderSchema)
	s.register("refunds-value", refundSchema)
	s.run("", "schema", "delete", "orders-value").want(t, exitUsage, "pass --yes")
	if got := s.run("", "schema", "delete", "orders-value", "--yes").want(t, exitDone).stdout; got != "deleted orders-value: versions 1\n" {
		t.Errorf("got %q", got)
	}
	s.run("", "schema", "get", "orders-value").want(t, exitFailed)
	s.run("", "schema", "get", "--id", "1").want(t, exitDone) // its events can still be read
	s.run("", "schema", "delete", "orders-value", "--permanently", "orders-value", "--yes").want(t, exitDone)
	s.run("", "schema", "delete", "refunds-value", "--permanently", "refunds-value", "--yes").want(t, exitDone)
	s.run("", "schema", "delete", "refunds-value", "--version", "1", "--yes").want(t, exitFailed, "refunds-value")
}

func TestCompatibilityIsReadAndSet(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	s.register("orders-value", orderSchema)
	if got := s.run("", "schema", "compat", "get").want(t, exitDone).stdout; got != "BACKWARD\n" {
		t.Errorf("the registry's: %q", got)
	}
	s.run("", "schema", "compat", "set", "FULL").want(t, exitUsage, "pass --yes")
	s.run("", "schema", "compat", "set", "FULL", "--yes").want(t, exitDone)
	if got := s.run("", "schema", "compat", "get", "orders-value").want(t, exitDone).stdout; got != "FULL\n" {
		t.Errorf("a subject without one of its own: %q", got)
	}
	golden(t, "schema_compat_set", s.run("", "schema", "compat", "set", "orders-value", "NONE", "--yes", "-o", "json").want(t, exitDone).stdout)
	if got := s.run("", "schema", "compat", "get").want(t, exitDone).stdout; got != "FULL\n" {
		t.Errorf("the registry's, after a subject's was set: %q", got)
	}
}
