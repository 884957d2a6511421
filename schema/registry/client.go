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
// /apis/ccompat/v7. It is safe for concurrent use and meant to be shared: what it learns, it keeps.
//
// Every call ends by its context's deadline, and without one after 30 s ([WithTimeout]). Until then a call is repeated, with jitter
// and by Retry-After, when the network fails or the registry answers 5xx or 429, and for no other reason. Answers over 8 MiB, and
// redirects to another host, are refused.
//
// Schemas by id are kept for ever, in an LRU of 1024 and of 64 MiB of text; ids that the registry does not know are not asked for again
// for 30 s; the newest version of a subject is asked for again after a minute, and the old answer serves on while the registry is down.
// Callers who want the same thing share one request. [WithSnapshot] keeps it all in a file, for starts while the registry is down.
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

// New returns a client of the registry at base, an http or https URL whose path, if it has one, comes before the API's own.
// A user and password in the URL work as [WithBasicAuth]. It sends nothing yet; it reads the files that [WithTLS] and [WithSnapshot] name. Every mistake in
// its arguments is reported at once.
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

// Close ends what is under way with [ErrClosed] or a cancelled context, waits for it, writes the snapshot file if it is behind, and
// releases the connections.
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
