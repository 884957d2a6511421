package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/headrace/headrace/schema"
)

// ErrClosed is returned by a [Client] that was closed when it is asked for what it has not cached.
var ErrClosed = errors.New("the schema registry client is closed")

// Error codes of the Confluent API that decide what an answer means.
const (
	codeSubjectNotFound = 40401
	codeVersionNotFound = 40402
	codeSchemaNotFound  = 40403
	codeLevelNotSet     = 40408
)

// Error is an answer of the registry that is not what was asked for: an error status, or a body that cannot be read.
type Error struct {
	URL     string // what was asked for, without credentials
	Status  int    // HTTP status
	Code    int    // the registry's own error code, 0 when the answer had none
	Message string // the registry's message, without control characters and cut to a line
}

func (e *Error) Error() string {
	text := fmt.Sprintf("schema registry %s answered %d %s", e.URL, e.Status, http.StatusText(e.Status))
	if e.Code != 0 {
		text += fmt.Sprintf(" (code %d)", e.Code)
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	switch {
	case e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden:
		text += "; check the registry's user, password or token"
	case e.Status == http.StatusNotFound && e.Code == 0:
		text += "; check the path of the registry's URL"
	}
	return text
}

// UnavailableError says that the registry did not answer in time: there was no connection, no answer, or nothing but 5xx and 429.
type UnavailableError struct {
	URL      string // what was asked for, without credentials
	Attempts int    // how often it was asked
	Err      error  // the last failure
}

func (e *UnavailableError) Error() string {
	return fmt.Sprintf("schema registry %s did not answer (attempts: %d): %v", e.URL, e.Attempts, e.Err)
}

// Unwrap returns the last failure.
func (e *UnavailableError) Unwrap() error { return e.Err }

// NotRegisteredError says that a schema is not registered under a subject.
type NotRegisteredError struct {
	Subject string
	Event   string // full name of the schema
}

func (e *NotRegisteredError) Error() string {
	return fmt.Sprintf("schema %s is not registered under subject %s: register it with `headrace schema register FILE --subject %s`",
		e.Event, e.Subject, e.Subject)
}

// UnknownSchemaError says that the registry has no schema under the id or GUID that a value carries. Asking again soon is
// pointless; the value may come from another registry.
type UnknownSchemaError struct {
	Ref schema.Ref
	URL string // the registry
}

func (e *UnknownSchemaError) Error() string {
	return fmt.Sprintf("%s is not known to the schema registry %s", e.Ref, e.URL)
}

// IncompatibleError says that a schema may not become the next version of a subject.
type IncompatibleError struct {
	Subject string
	Reasons []string // the registry's, at least one
}

func (e *IncompatibleError) Error() string {
	return fmt.Sprintf("schema is incompatible with subject %s: %s", e.Subject, strings.Join(e.Reasons, "; "))
}

// Unavailable reports whether err is the fault of the registry, and not of an event or a schema: the registry could not be reached, did
// not answer, refused access (401, 403), or gave an answer that is not of its API. The same call may succeed later, so a consumer waits
// and writes no dead letter. Unavailable is false for a call whose context was cancelled.
func Unavailable(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	var down *UnavailableError
	if errors.As(err, &down) {
		return true
	}
	var answer *Error
	if !errors.As(err, &answer) {
		return false
	}
	switch answer.Status {
	case http.StatusConflict, http.StatusUnprocessableEntity:
		return false
	case http.StatusNotFound:
		return answer.Code == 0
	default:
		return true
	}
}
