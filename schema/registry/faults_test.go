package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace/headrace/schema"
)

func TestClientRepeatsOnlyWhatMayPass(t *testing.T) {
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

func TestClientDownIsAnOutage(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	synctest.Test(t, func(t *testing.T) {
		const limit = 300 * time.Millisecond
		reg, err := New(server.URL, WithTimeout(limit))
		if err != nil {
			t.Fatal(err)
		}
		defer reg.Close()
		began := time.Now()
		_, err = reg.Schema(t.Context(), 7)
		var down *UnavailableError
		if !errors.As(err, &down) || !Unavailable(err) || down.Attempts < 2 {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took > limit {
			t.Errorf("took %s", took)
		}
	})
}

func TestClientEndsByTheDeadline(t *testing.T) {
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
		reg, err := New(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		began := time.Now()
		_, err = reg.Schema(ctx, 7)
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("%s: took %s", name, took)
		}
		cancel()
		reg.Close()
		server.CloseClientConnections()
		go server.Close()
	}
}

func TestClientStalledAttemptIsRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		reg := fake(t, func(r *http.Request) (*http.Response, error) {
			if calls++; calls == 1 {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return reply(200, stringSchema), nil
		})
		began := time.Now()
		if _, err := reg.Schema(t.Context(), 7); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); calls != 2 || took < attemptTimeout || took > attemptTimeout+backoffBase {
			t.Errorf("%d attempts took %v", calls, took)
		}
	})
}

func TestClientAnswersThatAreNone(t *testing.T) {
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
		"html 404":     func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>404</html>", http.StatusNotFound) },
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
		var bad *Error
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
		_, err = reg.Lookup(t.Context(), "s", parsed(t, `"string"`))
		if err == nil || !Unavailable(err) {
			t.Errorf("%s: Lookup: %v", name, err)
		}
	}
}

// TestSchemaThatIsTooLargeIsNoOutage: waiting does not make it smaller, so that an event of it must not hold up those behind it.
func TestSchemaThatIsTooLargeIsNoOutage(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(`{"type":"record","name":"R","fields":[],"doc":"` + strings.Repeat(`\"`, schema.MaxSchemaBytes) + `"}`)
	if err != nil {
		t.Fatal(err)
	}
	reg := serve(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, `{"schema":`+string(text)+`}`) })
	_, err = reg.Schema(t.Context(), 7)
	var invalid *schema.InvalidSchemaError
	if !errors.As(err, &invalid) || Unavailable(err) || !strings.Contains(err.Error(), "more than the 1048576 allowed") {
		t.Errorf("%.300v", err)
	}
}
