package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/headrace/headrace/schema"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const stringSchema = `{"schema":"\"string\"","id":7,"version":1,"subject":"s"}`

// serve starts a registry that answers by handle, and its client.
func serve(t *testing.T, handle http.HandlerFunc, opts ...Option) *Client {
	t.Helper()
	server := httptest.NewServer(handle)
	reg, err := New(server.URL, opts...)
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

func TestClientAsksOnceForManyCallersAndKeepsTheAnswer(t *testing.T) {
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

func TestClientCallerWhoLeavesDoesNotFailTheOthers(t *testing.T) {
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
		waiting := reg.schemas.flying[schema.RefID(7)].waiting
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

func TestClientUnknownIDsAreRemembered(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	reg := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		answer(w, 404, `{"error_code":40403,"message":"Schema 9 not found"}`)
	})
	for range 100 {
		_, err := reg.Schema(t.Context(), 9)
		var unknown *UnknownSchemaError
		if !errors.As(err, &unknown) || unknown.Ref != schema.RefID(9) || Unavailable(err) {
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

func TestClientLatest(t *testing.T) {
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
	reg.caches.latest.Remove("s")
	check(2)
	version.Store(3)
	check(3)
	down.Store(true)
	check(3)
}

func TestClientSchemaUnderAnIDIsKept(t *testing.T) {
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

func TestClientByGUID(t *testing.T) {
	t.Parallel()
	guid := schema.GUID{0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}
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
	if _, err := reg.SchemaByGUID(t.Context(), schema.GUID{}); !errors.As(err, &unknown) {
		t.Error(err)
	}
}

func TestClientAfterClose(t *testing.T) {
	t.Parallel()
	reg := serve(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, stringSchema) })
	reg.Close()
	if _, err := reg.Schema(t.Context(), 7); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}
