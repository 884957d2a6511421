package schema

import (
	"fmt"
	"strings"
)

// RegistryError is an answer of the registry that is not a success.
type RegistryError struct {
	URL     string // without credentials
	Status  int    // HTTP status
	Code    int    // the registry's error_code, 0 when the answer had none
	Message string // the registry's message, capped, without control characters
}

func (e *RegistryError) Error() string {
	if e.Code != 0 {
		return fmt.Sprintf("registry %s answered %d (code %d): %s", e.URL, e.Status, e.Code, e.Message)
	}
	return fmt.Sprintf("registry %s answered %d: %s", e.URL, e.Status, e.Message)
}

// NotRegisteredError says that a schema is not registered under a subject.
type NotRegisteredError struct {
	Subject string
	Event   string // full name of the schema
}

func (e *NotRegisteredError) Error() string {
	return fmt.Sprintf("schema of %s is not registered under subject %s: register it with `headrace schema register FILE --subject %s`",
		e.Event, e.Subject, e.Subject)
}

// UnknownSchemaError says that the registry has no schema under the id or GUID of a value.
type UnknownSchemaError struct {
	Ref Ref
	URL string
}

func (e *UnknownSchemaError) Error() string {
	return fmt.Sprintf("%s is not known to the registry %s", e.Ref, e.URL)
}

// IncompatibleError says that the registry refused a schema because it breaks the subject's compatibility level.
type IncompatibleError struct {
	Subject string
	Reasons []string
}

func (e *IncompatibleError) Error() string {
	return fmt.Sprintf("schema is incompatible with subject %s: %s", e.Subject, strings.Join(e.Reasons, "; "))
}

// Unavailable reports whether err means that the registry could not answer.
func Unavailable(err error) bool { return false }
