package devserver

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzRegistry sends the registry requests, one a line: method, path and body. Whatever they are, it still answers and registers, and a
// start from its journal has the same subjects.
func FuzzRegistry(f *testing.F) {
	const order = `{"schema":"{\"type\":\"record\",\"name\":\"O\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"}]}"}`
	for _, seed := range []string{
		"POST /subjects/a/versions " + order + "\nDELETE /subjects/a not JSON\nDELETE /subjects/a?permanent=true",
		"POST /subjects/a/versions {\"schema\":\"\\\"string\\\"\"}\nPOST /subjects/a/versions " + order + "\nDELETE /subjects/a/versions/1",
		"PUT /config {\"compatibility\":\"FULL\"}\nPUT /config/a {\"compatibility\":\"none\"}\nDELETE /config/a",
		"PUT /mode {\"mode\":\"READONLY\"}\nPUT /mode/a {\"mode\":\"IMPORT\"}\nDELETE /mode/a",
		"POST /compatibility/subjects/a/versions/latest " + order + "\nGET /schemas/ids/1\nGET /subjects/%2e%2e/versions\nPOST /subjects/../versions " + order,
		"POST /subjects/a/versions {\"schema\":\"\\\"R\\\"\",\"references\":[{\"name\":\"R\",\"subject\":\"a\",\"version\":1}]}",
		"DELETE /contexts/.x {}\nPOST //subjects/a/versions {}\nBREW /coffee", "POST /subjects/a%00%0a/versions " + order, "GET *", "PUT /config/%",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		path := filepath.Join(t.TempDir(), "registry.jsonl")
		r, err := openRegistry(path)
		if err != nil {
			t.Fatal(err)
		}
		handler := fromOwnMachine("127.0.0.1:8081", r)
		answer := func(method, target, body string) *httptest.ResponseRecorder {
			req, err := http.NewRequestWithContext(t.Context(), method, "http://127.0.0.1:8081", strings.NewReader(body))
			if err != nil {
				return nil // no such method
			}
			if req.URL, err = req.URL.Parse(target); err != nil || req.URL.Host != "127.0.0.1:8081" {
				return nil // the server does not hand such a request on
			}
			req.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, req)
			return w
		}
		for i, line := range strings.Split(string(script), "\n") {
			if i == 20 {
				break
			}
			method, rest, _ := strings.Cut(line, " ")
			target, body, _ := strings.Cut(rest, " ")
			if w := answer(method, target, body); w != nil && w.Code == http.StatusInternalServerError {
				t.Fatalf("%s: %d %s", line, w.Code, w.Body)
			}
		}
		answer("PUT", "/mode", `{"mode":"READWRITE"}`)
		answer("PUT", "/mode/probe", `{"mode":"READWRITE"}`)
		answer("PUT", "/config/probe", `{"compatibility":"NONE"}`)
		if w := answer("POST", "/subjects/probe/versions", `{"schema":"\"string\""}`); w.Code != http.StatusOK {
			t.Fatalf("nothing can be registered: %d %s", w.Code, w.Body)
		}
		subjects := answer("GET", "/subjects?deleted=true", "").Body.Bytes()
		if err := r.close(); err != nil {
			t.Fatal(err)
		}
		if r, err = openRegistry(path); err != nil {
			text, _ := os.ReadFile(path)
			t.Fatalf("it does not start again: %v\n%s", err, text)
		}
		handler = r
		if again := answer("GET", "/subjects?deleted=true", "").Body.Bytes(); !bytes.Equal(again, subjects) {
			t.Fatalf("after a start it has %s, had %s", again, subjects)
		}
		if err := r.close(); err != nil {
			t.Fatal(err)
		}
	})
}
