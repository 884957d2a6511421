package registry

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/riferrei/srclient"

	"github.com/headrace/headrace/internal/printable"
	"github.com/headrace/headrace/schema"
)

const (
	contentType = "application/vnd.schemaregistry.v1+json"

	// maxAnswer bounds the body of an answer. It is well above schema.MaxSchemaBytes, also when that is escaped for JSON: an event whose schema
	// is too large is the event's trouble, an answer without an end is the registry's, which is waited for.
	maxAnswer = 8 * schema.MaxSchemaBytes

	backoffBase = 100 * time.Millisecond
	backoffCap  = 5 * time.Second
	// maxRetryAfter bounds how long a registry may tell us to stay away.
	maxRetryAfter = time.Minute
)

// exchange carries the HTTP requests of one call. srclient's methods take no context, so each call makes a srclient value of its own,
// whose transport is the exchange: it binds the requests to the call's context and does what srclient leaves out (repeats,
// credentials, caps, typed errors). srclient's caches and its limit of 16 requests are per value and so never in the way.
type exchange struct {
	*Client
	ctx      context.Context // the one purpose of this type is to give requests the context of their call
	attempts int
	// failure is what went wrong in our words. srclient reports errors as text, HTML answers as a bare status line.
	failure error
}

func (r *Client) exchange(ctx context.Context) *exchange { return &exchange{Client: r, ctx: ctx} }

// confluent returns a srclient value for this one call.
func (x *exchange) confluent() *srclient.SchemaRegistryClient {
	c := srclient.NewSchemaRegistryClient(x.base.String(), srclient.WithClient(x.http()))
	c.CachingEnabled(false)
	return c
}

func (x *exchange) http() *http.Client {
	return &http.Client{Transport: x, CheckRedirect: x.redirect}
}

// redirect follows the registry on its own host only: what is sent with a request is meant for nobody else.
func (x *exchange) redirect(next *http.Request, via []*http.Request) error {
	if next.URL.Scheme != x.base.Scheme || next.URL.Host != x.base.Host || len(via) > 3 {
		x.failure = &Error{
			URL: x.show(via[0]), Status: next.Response.StatusCode,
			Message: "it redirects to " + x.said(next.URL.Host) + ", which is not followed",
		}
		return x.failure
	}
	return nil
}

// show is a request's URL for errors: no credentials are in it, and no query.
func (x *exchange) show(req *http.Request) string {
	return x.base.Scheme + "://" + x.base.Host + x.said(req.URL.EscapedPath())
}

// said is a text of the registry's, safe to print. What is hidden among control characters is masked too.
func (r *Client) said(text string) string { return printable.Cut(r.redact(printable.Clean(text))) }

// fault turns the error of a call into the one it was caused by.
func (x *exchange) fault(err error) error {
	if err == nil {
		return nil
	}
	if x.failure != nil {
		return x.failure
	}
	// The answer was JSON of some other shape.
	return &Error{URL: x.URL(), Status: http.StatusOK, Message: "the answer is not what the API promises: " + x.said(err.Error())}
}

// RoundTrip sends a request until it has an answer that is final, reads it whole, and hands it on.
func (x *exchange) RoundTrip(req *http.Request) (*http.Response, error) {
	var last error
	for {
		x.attempts++
		note(x.ctx, x.show(req), x.attempts, last)
		resp, wait, err := x.once(req)
		if last != nil && x.ctx.Err() != nil && errors.Is(err, context.DeadlineExceeded) {
			err = last // what came of it before tells more than that the time was up when it was asked once more
		}
		last = err
		if err == nil {
			return resp, nil
		}
		if wait < 0 {
			x.failure = err
			return nil, err
		}
		if !x.pause(wait) {
			x.failure = x.gaveUp(req, err)
			return nil, x.failure
		}
	}
}

func (x *exchange) gaveUp(req *http.Request, last error) error {
	if errors.Is(x.ctx.Err(), context.Canceled) {
		return fmt.Errorf("schema registry %s: %w", x.show(req), context.Cause(x.ctx))
	}
	if x.ctx.Err() != nil && !errors.Is(last, context.DeadlineExceeded) {
		last = fmt.Errorf("%w: %w", x.ctx.Err(), last)
	}
	return &UnavailableError{URL: x.show(req), Attempts: x.attempts, Err: last}
}

// pause waits before the next attempt; false says that there is no time for one.
func (x *exchange) pause(atLeast time.Duration) bool {
	// Full jitter: clients that failed together must not come back together.
	ceiling := min(backoffBase<<min(x.attempts-1, 10), backoffCap)
	wait := max(atLeast, rand.N(ceiling)) //nolint:gosec // jitter needs no secrecy
	if deadline, ok := x.ctx.Deadline(); ok && time.Until(deadline) < wait {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-x.ctx.Done():
		return false
	}
}

// once makes one attempt. wait is negative when err is final, else the least time to wait before the next attempt.
func (x *exchange) once(req *http.Request) (resp *http.Response, wait time.Duration, err error) {
	ctx, cancel := context.WithTimeout(x.ctx, x.attempt)
	defer cancel()
	try := req.Clone(ctx)
	if req.GetBody != nil {
		if try.Body, err = req.GetBody(); err != nil {
			return nil, -1, err
		}
	}
	try.Header.Set("Accept", contentType+", application/json")
	try.Header.Set("Content-Type", contentType)
	x.auth(try)
	resp, err = x.send.RoundTrip(try)
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		// Asking again will not make the certificate good.
		return nil, -1, &UnavailableError{URL: x.show(req), Attempts: x.attempts, Err: x.transportError(err)}
	}
	if err != nil {
		return nil, 0, x.transportError(err)
	}
	answered := resp.Body
	defer func() { _ = answered.Close() }() // it has been read, or is given up
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, 0, fmt.Errorf("reading the answer: %w", x.transportError(err))
	}
	if len(body) > maxAnswer {
		return nil, -1, &Error{URL: x.show(req), Status: resp.StatusCode, Message: fmt.Sprintf("the answer is longer than %d bytes", maxAnswer)}
	}
	switch status := resp.StatusCode; {
	case status == http.StatusTooManyRequests || status >= 500:
		return nil, retryAfter(resp.Header), x.answer(req, status, body)
	case status >= 400:
		return nil, -1, x.answer(req, status, body)
	case status >= 300 && resp.Header.Get("Location") == "":
		return nil, -1, x.answer(req, status, body)
	case status < 300 && (!json.Valid(body) || string(bytes.TrimSpace(body)) == "null"):
		// srclient does not survive a bare null.
		return nil, -1, &Error{URL: x.show(req), Status: status, Message: "the answer is not a JSON value of the API: " + x.said(string(body))}
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, 0, nil
}

// transportError is an error of net/http's, which quotes what was sent in place of an answer.
type transportError struct {
	text string
	err  error
}

func (x *exchange) transportError(err error) error { return &transportError{x.said(err.Error()), err} }

func (e *transportError) Error() string { return e.text }

func (e *transportError) Unwrap() error { return e.err }

// answer reads the registry's error object, or says what came in its place.
func (x *exchange) answer(req *http.Request, status int, body []byte) error {
	var object struct {
		Code    int    `json:"error_code"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(body, &object); err != nil {
		return &Error{URL: x.show(req), Status: status, Message: x.said(strings.TrimSpace(string(body)))}
	}
	code := object.Code
	if code == status {
		// Some put the bare status there; it says nothing more.
		code = 0
	}
	return &Error{URL: x.show(req), Status: status, Code: code, Message: x.said(object.Message)}
}

// retryAfter reads the header in either of its forms (RFC 9110, section 10.2.3).
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		return min(max(time.Duration(seconds)*time.Second, 0), maxRetryAfter)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(time.Until(at), 0), maxRetryAfter)
	}
	return 0
}

// call makes a request that srclient has no method for. in and out are JSON; either may be nil.
func (x *exchange) call(method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(x.ctx, method, x.base.String()+path, body)
	if err != nil {
		return err
	}
	resp, err := x.http().Do(req)
	if err != nil {
		return x.fault(err)
	}
	defer func() { _ = resp.Body.Close() }() // it is in memory
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return &Error{URL: x.show(req), Status: resp.StatusCode, Message: "the answer is not what the API promises: " + x.said(err.Error())}
	}
	return nil
}
