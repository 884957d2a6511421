package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func reply(status int, body string, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

// fake is a registry in a synctest bubble, where the clock stands still until everybody waits.
func fake(t *testing.T, answer roundTripper, opts ...Option) *Client {
	t.Helper()
	reg, err := New("http://localhost", opts...)
	if err != nil {
		t.Fatal(err)
	}
	reg.send = answer
	t.Cleanup(reg.Close)
	return reg
}

func TestClientBacksOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		began := time.Now()
		reg := fake(t, func(*http.Request) (*http.Response, error) {
			at = append(at, time.Since(began))
			return reply(503, `{}`), nil
		}, WithTimeout(5*time.Minute))
		_, err := reg.Schema(t.Context(), 7)
		var down *UnavailableError
		if !errors.As(err, &down) || down.Attempts != len(at) {
			t.Fatal(err)
		}
		took := time.Since(began)
		if took > 5*time.Minute || took < 4*time.Minute {
			t.Errorf("gave up after %s", took)
		}
		// Full jitter up to 5 s is 2.5 s on average; without a back-off there would be thousands, with a fixed one no spread.
		if len(at) < 60 || len(at) > 300 {
			t.Errorf("%d attempts in five minutes", len(at))
		}
		gaps := map[time.Duration]bool{}
		for i := 1; i < len(at); i++ {
			gap := at[i] - at[i-1]
			gaps[gap] = true
			if gap > backoffCap {
				t.Errorf("attempt %d came after %s", i, gap)
			}
		}
		if len(gaps) < len(at)/2 {
			t.Errorf("%d different waits among %d: no jitter", len(gaps), len(at))
		}
	})
}

// The attempt that the call's end cuts off says less than the answer before it.
func TestClientTellsTheLastAnswerWhenTimeIsUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		reg := fake(t, func(r *http.Request) (*http.Response, error) {
			if calls++; calls < 3 {
				return reply(500, `{"error_code":50001,"message":"out of order"}`), nil
			}
			<-r.Context().Done()
			return nil, r.Context().Err()
		}, WithTimeout(3*time.Second))
		_, err := reg.Schema(t.Context(), 7)
		var down *UnavailableError
		var said *Error
		if !errors.As(err, &down) || down.Attempts != 3 || !errors.As(err, &said) || said.Status != 500 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v does not tell that three attempts were made and the registry answered 500", err)
		}
	})
}

// So it is with an attempt that did not even reach the registry.
func TestClientTellsTheLastFaultWhenTimeIsUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		reg := fake(t, func(r *http.Request) (*http.Response, error) {
			if calls++; calls < 3 {
				return nil, syscall.ECONNREFUSED
			}
			<-r.Context().Done()
			return nil, r.Context().Err()
		}, WithTimeout(3*time.Second))
		_, err := reg.Schema(t.Context(), 7)
		var down *UnavailableError
		if !errors.As(err, &down) || down.Attempts != 3 || !errors.Is(err, syscall.ECONNREFUSED) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v does not tell that three attempts were made and the connection was refused", err)
		}
	})
}

func TestClientComesBackWhenToldTo(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]func() string{
		"seconds": func() string { return "7" },
		"date":    func() string { return time.Now().Add(7 * time.Second).UTC().Format(http.TimeFormat) },
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			calls := 0
			reg := fake(t, func(*http.Request) (*http.Response, error) {
				if calls++; calls == 1 {
					return reply(429, `{}`, "Retry-After", header()), nil
				}
				return reply(200, stringSchema), nil
			})
			if _, err := reg.Schema(t.Context(), 7); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if took := time.Since(began); took < 6*time.Second || took > 8*time.Second {
				t.Errorf("%s: came back after %s", name, took)
			}
		})
	}
}

func TestClientTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		known := false
		reg := fake(t, func(r *http.Request) (*http.Response, error) {
			calls++
			switch {
			case strings.HasSuffix(r.URL.Path, "/latest"):
				return reply(200, stringSchema), nil
			case known:
				return reply(200, stringSchema), nil
			default:
				return reply(404, `{"error_code":40403}`), nil
			}
		})
		expect := func(want int, what string) {
			t.Helper()
			if calls != want {
				t.Errorf("%s: %d calls, not %d", what, calls, want)
			}
		}
		_, _ = reg.Schema(t.Context(), 7)
		known = true
		<-time.After(unknownTTL - time.Second)
		if _, err := reg.Schema(t.Context(), 7); err == nil {
			t.Error("known too soon")
		}
		expect(1, "within the time of an unknown id")
		<-time.After(2 * time.Second)
		if _, err := reg.Schema(t.Context(), 7); err != nil {
			t.Error(err)
		}
		<-time.After(1000 * time.Hour)
		_, _ = reg.Schema(t.Context(), 7)
		expect(2, "a known id, for ever")
		_, _ = reg.Latest(t.Context(), "s")
		<-time.After(latestTTL - time.Second)
		_, _ = reg.Latest(t.Context(), "s")
		expect(3, "latest, within its time")
		<-time.After(2 * time.Second)
		_, _ = reg.Latest(t.Context(), "s")
		expect(4, "latest, after its time")
	})
}

func TestClientServesTheLatestItKnowsWhileDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		down := false
		reg := fake(t, func(*http.Request) (*http.Response, error) {
			if down {
				return nil, errors.New("connection refused")
			}
			return reply(200, stringSchema), nil
		})
		if _, err := reg.Latest(t.Context(), "s"); err != nil {
			t.Fatal(err)
		}
		down = true
		<-time.After(time.Hour)
		if v, err := reg.Latest(t.Context(), "s"); err != nil || v.ID != 7 {
			t.Errorf("%+v, %v", v, err)
		}
		if _, err := reg.Latest(t.Context(), "other"); !Unavailable(err) {
			t.Error(err)
		}
	})
}

func TestClientContextThatHasEnded(t *testing.T) {
	t.Parallel()
	reg := fake(t, func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	if _, err := reg.Schema(late, 7); !Unavailable(err) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("deadline: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := reg.Schema(gone, 7); Unavailable(err) || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := reg.Subjects(gone); Unavailable(err) || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
