package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace/headrace/schema"
)

const (
	moneySchema = `{"type":"record","name":"shop.Money","fields":[{"name":"cents","type":"long"}]}`
	cartSchema  = `{"type":"record","name":"shop.Cart","fields":[{"name":"total","type":"shop.Money"}]}`
	userSchema  = `{"type":"record","name":"shop.User","fields":[{"name":"id","type":"long"}]}`
)

// smallRegistry is a registry of four versions that can be switched off. Version 1 of gone-value is deleted.
type smallRegistry struct {
	down  atomic.Bool
	calls atomic.Int32
}

var smallVersions = map[string]string{
	"shop.Money": `{"subject":"shop.Money","version":1,"id":1,"schema":` + quoteJSON(moneySchema) + `}`,
	"carts-value": `{"subject":"carts-value","version":1,"id":2,"schema":` + quoteJSON(cartSchema) +
		`,"references":[{"name":"shop.Money","subject":"shop.Money","version":1}]}`,
	"users-value": `{"subject":"users-value","version":1,"id":3,"guid":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","schema":` + quoteJSON(userSchema) + `}`,
	"gone-value":  `{"subject":"gone-value","version":1,"id":4,"schema":"\"string\""}`,
}

func quoteJSON(text string) string {
	quoted, _ := json.Marshal(text)
	return string(quoted)
}

func (s *smallRegistry) RoundTrip(r *http.Request) (*http.Response, error) {
	s.calls.Add(1)
	if s.down.Load() {
		return nil, errors.New("connection refused")
	}
	deleted := r.URL.Query().Get("deleted") == "true"
	switch path := r.URL.Path; {
	case path == "/subjects" && deleted:
		return reply(200, `["shop.Money","carts-value","users-value","gone-value"]`), nil
	case strings.HasPrefix(path, "/config"):
		return reply(200, `{"compatibilityLevel":"BACKWARD"}`), nil
	case path == "/subjects":
		return reply(200, `["shop.Money","carts-value","users-value"]`), nil
	case strings.HasPrefix(path, "/schemas/ids/"):
		for _, v := range smallVersions {
			if strings.Contains(v, `"id":`+strings.TrimPrefix(path, "/schemas/ids/")+`,`) {
				return reply(200, v), nil
			}
		}
		return reply(404, `{"error_code":40403,"message":"Schema not found"}`), nil
	case r.Method == http.MethodPost:
		subject := strings.TrimPrefix(path, "/subjects/")
		var posted schemaRequest
		text, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(text, &posted)
		if v, ok := smallVersions[subject]; ok && strings.Contains(v, quoteJSON(posted.Schema)) {
			return reply(200, v), nil
		}
		return reply(404, `{"error_code":40403,"message":"Schema not found"}`), nil
	default:
		subject, version, _ := strings.Cut(strings.TrimPrefix(path, "/subjects/"), "/versions")
		v, ok := smallVersions[subject]
		switch {
		case !ok || subject == "gone-value" && !deleted:
			return reply(404, `{"error_code":40401,"message":"Subject not found"}`), nil
		case version == "":
			return reply(200, `[1]`), nil
		}
		return reply(200, v), nil
	}
}

func parsed(t *testing.T, text string, refs ...*schema.Schema) *schema.Schema {
	t.Helper()
	s, err := schema.Parse(text, refs...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// answersAll asks for what the file of a whole registry answers.
func answersAll(t *testing.T, reg *Client) {
	t.Helper()
	for id, want := range map[int]string{1: "shop.Money", 2: "shop.Cart", 3: "shop.User", 4: "string"} {
		if s, err := reg.Schema(t.Context(), id); err != nil || s.FullName() != want {
			t.Errorf("schema %d: %v, %v", id, s, err)
		}
	}
	money := parsed(t, moneySchema)
	for subject, s := range map[string]*schema.Schema{"users-value": parsed(t, userSchema), "carts-value": parsed(t, cartSchema, money)} {
		if id, err := reg.Lookup(t.Context(), subject, s); err != nil || id < 2 {
			t.Errorf("lookup under %s: %d, %v", subject, id, err)
		}
	}
	if v, err := reg.Latest(t.Context(), "users-value"); err != nil || v.ID != 3 || v.Version != 1 {
		t.Errorf("latest of users-value: %+v, %v", v, err)
	}
}

func TestSnapshotOfTheWholeRegistryAnswersWhileItIsDown(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "registry.snapshot")
	synctest.Test(t, func(t *testing.T) {
		registry := &smallRegistry{}
		state, err := fake(t, registry.RoundTrip).WriteSnapshot(t.Context(), path, SnapshotScope{})
		if err != nil || state.Entries != 4 {
			t.Fatalf("%+v, %v", state, err)
		}
		registry.down.Store(true)
		reg := fake(t, registry.RoundTrip, WithSnapshot(path))
		began := time.Now()
		answersAll(t, reg)
		if took := time.Since(began); took > snapshotPatience {
			t.Errorf("took %s: the outage was met more than once", took)
		}
		if guid, _ := parseGUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8"); true {
			if s, err := reg.SchemaByGUID(t.Context(), guid); err != nil || s.FullName() != "shop.User" {
				t.Errorf("by guid: %v, %v", s, err)
			}
		}
		if !reg.Snapshot().Outage {
			t.Error("the state does not tell of the outage")
		}

		// A subject that was not there, for a schema that is elsewhere: the producer looks on, under its second subject.
		var missing *NotRegisteredError
		if _, err := reg.Lookup(t.Context(), "users-shop.User", parsed(t, userSchema)); !errors.As(err, &missing) {
			t.Errorf("a subject that was not there: %v", err)
		}
		// What may have been registered since then waits.
		for name, err := range map[string]error{
			"an id":                        second(reg.Schema(t.Context(), 9)),
			"a deleted subject":            second(reg.Lookup(t.Context(), "gone-value", parsed(t, `"string"`))),
			"a new version":                second(reg.Lookup(t.Context(), "users-value", parsed(t, moneySchema))),
			"the newest of a new subject":  second(reg.Latest(t.Context(), "new-value")),
			"a schema nobody has heard of": second(reg.Lookup(t.Context(), "new-value", parsed(t, `"int"`))),
		} {
			if !Unavailable(err) {
				t.Errorf("%s: %v, want one that waits", name, err)
			}
			if !strings.Contains(name, "newest") && !strings.Contains(err.Error(), "nor is it in the snapshot "+path) {
				t.Errorf("%s: %v does not tell of the snapshot", name, err)
			}
		}

		// And when it is back, it is asked first.
		registry.down.Store(false)
		time.Sleep(snapshotOutage + time.Second) //nolint:forbidigo // the bubble's clock
		before := registry.calls.Load()
		var unknown *UnknownSchemaError
		if _, err := reg.Schema(t.Context(), 9); !errors.As(err, &unknown) {
			t.Errorf("an id the registry does not have: %v", err)
		}
		answersAll(t, reg)
		if registry.calls.Load() < before+5 || reg.Snapshot().Outage {
			t.Errorf("the registry is back and was asked %d times", registry.calls.Load()-before)
		}
	})
}

func second[V any](_ V, err error) error { return err }

// A service that has run once starts again without its registry.
func TestSnapshotIsWrittenByWhoeverAsksAndReadAtTheNextStart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "registry.snapshot")
	synctest.Test(t, func(t *testing.T) {
		registry := &smallRegistry{}
		first := fake(t, registry.RoundTrip, WithSnapshot(path))
		if _, err := first.Schema(t.Context(), 3); err != nil {
			t.Fatal(err)
		}
		time.Sleep(snapshotDelay + time.Millisecond) //nolint:forbidigo // the bubble's clock
		synctest.Wait()
		if state := first.Snapshot(); state.Err != nil || state.Entries != 1 || state.Written.IsZero() {
			t.Errorf("after a second: %+v", state)
		}
		user, cart := parsed(t, userSchema), parsed(t, cartSchema, parsed(t, moneySchema))
		if _, err := first.Schema(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
		for subject, want := range map[string]int{"users-shop.User": 0, "users-value": 3} {
			if id, _ := first.Lookup(t.Context(), subject, user); id != want {
				t.Fatalf("lookup under %s: %d", subject, id)
			}
		}
		if id, err := first.Lookup(t.Context(), "carts-value", cart); err != nil || id != 2 {
			t.Fatal(id, err)
		}
		first.Close() // writes what a second has not passed for

		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
		if left, _ := filepath.Glob(path + ".*"); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}

		registry.down.Store(true)
		next := fake(t, registry.RoundTrip, WithSnapshot(path))
		for id, want := range map[int]string{2: "shop.Cart", 3: "shop.User"} {
			if s, err := next.Schema(t.Context(), id); err != nil || s.FullName() != want {
				t.Errorf("schema %d: %v, %v", id, s, err)
			}
		}
		var missing *NotRegisteredError
		if _, err := next.Lookup(t.Context(), "users-shop.User", user); !errors.As(err, &missing) {
			t.Errorf("a subject that had it not: %v", err)
		}
		if id, err := next.Lookup(t.Context(), "users-value", user); err != nil || id != 3 {
			t.Errorf("lookup: %d, %v", id, err)
		}
		if id, err := next.Lookup(t.Context(), "carts-value", cart); err != nil || id != 2 {
			t.Errorf("lookup with a reference: %d, %v", id, err)
		}
		next.Close()
	})
}

func TestSnapshotIsBounded(t *testing.T) {
	t.Parallel()
	s, err := openSnapshot(filepath.Join(t.TempDir(), "s"), "http://localhost", false)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 * maxSnapshotEntries {
		s.learn(snapshotEntry{ID: i + 1, Schema: `"int"`})
		s.miss(fmt.Sprint(i), [32]byte{})
	}
	s.learn(snapshotEntry{ID: 3 * maxSnapshotEntries, Subject: "a", Version: 2, Schema: `"int"`, References: nil})
	s.close()
	file, err := readSnapshot(s.path, "http://localhost")
	if err != nil || len(file.entries) > maxSnapshotEntries || len(file.misses) > maxSnapshotMisses {
		t.Fatalf("%d entries, %d misses, %v", len(file.entries), len(file.misses), err)
	}
	if newest := file.entries[len(file.entries)-1]; newest.Subject != "a" {
		t.Errorf("the newest entry is %+v", newest)
	}
}

// A full disk is told, and nothing else changes.
func TestSnapshotThatCannotBeWrittenIsTold(t *testing.T) {
	t.Parallel()
	reg := fake(t, (&smallRegistry{}).RoundTrip, WithSnapshot(filepath.Join(t.TempDir(), "no-such-folder", "s")))
	if _, err := reg.Schema(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	reg.snapshot.write()
	if state := reg.Snapshot(); state.Err == nil || !strings.Contains(state.Err.Error(), "no-such-folder") || !state.Written.IsZero() {
		t.Errorf("%+v", state)
	}
}

// What the registry says counts, also when it says no.
func TestClientThatAnswersIsNoOutageWhateverItSays(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	registry := &smallRegistry{}
	if _, err := fake(t, registry.RoundTrip).WriteSnapshot(t.Context(), path, SnapshotScope{}); err != nil {
		t.Fatal(err)
	}
	emptied := func(*http.Request) (*http.Response, error) {
		return reply(404, `{"error_code":40403,"message":"Schema not found"}`), nil
	}
	reg := fake(t, emptied, WithSnapshot(path))
	var missing *NotRegisteredError
	if _, err := reg.Lookup(t.Context(), "users-value", parsed(t, userSchema)); !errors.As(err, &missing) {
		t.Errorf("a schema that the registry has lost: %v", err)
	}
	var unknown *UnknownSchemaError
	if _, err := reg.Schema(t.Context(), 3); !errors.As(err, &unknown) {
		t.Errorf("an id that the registry has lost: %v", err)
	}
	if reg.Snapshot().Outage {
		t.Error("an answer is taken for an outage")
	}
}
