package registry

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/headrace/headrace"
)

// canary is a password that must show nowhere.
const canary = "canary-5f1d"

func TestClientKeepsCredentialsToItself(t *testing.T) {
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
		}, WithBasicAuth("me", headrace.NewSecret(canary)))
		errs := []error{}
		_, err := reg.Schema(t.Context(), 7)
		errs = append(errs, err)
		_, err = reg.Register(t.Context(), "s", parsed(t, `"string"`))
		errs = append(errs, err)
		for _, err := range errs {
			var bad *Error
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

func TestClientFollowsItsOwnHost(t *testing.T) {
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

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		url  string
		opts []Option
		want string
	}{
		"plain http":          {"http://registry.example.com", []Option{WithBasicAuth("u", headrace.NewSecret(canary))}, "unencrypted"},
		"plain http bearer":   {"http://registry.example.com", []Option{WithBearer(headrace.NewSecret(canary))}, "unencrypted"},
		"password in url":     {"http://u:" + canary + "@registry.example.com", nil, "unencrypted"},
		"both":                {"https://r.example.com", []Option{WithBearer(headrace.NewSecret(canary)), WithBasicAuth("u", headrace.NewSecret(canary))}, "choose one"},
		"no scheme":           {"registry:8081", nil, "scheme"},
		"other scheme":        {"ftp://registry", nil, "scheme"},
		"nothing":             {"", nil, "scheme"},
		"not a url":           {"http://u:" + canary + "@[::1", nil, "parsed"},
		"password, no scheme": {"u:" + canary + "@registry:8081", nil, "scheme"},
		"password, no user":   {canary + "@registry:8081", nil, "parsed"},
		"password with slash": {"http://u:1/" + canary + "@registry", nil, "percent-encode"},
		"password with hash":  {"http://u:1#" + canary + "@registry", nil, "fragment"},
		"password in a path":  {"u/" + canary + "@registry:8081", nil, "scheme"},
		"opaque":              {"https:u:" + canary + "@registry:8081", nil, "scheme"},
		"query":               {"http://localhost?x=" + canary, nil, "query"},
		"tls over http":       {"http://localhost", []Option{WithTLS(headrace.TLS{})}, "https"},
		"no such ca":          {"https://r", []Option{WithTLS(headrace.TLS{CAFile: "/does/not/exist"})}, "authorities"},
		"half a certificate":  {"https://r", []Option{WithTLS(headrace.TLS{CertFile: "x"})}, "missing"},
		"no time":             {"http://localhost", []Option{WithTimeout(0)}, "timeout"},
	} {
		_, err := New(c.url, c.opts...)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, c := range []struct {
		url  string
		opts []Option
	}{
		{"http://127.0.0.1:1", []Option{WithBasicAuth("u", headrace.NewSecret(canary))}},
		{"http://[::1]:1/", []Option{WithBearer(headrace.NewSecret(canary))}},
		{"http://LOCALHOST", []Option{WithBearer(headrace.NewSecret(canary))}},
		{"http://r.example.com", []Option{WithBearer(headrace.NewSecret(canary)), WithAllowPlaintextCredentials()}},
		{"https://r.example.com/apis/ccompat/v7/", []Option{WithBasicAuth("u", headrace.NewSecret(canary))}},
	} {
		if reg, err := New(c.url, c.opts...); err != nil || strings.Contains(reg.URL(), canary) {
			t.Errorf("%s: %v", c.url, err)
		}
	}
}

func TestClientBearerAndPath(t *testing.T) {
	t.Parallel()
	var path, auth string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, auth = r.URL.EscapedPath(), r.Header.Get("Authorization")
		answer(w, 200, stringSchema)
	}))
	defer server.Close()
	reg, err := New(server.URL+"/apis/ccompat/v7/", WithBearer(headrace.NewSecret("tok")))
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

// A registry, or what stands in its place, may answer with what it was sent.
func TestClientErrorsMaskCredentialsThatComeBack(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]Option{
		"basic":  {WithBasicAuth("me", headrace.NewSecret(canary))},
		"bearer": {WithBearer(headrace.NewSecret(canary))},
	} {
		sent := ""
		body := func(r *http.Request, as string) string {
			user, password, _ := r.BasicAuth()
			sent = r.Header.Get("Authorization")
			return fmt.Sprintf(as, sent+" "+user+" "+password+" "+strings.TrimPrefix(sent, "Basic "))
		}
		for _, as := range []string{"%s", `{"error_code":42201,"message":%q}`, `{"error_code":422,"message":%q}`} {
			reg := serve(t, func(w http.ResponseWriter, r *http.Request) { answer(w, 422, body(r, as)) }, opts...)
			_, err := reg.Schema(t.Context(), 7)
			if err == nil || strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), strings.TrimPrefix(sent, "Basic ")) ||
				!strings.Contains(err.Error(), "***") {
				t.Errorf("%s: %v", name, err)
			}
		}
		reg := serve(t, func(w http.ResponseWriter, r *http.Request) {
			answer(w, 200, body(r, `{"is_compatible":false,"messages":[%q]}`))
		}, opts...)
		if err := reg.Compatible(t.Context(), "s", parsed(t, `"string"`)); err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
