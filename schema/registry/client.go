package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/printable"
	"github.com/headrace/headrace/schema"
)

// DefaultURL is where `headrace dev` and the compose file have their registry.
const DefaultURL = "http://localhost:8081"

// Client is a client of a schema registry with Confluent's REST API: Confluent's own, Redpanda's, Karapace, or Apicurio's under
// /apis/ccompat/v7. It is safe for concurrent use. Share one client, because it caches what it learns.
//
// A call ends by its context's deadline, or after 30 s without one ([WithTimeout]). Until then it is repeated when the network fails or
// the registry answers 5xx or 429, after a random wait that respects Retry-After. It is repeated for no other reason. Answers over 8 MiB
// and redirects to another host are refused.
//
// The client caches the last 1024 schemas by id, up to 64 MiB of text. It asks again for an id that the registry did not know after 30 s,
// and for the newest version of a subject after a minute; while the registry is down the old version is returned. Callers who want the
// same thing share one request. [WithSnapshot] keeps what the registry said in a file, for starts while it is down.
type Client struct {
	base    *url.URL // without credentials, without trailing slash
	auth    func(*http.Request)
	redact  func(string) string // masks what auth sends
	client  *http.Transport
	send    http.RoundTripper // client, except in tests
	timeout time.Duration
	attempt time.Duration
	unknown time.Duration
	fresh   time.Duration

	caches   *caches
	snapshot *snapshot // nil without WithSnapshot
	schemas  flights[schema.Ref, *schema.Schema]
	newest   flights[string, Version]
	ids      flights[registration, int]
}

// Version is one version of a subject.
type Version struct {
	Subject string
	Version int // 1 is the first
	ID      int // the schema's id in the registry
	Schema  *schema.Schema
}

// New returns a client of the registry at base, an http or https URL. If the URL has a path, it comes before the paths of the API.
// A user and password in the URL work as [WithBasicAuth]. New sends nothing, but it reads the files that [WithTLS] and [WithSnapshot]
// name. Its error reports every mistake in the arguments.
func New(base string, opts ...Option) (*Client, error) {
	o := options{timeout: defaultTimeout}
	if strings.Contains(base, ",http://") || strings.Contains(base, ",https://") {
		return nil, errors.New("schema registry: the URL is a list: give one URL, of a load balancer for example; retries go there")
	}
	u, err := url.Parse(base)
	if err != nil {
		// The parser's error would print the URL, password and all.
		return nil, errors.New("schema registry: the URL cannot be parsed")
	}
	if u.User != nil {
		password, _ := u.User.Password()
		o.user, o.password, o.basic = u.User.Username(), headrace.NewSecret(password), true
		u.User = nil
	}
	for _, opt := range opts {
		opt(&o)
	}
	transport, err := o.transport(u)
	if err := errors.Join(checkURL(u), o.check(u), err); err != nil {
		return nil, fmt.Errorf("schema registry%s: %w", shownURL(u), err)
	}
	c, err := newCaches()
	if err != nil {
		return nil, err
	}
	u.Path = strings.TrimRight(u.Path, "/")
	snapshot, err := openSnapshot(o.snapshot, u.String(), o.lenient)
	if err != nil {
		return nil, err
	}
	r := &Client{
		base: u, auth: o.header(), redact: o.redact(), client: transport, send: transport, caches: c, snapshot: snapshot,
		timeout: o.timeout, attempt: attemptTimeout, unknown: unknownTTL, fresh: latestTTL,
	}
	r.schemas.url, r.newest.url, r.ids.url = r.URL(), r.URL(), r.URL()
	return r, nil
}

func checkURL(u *url.URL) error {
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return errors.New("the URL needs a scheme (http or https) and a host, as in http://localhost:8081")
	}
	if strings.Contains(u.Host, ",") {
		return errors.New("the URL is a list: give one URL, of a load balancer for example; retries go there")
	}
	if strings.Contains(u.Path, "@") {
		return errors.New("the URL has an @ in its path: percent-encode the user and the password, or leave them to WithBasicAuth")
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return errors.New("the URL has a query or a fragment: give only scheme, host and path")
	}
	return nil
}

// shownURL is a URL as an error shows it: not at all unless its parts are what they seem to be. Of "user:password@host" the parser makes
// a scheme "user".
func shownURL(u *url.URL) string {
	if checkURL(u) != nil {
		return ""
	}
	return " " + u.Scheme + "://" + printable.Clip(u.Host+u.EscapedPath())
}

// URL returns the base URL, without credentials.
func (r *Client) URL() string { return r.base.String() }

// Close cancels the calls in flight and waits for them, writes the snapshot file if it is out of date, and closes the connections.
func (r *Client) Close() {
	r.schemas.close()
	r.newest.close()
	r.ids.close()
	r.snapshot.close()
	r.client.CloseIdleConnections()
}

// within bounds a call without a deadline of its own.
func (r *Client) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, r.timeout)
}
