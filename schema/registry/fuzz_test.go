package registry

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/schema"
)

// hostile is a registry that answers each request with the next of the bytes it was given, whatever was asked.
type hostile struct {
	answers [][]byte
	dials   int
}

const (
	hostileEnd      = "\xff" // between two answers
	hostileHold     = "\x03" // at the end of an answer: the connection stays open and silent
	hostileHeader   = "\x01" // in an answer: the Authorization header of the request
	hostilePassword = "\x02" // in an answer: the password
)

// dial connects to the registry. Once it has nothing more to say, nobody answers.
func (h *hostile) dial(context.Context, string, string) (net.Conn, error) {
	h.dials++
	if len(h.answers) == 0 {
		return nil, errors.New("nobody listens")
	}
	answer := string(h.answers[0])
	h.answers = h.answers[1:]
	client, server := net.Pipe()
	go func() {
		defer func() { _ = server.Close() }()
		request, err := http.ReadRequest(bufio.NewReader(server))
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, request.Body)
		text, hold := strings.CutSuffix(answer, hostileHold)
		text = strings.NewReplacer(hostileHeader, request.Header.Get("Authorization"), hostilePassword, canary).Replace(text)
		_, _ = io.WriteString(server, text)
		if hold {
			_, _ = server.Read(make([]byte, 1))
		}
	}()
	return client, nil
}

// hostileCalls are the questions that this package asks a registry.
var hostileCalls = []func(context.Context, *Client, *schema.Schema) error{
	func(ctx context.Context, r *Client, _ *schema.Schema) error {
		s, err := r.Schema(ctx, 7)
		if err == nil {
			if again, err := r.Schema(ctx, 7); err != nil || again != s {
				return errors.New("what was answered is not kept")
			}
		}
		return err
	},
	func(ctx context.Context, r *Client, _ *schema.Schema) error {
		_, err := r.SchemaByGUID(ctx, schema.GUID{1})
		return err
	},
	func(ctx context.Context, r *Client, _ *schema.Schema) error { _, err := r.Latest(ctx, "s"); return err },
	func(ctx context.Context, r *Client, _ *schema.Schema) error {
		_, err := r.Version(ctx, "s", 2)
		return err
	},
	func(ctx context.Context, r *Client, _ *schema.Schema) error {
		_, err := r.Versions(ctx, "s")
		return err
	},
	func(ctx context.Context, r *Client, _ *schema.Schema) error { _, err := r.Subjects(ctx); return err },
	func(ctx context.Context, r *Client, s *schema.Schema) error { return idOf(r.Lookup(ctx, "s", s)) },
	func(ctx context.Context, r *Client, s *schema.Schema) error { return idOf(r.Register(ctx, "s", s)) },
	func(ctx context.Context, r *Client, s *schema.Schema) error { return r.Compatible(ctx, "s", s) },
	func(ctx context.Context, r *Client, _ *schema.Schema) error {
		_, err := r.Compatibility(ctx, "s")
		return err
	},
	func(ctx context.Context, r *Client, _ *schema.Schema) error {
		return r.SetCompatibility(ctx, "s", schema.Full)
	},
	func(ctx context.Context, r *Client, _ *schema.Schema) error {
		return r.SetCompatibility(ctx, "", schema.Full)
	},
	func(ctx context.Context, r *Client, _ *schema.Schema) error {
		_, err := r.Delete(ctx, Deletion{Subject: "s"})
		return err
	},
	func(ctx context.Context, r *Client, _ *schema.Schema) error {
		_, err := r.Delete(ctx, Deletion{Subject: "s", Version: 2})
		return err
	},
	func(ctx context.Context, r *Client, s *schema.Schema) error {
		plan, err := r.Plan(ctx, Registration{Subject: "s", Schema: s, Level: schema.FullTransitive})
		if err == nil {
			_, err = r.Apply(ctx, plan)
		}
		return err
	},
	func(ctx context.Context, r *Client, _ *schema.Schema) error {
		path, ok := ctx.Value(hostilePath{}).(string)
		if !ok {
			return errors.New("no path")
		}
		_, err := r.WriteSnapshot(ctx, path+".taken", SnapshotScope{})
		if err == nil {
			_, err = openSnapshot(path+".taken", r.URL(), false)
		}
		return err
	},
}

type hostilePath struct{}

func idOf(id int, err error) error {
	if err == nil && (id <= 0 || id > 1<<31-1) {
		return errors.New("an id that no wire format has")
	}
	return err
}

func response(status, body string, headers ...string) string {
	text := "HTTP/1.1 " + status + "\r\nContent-Type: " + contentType + "\r\n"
	for _, h := range headers {
		text += h + "\r\n"
	}
	return text + "\r\n" + body
}

// FuzzAnswers gives any bytes as answers to the questions that a client asks a registry. No answer panics, holds the client up,
// takes more memory than its length allows for, brings a credential into an error, or leaves a snapshot that cannot be opened.
func FuzzAnswers(f *testing.F) {
	seed := func(calls string, answers ...string) {
		f.Add([]byte(calls), []byte(strings.Join(answers, hostileEnd)))
	}
	ok := func(body string) string { return response("200 OK", body) }
	const order = `{"subject":"s","version":1,"id":7,"schema":"{\"type\":\"record\",\"name\":\"O\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"}]}"}`
	const referring = `{"subject":"s","version":2,"id":7,"schemaType":"AVRO","schema":"[\"n.R\"]","references":[{"name":"n.R","subject":":.c:r","version":1}]}`
	const referred = `{"subject":":.c:r","version":1,"id":3,"guid":"01000000-0000-0000-0000-000000000000","schema":"{\"type\":\"fixed\",\"name\":\"n.R\",\"size\":2}"}`
	for call := range hostileCalls {
		at := string(rune(call))
		seed(at, ok(order), ok(`[1]`), ok(referring), ok(referred))
		seed(at, response("404 Not Found", `{"error_code":40403,"message":"\u0001 and \u0002"}`), ok(`{"compatibilityLevel":"FULL"}`), ok(`{"is_compatible":false,"messages":["no"]}`))
		seed(at, response("500 Broken", "<html>"+hostileHeader+hostilePassword, "Retry-After: 1"), ok("null"), ok("[]"), ok("{}"))
		seed(at, response("307 Temporary Redirect", "", "Location: http://"+hostilePassword+"/x"))
		seed(at, response("301 Moved", "", "Location: /elsewhere/"+hostileHeader), ok("7"))
		seed(at, response("401 Unauthorized", hostileHeader, "WWW-Authenticate: Basic"), hostilePassword+hostileHold)
	}
	seed("\x05\x04\x0f", ok(`["s","t"]`), ok(`[1,2]`), ok(`["s"]`), ok(`["s",":.c:r"]`), ok(`[1,-2]`), ok(`[1]`), ok(order), ok(referring), ok(referred))
	seed("\x0e", ok(`[1,2]`), ok(`{"compatibilityLevel":"FULL_TRANSITIVE"}`), response("404 Not Found", `{"error_code":40403}`),
		response("404 Not Found", `{"error_code":40403}`), ok(order), ok(referring), ok(referred), ok(`{"is_compatible":true}`), ok(`{"id":9}`))
	seed("\x00\x03", ok(`{"schema":"{\"type\":\"enum\",\"name\":\"`+hostilePassword+`\",\"symbols\":[]}","id":1e99}`), ok(`{"schemaType":"`+hostilePassword+`","schema":" "}`))
	// What is said of a version is another thing the next time, or of no version.
	seed("\x03", ok(`{"subject":"s","version":2,"id":7,"schema":"[\"n.R\"]","references":[{"name":"n.R","version":1}]}`), ok(referred))
	seed("\x03", ok(`{"version":-2,"id":-7,"schema":"\"int\""}`))
	seed("\x03\x03", ok(`{"version":5,"id":7,"schema":"[\"n.R\"]","references":[{"name":"n.R","subject":"s","version":1}]}`), ok(referred),
		ok(`{"version":1,"id":9,"schema":"\"int\""}`))
	// net/http quotes what it cannot read, and so does the error when nothing comes after that.
	for _, broken := range []string{
		"HTTP/1.1 200 OK\r\n" + hostileHeader + "\r\n\r\n", hostileHeader + hostilePassword + "\r\n\r\n", "HTTP/1.1 " + hostilePassword + " OK\r\n\r\n",
		response("200 OK", "", "Content-Length: "+hostilePassword), response("200 OK", "", "Transfer-Encoding: "+hostilePassword),
		response("302 Found", "", "Location: ://"+hostilePassword),
	} {
		seed("\x00", broken, hostileHold)
	}
	seed("\x06\x06", ok(`{"id":-1,"version":-9}`), ok(`{"id":2147483648}`), response("200 OK", "3\r\nabc\r\n", "Transfer-Encoding: chunked"))
	seed("\x09\x09", ok(`{"compatibilityLevel":"`+hostilePassword+`"}`), response("200 OK", "xx", "Content-Length: 9999999999"), response("204 No Content", ""))

	f.Fuzz(func(t *testing.T, calls, script []byte) {
		if len(calls) == 0 || len(calls) > 4 || len(script) > 1<<20 {
			return
		}
		path := filepath.Join(t.TempDir(), "snapshot")
		h := &hostile{answers: bytes.Split(script, []byte(hostileEnd))}
		began := time.Now()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		synctest.Test(t, func(t *testing.T) { h.attack(t, path, calls) })
		runtime.ReadMemStats(&after)
		if took, most := after.TotalAlloc-before.TotalAlloc, uint64(4<<20+h.dials*128<<10+2048*len(script)); took > most {
			t.Errorf("%d bytes in %d answers took %d bytes of memory", len(script), h.dials, took)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%d bytes in %d answers took %v", len(script), h.dials, took)
		}
	})
}

func (h *hostile) attack(t *testing.T, path string, calls []byte) {
	open := func() (*Client, error) {
		return New("http://localhost:8081", WithTimeout(5*time.Second), WithBasicAuth("user", headrace.NewSecret(canary)), WithSnapshot(path))
	}
	r, err := open()
	if err != nil {
		t.Fatal(err)
	}
	r.client.Proxy, r.client.DialContext = nil, h.dial
	own := parsed(t, `{"type":"record","name":"O","fields":[{"name":"a","type":"int"}]}`)
	ctx := context.WithValue(t.Context(), hostilePath{}, path)
	for _, call := range calls {
		began := time.Now()
		err := hostileCalls[int(call)%len(hostileCalls)](ctx, r, own)
		// The calls of a plan and of a snapshot have a time each.
		if took := time.Since(began); took > time.Minute {
			t.Errorf("call %d returns after %v", call, took)
		}
		if err != nil {
			checkPrintable(t, err.Error())
			_ = Unavailable(err)
		}
	}
	r.Close()
	if r, err = open(); err != nil {
		t.Fatalf("what was answered leaves a snapshot that cannot be opened: %v", err)
	}
	r.Close()
}

// checkPrintable fails for an error that must not be logged as it is.
func checkPrintable(t *testing.T, text string) {
	if strings.Contains(text, canary) || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte("user:"+canary))) {
		t.Errorf("a credential shows in %q", text)
	}
	if strings.Contains(text, "panicked") || strings.Contains(text, "that no wire format has") || strings.Contains(text, "is not kept") {
		t.Error(text)
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) }); i >= 0 || len(text) > 1<<16 {
		t.Errorf("%d bytes that are not to be printed: %.300q", len(text), text)
	}
}
