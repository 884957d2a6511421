package registry

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/riferrei/srclient"
)

func TestSnapshotThatCannotBeTrustedIsRefused(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	good := filepath.Join(folder, "good")
	reg := fake(t, (&smallRegistry{}).RoundTrip)
	if _, err := reg.WriteSnapshot(t.Context(), good, SnapshotScope{}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	// resigned is a file whose checksum is right, as somebody writes it who means harm.
	resigned := func(entries ...snapshotEntry) string {
		file := snapshotFile{header: snapshotHeader{Registry: "http://localhost"}, entries: entries}
		whole, err := file.append()
		if err != nil {
			t.Fatal(err)
		}
		return string(whole)
	}
	circle := func(subject, other string) snapshotEntry {
		e := snapshotEntry{ID: 1, Subject: subject, Version: 1, Schema: `"int"`}
		_ = json.Unmarshal([]byte(`[{"name":"x","subject":"`+other+`","version":1}]`), &e.References)
		return e
	}
	_, rest, _ := strings.Cut(string(text), "\n")
	tests := map[string]struct{ text, want string }{
		"empty":               {"", "its first line"},
		"HTML":                {"<html>", "its first line"},
		"another format":      {`{"format":"headrace registry snapshot 2"}` + "\n" + rest, "its first line"},
		"cut off":             {string(text[:len(text)/2]), "damaged"},
		"one letter changed":  {strings.Replace(string(text), "cents", "dents", 1), "damaged"},
		"not a schema":        {resigned(snapshotEntry{ID: 1, Schema: `{"type":"strin"}`}), "line 2: avro schema"},
		"no id":               {resigned(snapshotEntry{Schema: `"int"`}), "line 2: it has no id"},
		"negative id":         {resigned(snapshotEntry{ID: -1, Schema: `"int"`}), "line 2: it has no id"},
		"bad guid":            {resigned(snapshotEntry{GUID: "x", Schema: `"int"`}), "line 2: the guid"},
		"circle":              {resigned(circle("a", "b"), circle("b", "a")), "circle"},
		"reference to itself": {resigned(circle("a", "a")), "circle"},
		"long chain":          {resigned(chain(maxReferences + 2)...), "more than 100 schemas"},
		"dangling reference":  {resigned(circle("a", "b")), "not in the file"},
		"too many entries":    {resigned(make([]snapshotEntry, maxSnapshotEntries+1)...), "allowed"},
		"too large":           {strings.Repeat(" ", maxSnapshotBytes+1), "more than"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "registry.snapshot")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			refuses(t, "http://localhost", path, test.want)
		})
	}
	t.Run("another registry", func(t *testing.T) {
		t.Parallel()
		refuses(t, "http://elsewhere", good, "it is of the registry http://localhost, and this client's is http://elsewhere")
	})
	t.Run("a folder", func(t *testing.T) {
		t.Parallel()
		refuses(t, "http://localhost", t.TempDir(), "not a regular file")
	})
	t.Run("writable by others", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "registry.snapshot")
		if err := errors.Join(os.WriteFile(path, text, 0o600), os.Chmod(path, 0o666)); err != nil {
			t.Fatal(err)
		}
		refuses(t, "http://localhost", path, "others may write it (mode 0666)")
	})
}

func refuses(t *testing.T, url, path, want string) {
	t.Helper()
	_, err := New(url, WithSnapshot(path))
	var refused *SnapshotError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) ||
		!strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "headrace schema snapshot") {
		t.Errorf("got %v, want one with %q, the path and what to do", err, want)
	}
	lenient, err := New(url, WithLenientSnapshot(path))
	if err != nil {
		t.Fatalf("the lenient client: %v", err)
	}
	defer lenient.Close()
	if state := lenient.Snapshot(); !errors.As(state.Err, &refused) || state.Entries != 0 {
		t.Errorf("its state: %+v", state)
	}
}

// chain is entries that each refer to the one before.
func chain(n int) []snapshotEntry {
	entries := make([]snapshotEntry, n)
	for i := range entries {
		name := fmt.Sprintf("T%d", i)
		entries[i] = snapshotEntry{ID: i + 1, Subject: name, Version: 1, Schema: `{"type":"fixed","name":"` + name + `","size":1}`}
		if i > 0 {
			before := fmt.Sprintf("T%d", i-1)
			entries[i].References = []srclient.Reference{{Name: before, Subject: before, Version: 1}}
		}
	}
	return entries
}

// Whatever a file holds, reading it ends, and what it says can be asked for.
func FuzzSnapshotFile(f *testing.F) {
	file := snapshotFile{entries: chain(3), misses: []snapshotMiss{{"s", strings.Repeat("ab", 32)}}}
	text, err := file.append()
	if err != nil {
		f.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n")
	f.Add(rest, 3, 1)
	f.Add(`{"id":1,"schema":"\"int\""}`+"\n", 1, 0)
	f.Fuzz(func(t *testing.T, rest string, entries, misses int) {
		sum := sha256.Sum256([]byte(rest))
		header, err := json.Marshal(snapshotHeader{Format: snapshotFormat, Entries: entries, Misses: misses, SHA256: hex.EncodeToString(sum[:])})
		if err != nil {
			t.Fatal(err)
		}
		file, reason := parseSnapshot(append(append(header, '\n'), rest...))
		if reason != "" {
			return
		}
		k, reason := knowing(file)
		if reason != "" {
			return
		}
		for subject := range k.subjects {
			if v, ok := k.latest(subject); ok && v.Schema == nil {
				t.Errorf("subject %s has no schema", subject)
			}
		}
	})
}
