package schema

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/headrace/headrace"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const stringSchema = `{"schema":"\"string\"","id":7,"version":1,"subject":"s"}`

// serve starts a registry that answers by handle, and its client.
func serve(t *testing.T, handle http.HandlerFunc, opts ...RegistryOption) *Registry {
	t.Helper()
	server := httptest.NewServer(handle)
	reg, err := NewRegistry(server.URL, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		reg.Close()
		server.CloseClientConnections()
		server.Close()
	})
	return reg
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func TestRegistryAsksOnceForManyCallersAndKeepsTheAnswer(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	release := make(chan struct{})
	reg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		<-release
		if r.URL.Path != "/schemas/ids/7" {
			t.Errorf("path %s", r.URL.Path)
		}
		answer(w, 200, stringSchema)
	})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			s, err := reg.Schema(t.Context(), 7)
			if err != nil || s.FullName() != "string" {
				t.Errorf("Schema: %v, %v", s, err)
			}
		})
	}
	close(release)
	wg.Wait()
	if _, err := reg.Schema(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	if got := calls.Load(); got != 1 {
		t.Errorf("the registry was asked %d times", got)
	}
}

func TestRegistryCallerWhoLeavesDoesNotFailTheOthers(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	reg := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		once.Do(func() { close(entered) })
		<-release
		answer(w, 200, stringSchema)
	})
	impatient, cancel := context.WithCancel(t.Context())
	left, stayed := make(chan error, 1), make(chan error, 1)
	go func() { _, err := reg.Schema(impatient, 7); left <- err }()
	<-entered
	go func() { _, err := reg.Schema(t.Context(), 7); stayed <- err }()
	for { // until the second has joined
		reg.schemas.mu.Lock()
		waiting := reg.schemas.flying[RefID(7)].waiting
		reg.schemas.mu.Unlock()
		if waiting == 2 {
			break
		}
	}
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) || Unavailable(err) {
		t.Errorf("who left got %v", err)
	}
	close(release)
	if err := <-stayed; err != nil {
		t.Errorf("who stayed got %v", err)
	}
}

func TestRegistryUnknownIDsAreRemembered(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	reg := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		answer(w, 404, `{"error_code":40403,"message":"Schema 9 not found"}`)
	})
	for range 100 {
		_, err := reg.Schema(t.Context(), 9)
		var unknown *UnknownSchemaError
		if !errors.As(err, &unknown) || unknown.Ref != RefID(9) || Unavailable(err) {
			t.Fatalf("got %v", err)
		}
	}
	if got := calls.Load(); got != 1 {
		t.Errorf("the registry was asked %d times", got)
	}
	reg.unknown = 0
	reg.caches.unknown.Purge()
	_, _ = reg.Schema(t.Context(), 9)
	_, _ = reg.Schema(t.Context(), 9)
	if got := calls.Load(); got != 3 {
		t.Errorf("once forgotten, the registry was asked %d times in all", got)
	}
}

func TestRegistryRepeatsOnlyWhatMayPass(t *testing.T) {
	t.Parallel()
	for status, repeats := range map[int]bool{
		500: true, 502: true, 503: true, 429: true,
		400: false, 401: false, 403: false, 404: false, 405: false, 409: false, 422: false, 304: false,
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			reg := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if calls.Add(1) == 1 {
					if status == 304 {
						w.WriteHeader(status)
						return
					}
					answer(w, status, `{"error_code":1,"message":"no"}`)
					return
				}
				answer(w, 200, stringSchema)
			})
			_, err := reg.Schema(t.Context(), 7)
			want := int32(1)
			if repeats {
				want = 2
			}
			if (err == nil) != repeats || calls.Load() != want {
				t.Errorf("%d calls, %v", calls.Load(), err)
			}
		})
	}
}

func TestRegistryDownIsAnOutage(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	reg, err := NewRegistry(server.URL, WithTimeout(300*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Close()
	server.Close()
	began := time.Now()
	_, err = reg.Schema(t.Context(), 7)
	var down *UnavailableError
	if !errors.As(err, &down) || !Unavailable(err) || down.Attempts < 2 {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestRegistryEndsByTheDeadline(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	for name, handle := range map[string]http.HandlerFunc{
		"stall": func(http.ResponseWriter, *http.Request) { <-stop },
		"slow drip": func(w http.ResponseWriter, r *http.Request) {
			for {
				select {
				case <-stop:
					return
				case <-r.Context().Done():
					return
				case <-time.After(time.Millisecond):
					_, _ = io.WriteString(w, " ")
					_ = http.NewResponseController(w).Flush()
				}
			}
		},
		"always 503": func(w http.ResponseWriter, _ *http.Request) { answer(w, 503, `{}`) },
		"come back in an hour": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			answer(w, 429, `{}`)
		},
	} {
		server := httptest.NewServer(handle)
		reg, err := NewRegistry(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		began := time.Now()
		_, err = reg.Schema(ctx, 7)
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s: took %s", name, took)
		}
		cancel()
		reg.Close()
		server.CloseClientConnections()
		go server.Close()
	}
}

func TestRegistryStalledAttemptIsRepeated(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	reg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 1 {
			<-r.Context().Done()
			return
		}
		answer(w, 200, stringSchema)
	})
	reg.attempt = 50 * time.Millisecond
	if _, err := reg.Schema(t.Context(), 7); err != nil {
		t.Error(err)
	}
}

func TestRegistryAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	for name, handle := range map[string]http.HandlerFunc{
		"huge body": func(w http.ResponseWriter, _ *http.Request) {
			chunk := strings.Repeat(" ", 64<<10)
			for range 1000 {
				if _, err := io.WriteString(w, chunk); err != nil {
					return
				}
			}
		},
		"huge padded body": func(w http.ResponseWriter, _ *http.Request) {
			answer(w, 200, stringSchema+strings.Repeat(" ", maxAnswer))
		},
		"html":         func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>log in</html>") },
		"html 404":     func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>404</html>", 404) },
		"null":         func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, "null") },
		"list":         func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, "[1]") },
		"other object": func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, `{"hello":"world"}`) },
		"wrong types":  func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, `{"schema":7}`) },
		"denied":       func(w http.ResponseWriter, _ *http.Request) { answer(w, 401, `{"error_code":401,"message":"no"}`) },
		"control characters": func(w http.ResponseWriter, _ *http.Request) {
			answer(w, 400, `{"error_code":42,"message":"a\u001b[31m\nINFO forged`+strings.Repeat("x", 5000)+`"}`)
		},
	} {
		reg := serve(t, handle)
		_, err := reg.Schema(t.Context(), 7)
		var bad *RegistryError
		if !errors.As(err, &bad) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !Unavailable(err) {
			t.Errorf("%s blames the event: %v", name, err)
		}
		if text := err.Error(); len(text) > 1000 || strings.ContainsAny(text, "\x1b\n") {
			t.Errorf("%s: message not fit to print: %q", name, text)
		}
		_, err = reg.Lookup(t.Context(), "s", mustParse(t, `"string"`))
		if err == nil || !Unavailable(err) {
			t.Errorf("%s: Lookup: %v", name, err)
		}
	}
}

// canary is a password that must show nowhere.
const canary = "canary-5f1d"

func TestRegistryKeepsCredentialsToItself(t *testing.T) {
	t.Parallel()
	var leaked atomic.Value
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leaked.Store(fmt.Sprint("reached with ", r.Header))
		answer(w, 200, stringSchema)
	}))
	defer thief.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		var got string
		reg := serve(t, func(w http.ResponseWriter, r *http.Request) {
			got = r.Header.Get("Authorization")
			http.Redirect(w, r, thief.URL+"/x", status)
		}, WithBasicAuth("me", canary))
		errs := []error{}
		_, err := reg.Schema(t.Context(), 7)
		errs = append(errs, err)
		_, err = reg.Register(t.Context(), "s", mustParse(t, `"string"`))
		errs = append(errs, err)
		for _, err := range errs {
			var bad *RegistryError
			if !errors.As(err, &bad) || strings.Contains(fmt.Sprintf("%+v %#v", err, bad), canary) {
				t.Errorf("%d: %v", status, err)
			}
		}
		if !strings.HasPrefix(got, "Basic ") {
			t.Errorf("the registry itself got %q", got)
		}
		if strings.Contains(fmt.Sprintf("%v %+v", reg.URL(), err), canary) {
			t.Error("the password shows")
		}
	}
	if v := leaked.Load(); v != nil {
		t.Errorf("another host was %v", v)
	}
}

func TestRegistryFollowsItsOwnHost(t *testing.T) {
	t.Parallel()
	reg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/moved") {
			http.Redirect(w, r, "/moved"+r.URL.Path, http.StatusPermanentRedirect)
			return
		}
		answer(w, 200, stringSchema)
	})
	if _, err := reg.Schema(t.Context(), 7); err != nil {
		t.Error(err)
	}
}

func TestNewRegistryRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		url  string
		opts []RegistryOption
		want string
	}{
		"plain http":         {"http://registry.example.com", []RegistryOption{WithBasicAuth("u", canary)}, "unencrypted"},
		"plain http bearer":  {"http://registry.example.com", []RegistryOption{WithBearer(canary)}, "unencrypted"},
		"password in url":    {"http://u:" + canary + "@registry.example.com", nil, "unencrypted"},
		"both":               {"https://r.example.com", []RegistryOption{WithBearer(canary), WithBasicAuth("u", canary)}, "choose one"},
		"no scheme":          {"registry:8081", nil, "scheme"},
		"other scheme":       {"ftp://registry", nil, "scheme"},
		"nothing":            {"", nil, "scheme"},
		"not a url":          {"http://u:" + canary + "@[::1", nil, "parsed"},
		"query":              {"http://localhost?x=" + canary, nil, "query"},
		"tls over http":      {"http://localhost", []RegistryOption{WithTLS(headrace.TLS{})}, "https"},
		"no such ca":         {"https://r", []RegistryOption{WithTLS(headrace.TLS{CAFile: "/does/not/exist"})}, "authorities"},
		"half a certificate": {"https://r", []RegistryOption{WithTLS(headrace.TLS{CertFile: "x"})}, "missing"},
		"no time":            {"http://localhost", []RegistryOption{WithTimeout(0)}, "timeout"},
	} {
		_, err := NewRegistry(c.url, c.opts...)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "u:"+canary) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, c := range []struct {
		url  string
		opts []RegistryOption
	}{
		{"http://127.0.0.1:1", []RegistryOption{WithBasicAuth("u", canary)}},
		{"http://[::1]:1/", []RegistryOption{WithBearer(canary)}},
		{"http://LOCALHOST", []RegistryOption{WithBearer(canary)}},
		{"http://r.example.com", []RegistryOption{WithBearer(canary), WithAllowPlaintextCredentials()}},
		{"https://r.example.com/apis/ccompat/v7/", []RegistryOption{WithBasicAuth("u", canary)}},
	} {
		if reg, err := NewRegistry(c.url, c.opts...); err != nil || strings.Contains(reg.URL(), canary) {
			t.Errorf("%s: %v", c.url, err)
		}
	}
}

func TestRegistryBearerAndPath(t *testing.T) {
	t.Parallel()
	var path, auth string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, auth = r.URL.EscapedPath(), r.Header.Get("Authorization")
		answer(w, 200, stringSchema)
	}))
	defer server.Close()
	reg, err := NewRegistry(server.URL+"/apis/ccompat/v7/", WithBearer("tok"))
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Close()
	v, err := reg.Version(t.Context(), "a/b value", 3)
	if err != nil {
		t.Fatal(err)
	}
	if path != "/apis/ccompat/v7/subjects/a%2Fb%20value/versions/3" || auth != "Bearer tok" {
		t.Errorf("path %s, authorization %s", path, auth)
	}
	if v.ID != 7 || v.Subject != "a/b value" {
		t.Errorf("%+v", v)
	}
}

func TestRegistryLookup(t *testing.T) {
	t.Parallel()
	s := mustParse(t, `{"type":"record","name":"shop.Order","fields":[]}`)
	for _, code := range []int{codeSubjectNotFound, codeSchemaNotFound} {
		reg := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			answer(w, 404, fmt.Sprintf(`{"error_code":%d,"message":"not found"}`, code))
		})
		_, err := reg.Lookup(t.Context(), "orders-value", s)
		var missing *NotRegisteredError
		if !errors.As(err, &missing) || !strings.Contains(err.Error(), "headrace schema register FILE --subject orders-value") {
			t.Errorf("%d: %v", code, err)
		}
	}
	var calls atomic.Int32
	reg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		if r.URL.Query().Get("normalize") != "true" {
			answer(w, 404, `{"error_code":40403,"message":"not found"}`)
			return
		}
		answer(w, 200, `{"id":11,"version":2}`)
	})
	for range 3 {
		if id, err := reg.Lookup(t.Context(), "orders-value", s); id != 11 || err != nil {
			t.Errorf("%d, %v", id, err)
		}
	}
	if calls.Load() != 2 {
		t.Errorf("%d calls", calls.Load())
	}
}

func TestRegistryRegister(t *testing.T) {
	t.Parallel()
	var body map[string]any
	reg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewDecoder(r.Body).Decode(&body)
		switch {
		case strings.HasPrefix(r.URL.Path, "/compatibility/"):
			answer(w, 200, `{"is_compatible":false,"messages":["{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE'}","{oldSchemaVersion: 1}"]}`)
		case strings.HasPrefix(r.URL.Path, "/subjects/bad"):
			answer(w, 409, `{"error_code":409,"message":"Schema being registered is incompatible"}`)
		default:
			answer(w, 200, `{"id":12}`)
		}
	})
	s := mustParse(t, `"string"`)
	if id, err := reg.Register(t.Context(), "good", s); id != 12 || err != nil {
		t.Errorf("%d, %v", id, err)
	}
	if body["schema"] != `"string"` {
		t.Errorf("sent %v", body)
	}
	_, err := reg.Register(t.Context(), "bad", s)
	var refused *IncompatibleError
	if !errors.As(err, &refused) || len(refused.Reasons) != 2 || refused.Subject != "bad" || Unavailable(err) {
		t.Errorf("%v", err)
	}
	// The registry says 200; the body decides.
	if err := reg.Compatible(t.Context(), "bad", s); !errors.As(err, &refused) {
		t.Errorf("%v", err)
	}
	if id, err := reg.Lookup(t.Context(), "good", s); id != 12 || err != nil {
		t.Errorf("a registered schema is looked up again: %d, %v", id, err)
	}
}

func TestRegistryLatest(t *testing.T) {
	t.Parallel()
	var version atomic.Int32
	var down atomic.Bool
	version.Store(1)
	reg := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			answer(w, 401, `{}`)
			return
		}
		answer(w, 200, fmt.Sprintf(`{"schema":"\"string\"","id":7,"version":%d,"subject":"s"}`, version.Load()))
	})
	check := func(want int) {
		t.Helper()
		v, err := reg.Latest(t.Context(), "s")
		if err != nil || v.Version != want {
			t.Errorf("version %d, %v; want %d", v.Version, err, want)
		}
	}
	check(1)
	version.Store(2)
	check(1)
	reg.fresh = -time.Second
	reg.caches.latest.Purge()
	check(2)
	version.Store(3)
	check(3)
	down.Store(true)
	check(3)
}

func TestRegistrySchemaUnderAnIDIsKept(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	reg := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 1 {
			answer(w, 200, stringSchema)
			return
		}
		answer(w, 200, `{"schema":"\"long\""}`)
	})
	for range 2 {
		if s, err := reg.Schema(t.Context(), 7); err != nil || s.FullName() != "string" {
			t.Errorf("%v, %v", s, err)
		}
	}
}

func TestRegistryReferences(t *testing.T) {
	t.Parallel()
	schemas := map[string]string{
		"/schemas/ids/1":            `{"schema":"{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"b\",\"type\":\"B\"},{\"name\":\"c\",\"type\":\"C\"}]}","references":[{"name":"B","subject":"b","version":1},{"name":"C","subject":"c","version":2}]}`,
		"/subjects/b/versions/1":    `{"schema":"{\"type\":\"record\",\"name\":\"B\",\"fields\":[{\"name\":\"c\",\"type\":\"C\"}]}","id":2,"version":1,"references":[{"name":"C","subject":"c","version":2}]}`,
		"/subjects/c/versions/2":    `{"schema":"{\"type\":\"fixed\",\"name\":\"C\",\"size\":3}","id":3,"version":2}`,
		"/schemas/ids/4":            `{"schema":"\"X\"","references":[{"name":"X","subject":"x","version":1}]}`,
		"/subjects/x/versions/1":    `{"schema":"\"Y\"","references":[{"name":"Y","subject":"y","version":1}]}`,
		"/subjects/y/versions/1":    `{"schema":"\"X\"","references":[{"name":"X","subject":"x","version":1}]}`,
		"/schemas/ids/5":            `{"schema":"message M {}","schemaType":"PROTOBUF"}`,
		"/schemas/ids/6":            `{"schema":"\"B\""}`,
		"/subjects/long/versions/1": `{}`,
	}
	var calls atomic.Int32
	reg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		var n int
		if _, err := fmt.Sscanf(r.URL.Path, "/subjects/chain/versions/%d", &n); err == nil || r.URL.Path == "/schemas/ids/8" {
			answer(w, 200, fmt.Sprintf(`{"schema":"\"string\"","references":[{"name":"n","subject":"chain","version":%d}]}`, n+1))
			return
		}
		if body, ok := schemas[r.URL.Path]; ok {
			answer(w, 200, body)
			return
		}
		answer(w, 404, `{"error_code":40401,"message":"no"}`)
	})
	s, err := reg.Schema(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"name":"A","type":"record","fields":[{"name":"b","type":{"name":"B","type":"record","fields":[{"name":"c","type":{"name":"C","type":"fixed","size":3}}]}},{"name":"c","type":"C"}]}`
	if diff := cmp.Diff(want, s.Canonical()); diff != "" {
		t.Error(diff)
	}
	if calls.Load() != 3 {
		t.Errorf("%d calls for 3 schemas", calls.Load())
	}
	for id, says := range map[int]string{4: "circle", 5: "PROTOBUF", 6: "not defined", 8: "more than 100"} {
		_, err := reg.Schema(t.Context(), id)
		var bad *InvalidSchemaError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), says) || Unavailable(err) {
			t.Errorf("id %d: %v", id, err)
		}
	}
}

func TestRegistryRegistersReferencesFirst(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var log []string
	reg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		log = append(log, r.Method+" "+r.URL.Path+" "+string(body))
		answer(w, 200, `{"id":5,"version":4}`)
	})
	part := mustParse(t, `{"type":"fixed","name":"n.Part","size":1}`)
	whole := mustParse(t, `{"type":"array","items":"n.Part"}`, part)
	if _, err := reg.Register(t.Context(), "whole", whole); err != nil {
		t.Fatal(err)
	}
	last := log[len(log)-1]
	if !strings.HasPrefix(log[0], "POST /subjects/n.Part/versions") || !strings.Contains(last, `"references":[{"name":"n.Part","subject":"n.Part","version":4}]`) {
		t.Errorf("%q", log)
	}
}

func TestRegistryCompatibilityLevels(t *testing.T) {
	t.Parallel()
	global := "BACKWARD"
	own := map[string]string{}
	reg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		subject := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/config"), "/")
		if r.Method == http.MethodPut {
			var in map[string]string
			_ = json.NewDecoder(r.Body).Decode(&in)
			if subject == "" {
				global = in["compatibility"]
			} else {
				own[subject] = in["compatibility"]
			}
			answer(w, 200, `{"compatibility":"`+in["compatibility"]+`"}`)
			return
		}
		level, ok := own[subject]
		switch {
		case subject == "":
			level = global
		case !ok:
			answer(w, 404, `{"error_code":40408,"message":"not configured"}`)
			return
		}
		answer(w, 200, `{"compatibilityLevel":"`+level+`"}`)
	})
	ctx := t.Context()
	if err := errors.Join(reg.SetCompatibility(ctx, "s", FullTransitive), reg.SetCompatibility(ctx, "", Forward)); err != nil {
		t.Fatal(err)
	}
	for subject, want := range map[string]Level{"s": FullTransitive, "other": Forward, "": Forward} {
		if got, err := reg.Compatibility(ctx, subject); err != nil || got != want {
			t.Errorf("%q: %s, %v", subject, got, err)
		}
	}
	if err := reg.SetCompatibility(ctx, "s", "SIDEWARD"); err == nil {
		t.Error("a level that does not exist was sent")
	}
}

func TestRegistryByGUID(t *testing.T) {
	t.Parallel()
	guid := GUID{0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}
	reg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/schemas/guids/6ba7b810-9dad-11d1-80b4-00c04fd430c8" {
			answer(w, 200, stringSchema)
			return
		}
		answer(w, 404, `{"error_code":40403,"message":"no"}`)
	})
	if s, err := reg.SchemaByGUID(t.Context(), guid); err != nil || s.FullName() != "string" {
		t.Error(err)
	}
	var unknown *UnknownSchemaError
	if _, err := reg.SchemaByGUID(t.Context(), GUID{}); !errors.As(err, &unknown) {
		t.Error(err)
	}
}

func TestRegistryAfterClose(t *testing.T) {
	t.Parallel()
	reg := serve(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, stringSchema) })
	reg.Close()
	if _, err := reg.Schema(t.Context(), 7); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}
