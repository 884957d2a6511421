package devserver

import (
	"bytes"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

func TestDiskThatFailsStopsTheRegistryBeforeItForgets(t *testing.T) {
	t.Parallel()
	r, err := openRegistry(filepath.Join(t.TempDir(), "registry.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	send := func(method, path, body string) reply {
		req, err := http.NewRequestWithContext(t.Context(), method, "http://registry"+path, bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		rec := &recorder{header: http.Header{}, status: http.StatusOK}
		r.ServeHTTP(rec, req)
		return rec.reply()
	}
	if rep := send(http.MethodPost, "/subjects/a/versions", `{"schema":"\"int\""}`); rep.status != http.StatusOK {
		t.Fatalf("%d %s", rep.status, rep.body)
	}
	if err := r.journal.close(); err != nil { // every write fails from now on
		t.Fatal(err)
	}
	rep := send(http.MethodPost, "/subjects/b/versions", `{"schema":"\"long\""}`)
	if rep.status != http.StatusInternalServerError || !strings.Contains(string(rep.body), "cannot be written") {
		t.Errorf("a change that is not on disk was answered %d %s", rep.status, rep.body)
	}
	// Its id would be given to another schema after a restart.
	if rep := send(http.MethodGet, "/schemas/ids/2", ""); rep.status != http.StatusInternalServerError {
		t.Errorf("a schema that is not on disk is handed out: %d %s", rep.status, rep.body)
	}
}
