package devserver_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace/internal/devserver"
)

// sendRaw sends a request with exactly these headers and returns the answer's status and body.
func sendRaw(t *testing.T, server *devserver.Server, method, path, host, body string, headers ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, server.RegistryURL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	if host != "" {
		req.Host = host
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // it has been read
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestWebPagesCannotUseTheRegistry(t *testing.T) {
	t.Parallel()
	server := start(t, devserver.Config{})
	mustRegister(t, server, "orders-value", orderV1)
	address := strings.TrimPrefix(server.RegistryURL, "http://")
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	const api, body = "application/vnd.schemaregistry.v1+json", `{"schema":"\"string\""}`
	for name, c := range map[string]struct {
		method, path, host, body string
		headers                  []string
		status                   int
	}{
		"a program reads":             {"GET", "/subjects", "", "", nil, 200},
		"by name":                     {"GET", "/subjects", "localhost:" + port, "", nil, 200},
		"by IPv6":                     {"GET", "/subjects", "[::1]:" + port, "", nil, 200},
		"a typed address":             {"GET", "/subjects", "", "", []string{"Sec-Fetch-Site", "none"}, 200},
		"a program looks up":          {"POST", "/subjects/x", "", body, []string{"Content-Type", api}, 404},
		"plain JSON":                  {"POST", "/subjects/x", "", body, []string{"Content-Type", "application/json; charset=utf-8"}, 404},
		"a page reads":                {"GET", "/subjects", "", "", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		"a page of another port":      {"GET", "/subjects", "", "", []string{"Sec-Fetch-Site", "same-site"}, 403},
		"a page registers":            {"POST", "/subjects/x/versions", "", body, []string{"Content-Type", api, "Origin", "https://evil.example"}, 403},
		"a page without origin":       {"POST", "/subjects/x/versions", "", body, []string{"Content-Type", api, "Origin", "null"}, 403},
		"a form":                      {"POST", "/subjects/x/versions", "", body, []string{"Content-Type", "text/plain"}, 415},
		"another form":                {"POST", "/subjects/x/versions", "", body, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
		"a blob without a type":       {"POST", "/subjects/x/versions", "", body, nil, 415},
		"rebinding reads":             {"GET", "/subjects", "evil.example:" + port, "", nil, 403},
		"rebinding deletes":           {"DELETE", "/subjects/orders-value", "evil.example:" + port, "", nil, 403},
		"rebinding with its origin":   {"DELETE", "/subjects/orders-value", "evil.example", "", []string{"Origin", "http://evil.example"}, 403},
		"a name that looks like ours": {"GET", "/subjects", "localhost.evil.example", "", nil, 403},
		"a page asks for leave":       {"OPTIONS", "/subjects/orders-value", "", "", []string{"Origin", "https://evil.example"}, 403},
		"a method that is none":       {"OPTIONS", "/subjects/orders-value", "", "", nil, 405},
	} {
		if status, text := sendRaw(t, server, c.method, c.path, c.host, c.body, c.headers...); status != c.status {
			t.Errorf("%s: %d, want %d: %s", name, status, c.status, text)
		}
	}
	if a := ask(t, server, http.MethodGet, "/subjects", nil); strings.TrimSpace(a.body) != `["orders-value"]` {
		t.Errorf("the registry has %s", a.body)
	}
}

func TestNoBodyMakesTheRegistryUnusable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server, err := devserver.Start(devserver.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	mustRegister(t, server, "orders-value", orderV1)
	mustRegister(t, server, "gone-value", orderV1)
	for _, body := range []string{"not JSON", "\xff\xfe", `{"a":`, "{}", "null"} {
		for _, request := range []string{
			"DELETE /subjects/gone-value", "DELETE /subjects/gone-value?permanent=true", "DELETE /config/gone-value", "DELETE /mode", "PUT /mode",
			"PUT /config", "POST /subjects/orders-value", "POST /subjects/x/versions", "POST /compatibility/subjects/orders-value/versions/latest", "POST /nowhere",
		} {
			method, path, _ := strings.Cut(request, " ")
			status, text := sendRaw(t, server, method, path, "", body, "Content-Type", "application/json")
			if status >= 500 {
				t.Errorf("%s with %q: %d %s", request, body, status, text)
			}
		}
	}
	id := mustRegister(t, server, "orders-value", orderV1)
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	server = start(t, devserver.Config{DataDir: dir})
	if again := mustRegister(t, server, "orders-value", orderV1); again != id {
		t.Errorf("after a restart the id is %d, was %d", again, id)
	}
	if a := ask(t, server, http.MethodGet, "/subjects", nil); strings.TrimSpace(a.body) != `["orders-value"]` {
		t.Errorf("after a restart it has %s", a.body)
	}
}

// What a browser sends to the broker's port begins with a length of 1.3 GB.
func TestBrokerRefusesRequestsThatClaimToBeHuge(t *testing.T) {
	t.Parallel()
	server := start(t, devserver.Config{})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, text := range []string{"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n", string(binary.BigEndian.AppendUint32(nil, 1<<31)), "\xff\xff\xff\xffx"} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.KafkaAddr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%q: the broker keeps the connection: %d, %v", text[:4], n, err)
		}
		_ = conn.Close()
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 256<<20 {
		t.Errorf("%d MiB were allocated", grown>>20)
	}
}
