package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/riferrei/srclient"

	"github.com/headrace/headrace/schema"
)

// versioned is a registry whose subjects have one version each, and the schema of id 7 is the first subject's.
func versioned(t *testing.T, subjects map[string]answerSchema, first string, opts ...Option) *Client {
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		a := subjects[first]
		if subject, ok := strings.CutPrefix(r.URL.Path, "/subjects/"); ok {
			a = subjects[strings.TrimSuffix(subject, "/versions/1")]
		}
		a.Version = 1
		text, err := json.Marshal(a)
		if err != nil {
			t.Error(err)
		}
		answer(w, http.StatusOK, string(text))
	}, opts...)
}

func referringTo(text string, subjects ...string) answerSchema {
	a := answerSchema{Schema: text}
	for _, subject := range subjects {
		a.References = append(a.References, srclient.Reference{Name: subject, Subject: subject, Version: 1})
	}
	return a
}

// Twelve levels of two types, each of which uses both of the level below: there are 24 types and 4,096 ways to the lowest.
func TestReferencesThatShareTypesAreFew(t *testing.T) {
	t.Parallel()
	subjects := map[string]answerSchema{"top": referringTo(`["P0","Q0"]`, "P0", "Q0")}
	for level := range 12 {
		for _, side := range []string{"P", "Q"} {
			name := fmt.Sprint(side, level)
			p, q := fmt.Sprint("P", level+1), fmt.Sprint("Q", level+1)
			subjects[name] = referringTo(fmt.Sprintf(`{"type":"record","name":%q,"fields":[{"name":"a","type":%q},{"name":"b","type":%q}]}`, name, p, q), p, q)
			if level == 11 {
				subjects[name] = referringTo(fmt.Sprintf(`{"type":"fixed","name":%q,"size":1}`, name))
			}
		}
	}
	lowest := subjects["P11"]
	lowest.ID = 11
	subjects["P11"] = lowest
	path := filepath.Join(t.TempDir(), "snapshot")
	reg := versioned(t, subjects, "top", WithSnapshot(path))
	if _, err := reg.Schema(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	// A version that is learnt again, now with its id, is what it was.
	if _, err := reg.Version(t.Context(), "P11", 1); err != nil {
		t.Fatal(err)
	}
	reg.Close()
	again, err := openSnapshot(path, reg.URL(), false)
	if err != nil {
		t.Fatalf("what was answered leaves a snapshot that cannot be opened: %v", err)
	}
	if again.known.schemas[schema.RefID(7)] == nil {
		t.Error("the schema is not in the file")
	}
}

// A registry that says another thing of a version than before.
func TestSnapshotHasWhatWasSaidLastOfAVersion(t *testing.T) {
	t.Parallel()
	var lies atomic.Bool
	path := filepath.Join(t.TempDir(), "snapshot")
	reg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/schemas/ids/7":
			answer(w, http.StatusOK, `{"schema":"[\"R\"]","references":[{"name":"R","subject":"r","version":1}]}`)
		case lies.Load():
			answer(w, http.StatusOK, `{"version":1,"id":9,"schema":"\"int\""}`)
		default:
			answer(w, http.StatusOK, `{"version":1,"schema":"{\"type\":\"fixed\",\"name\":\"R\",\"size\":1}"}`)
		}
	}, WithSnapshot(path))
	if _, err := reg.Schema(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	lies.Store(true)
	if v, err := reg.Version(t.Context(), "r", 1); err != nil || v.Schema.FullName() != "int" {
		t.Fatal(v, err)
	}
	reg.Close()
	again, err := openSnapshot(path, reg.URL(), false)
	if err != nil {
		t.Fatal(err)
	}
	if s := again.known.schemas[schema.RefID(9)]; s == nil || s.FullName() != "int" {
		t.Errorf("id 9 is %v, want an int", s)
	}
	if s := again.known.schemas[schema.RefID(7)]; s != nil {
		t.Errorf("id 7 is %v, and what it refers to is another schema now", s)
	}
}

func TestReferencesAreBounded(t *testing.T) {
	t.Parallel()
	long := map[string]answerSchema{"top": referringTo(`"int"`, "L0", "L1", "L2", "L3", "L4", "L5", "L6", "L7", "L8")}
	for i := range 9 {
		name := fmt.Sprint("L", i)
		long[name] = referringTo(fmt.Sprintf(`{"type":"fixed","name":%q,"size":1,"doc":%q}`, name, strings.Repeat("x", 1_000_000)))
	}
	all := make([]string, 101)
	for i := range all {
		all[i] = "one"
	}
	many := map[string]answerSchema{"top": referringTo(`"int"`, all...), "one": referringTo(`{"type":"fixed","name":"one","size":1}`)}
	// Each refers to what was asked for before it, so that one answer at a time makes it longer.
	chain := map[string]answerSchema{}
	for i := range 103 {
		chain[fmt.Sprint("C", i)] = referringTo(fmt.Sprintf(`{"type":"array","items":{"type":"fixed","name":"C%d","size":1}}`, i), fmt.Sprint("C", i-1))
	}
	chain["C0"] = referringTo(`{"type":"fixed","name":"C0","size":1}`)
	for name, c := range map[string]struct {
		subjects map[string]answerSchema
		want     string
	}{
		"long":  {long, "more than 8388608 bytes together"},
		"many":  {many, "more than 100 schemas"},
		"chain": {chain, "more than 100 schemas"},
	} {
		reg := versioned(t, c.subjects, "top")
		err := error(nil)
		if name == "chain" {
			for i := 0; i < 103 && err == nil; i += 20 {
				_, err = reg.parse(t.Context(), chain[fmt.Sprint("C", i)])
			}
			if err == nil {
				_, err = reg.parse(t.Context(), chain["C102"])
			}
		} else {
			_, err = reg.Schema(t.Context(), 7)
		}
		var bad *schema.InvalidSchemaError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSchemasThatAreKeptAreBounded(t *testing.T) {
	t.Parallel()
	reg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		text, err := json.Marshal(answerSchema{Schema: `{"type":"enum","name":"E","symbols":["A"],"doc":"` + strings.Repeat(r.URL.Path[len(r.URL.Path)-1:], 1_000_000) + `"}`})
		if err != nil {
			t.Error(err)
		}
		answer(w, http.StatusOK, string(text))
	})
	for id := range 100 { // of a megabyte each
		if _, err := reg.Schema(t.Context(), id+1); err != nil {
			t.Fatal(err)
		}
	}
	text := 0
	for _, ref := range reg.caches.schemas.lru.Keys() {
		if s, ok := reg.caches.schemas.Get(ref); ok {
			text += textOf(s)
		}
	}
	if text > cachedText {
		t.Errorf("%d bytes of schemas are kept", text)
	}
}

// Small schemas that refer to a large one keep its canonical form each.
func enumOf(name, prefix string, n int) string {
	symbols := make([]string, n)
	for i := range symbols {
		symbols[i] = fmt.Sprintf(`"%s%d"`, prefix, i)
	}
	return fmt.Sprintf(`{"type":"enum","name":%q,"symbols":[%s]}`, name, strings.Join(symbols, ","))
}

func TestSchemasThatReferToALargeOneAreBounded(t *testing.T) {
	t.Parallel()
	reg := versioned(t, map[string]answerSchema{"top": referringTo(`{"type":"array","items":"E"}`, "E"), "E": referringTo(enumOf("E", "A", 60_000))}, "top")
	for id := range 100 {
		if _, err := reg.Schema(t.Context(), id+1); err != nil {
			t.Fatal(err)
		}
	}
	if kept := reg.caches.schemas.lru.Len(); kept > 70 {
		t.Errorf("%d schemas are kept", kept)
	}
}

func TestSnapshotTakesNoMoreThanItMayHold(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	doc := strings.Repeat("x", 1_000_000)
	reg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/versions") {
			answer(w, http.StatusOK, "[1]")
			return
		}
		asked.Add(1)
		answer(w, http.StatusOK, `{"version":1,"id":1,"schema":"{\"type\":\"int\",\"doc\":\"`+doc+`\"}"}`)
	})
	subjects := make([]string, 200)
	for i := range subjects {
		subjects[i] = fmt.Sprint("s", i)
	}
	_, err := reg.WriteSnapshot(t.Context(), filepath.Join(t.TempDir(), "snapshot"), SnapshotScope{Subjects: subjects})
	if err == nil || !strings.Contains(err.Error(), "name fewer subjects") || asked.Load() > 40 {
		t.Errorf("after %d answers of a megabyte: %v", asked.Load(), err)
	}
}
