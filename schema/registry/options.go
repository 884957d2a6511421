package registry

import (
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/headrace/headrace"
)

const (
	defaultTimeout = 30 * time.Second
	attemptTimeout = 10 * time.Second
	unknownTTL     = 30 * time.Second
	missTTL        = 5 * time.Second // somebody may be about to register it
	latestTTL      = time.Minute
)

// Option configures a [Client].
type Option func(*options)

type options struct {
	basic          bool
	user           string
	password       headrace.Secret
	bearer         headrace.Secret
	tls            *headrace.TLS
	allowPlaintext bool
	timeout        time.Duration
	snapshot       string
	lenient        bool // a snapshot that cannot be used counts as none
}

// WithBasicAuth authenticates every call by user and password.
func WithBasicAuth(user string, password headrace.Secret) Option {
	return func(o *options) { o.basic, o.user, o.password = true, user, password }
}

// WithBearer authenticates every call by a bearer token.
func WithBearer(token headrace.Secret) Option {
	return func(o *options) { o.bearer = token }
}

// WithTLS sets the authorities that must have signed an https registry's certificate, and the client's own certificate (mutual TLS). The
// zero TLS is the default. The client's certificate is read again for every new connection, so that it can be rotated. The authorities
// are read once.
func WithTLS(tls headrace.TLS) Option {
	return func(o *options) { o.tls = &tls }
}

// WithAllowPlaintextCredentials allows a password or token to be sent over plain http to another machine, where others can read it.
// Without this option [New] refuses to. On the loopback interface it is always allowed.
func WithAllowPlaintextCredentials() Option {
	return func(o *options) { o.allowPlaintext = true }
}

// WithTimeout bounds each call with all its attempts, as the context's deadline does. It defaults to 30 s.
func WithTimeout(d time.Duration) Option {
	return func(o *options) { o.timeout = d }
}

func (o *options) check(u *url.URL) error {
	var errs []error
	if o.basic && !o.bearer.IsZero() {
		errs = append(errs, errors.New("it has a user and a bearer token: choose one"))
	}
	if o.basic && o.user == "" {
		errs = append(errs, errors.New("it has a password and no user"))
	}
	if (o.basic || !o.bearer.IsZero()) && u.Scheme == "http" && !loopback(u.Hostname()) && !o.allowPlaintext {
		errs = append(errs, errors.New(
			"credentials would travel unencrypted: use https, or say WithAllowPlaintextCredentials (SCHEMA_REGISTRY_ALLOW_PLAINTEXT=true)"))
	}
	if o.tls != nil && u.Scheme == "http" {
		errs = append(errs, errors.New("it has TLS settings and the URL says http: use https"))
	}
	if o.timeout <= 0 {
		errs = append(errs, errors.New("the timeout is not positive"))
	}
	return errors.Join(errs...)
}

func (o *options) header() func(*http.Request) {
	switch {
	case o.basic:
		return func(r *http.Request) { r.SetBasicAuth(o.user, o.password.Reveal()) }
	case !o.bearer.IsZero():
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+o.bearer.Reveal()) }
	default:
		return func(*http.Request) {}
	}
}

// redact masks the credentials in a text of the registry's, which may say what it was sent.
func (o *options) redact() func(string) string {
	secrets := []headrace.Secret{o.password, o.bearer}
	if o.basic {
		header := base64.StdEncoding.EncodeToString([]byte(o.user + ":" + o.password.Reveal()))
		secrets = append(secrets, headrace.NewSecret(header))
	}
	return func(text string) string {
		for _, secret := range secrets {
			text = secret.Redact(text)
		}
		return text
	}
}

// fromEnvironment is http.ProxyFromEnvironment without the proxy's URL, password and all, in its error.
func fromEnvironment(req *http.Request) (*url.URL, error) {
	proxy, err := http.ProxyFromEnvironment(req)
	if err != nil {
		return nil, errProxy
	}
	return proxy, nil
}

var errProxy = errors.New("the proxy's URL in HTTP_PROXY or HTTPS_PROXY cannot be parsed")

func (o *options) transport(u *url.URL) (*http.Transport, error) {
	t := &http.Transport{
		Proxy:                  fromEnvironment,
		DialContext:            (&net.Dialer{Timeout: attemptTimeout}).DialContext,
		TLSHandshakeTimeout:    attemptTimeout,
		MaxIdleConnsPerHost:    4,
		IdleConnTimeout:        time.Minute,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
	}
	if o.tls == nil || u.Scheme != "https" {
		return t, nil
	}
	config, err := tlsConfig(*o.tls)
	t.TLSClientConfig = config
	return t, err
}

// loopback reports whether a host is this machine by its very name.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
