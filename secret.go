package headrace

import (
	"fmt"
	"io"
)

// Secret is a password or a token that does not print itself: every fmt verb, JSON, text encodings and loggers show a
// fixed mask. Reading it takes the explicit conversion string(secret). The zero value is an absent secret, which
// prints as an empty string.
//
// Two places are out of its reach: encoding/json writes string map keys as they are, and fmt does not call methods on
// unexported fields. So keep secrets out of map keys, and behind a pointer or a function in private structs.
type Secret string

const redacted = "***"

// String returns the mask.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString returns the mask, for %#v.
func (s Secret) GoString() string { return `headrace.Secret("` + s.String() + `")` }

// Format writes the mask whatever the verb is; without it %x and %q would reach the bytes.
func (s Secret) Format(f fmt.State, verb rune) {
	out := s.String()
	if verb == 'v' && f.Flag('#') {
		out = s.GoString()
	}
	// A State that cannot be written to has nowhere to report it either.
	_, _ = io.WriteString(f, out)
}

// MarshalJSON returns the mask as a JSON string.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }

// MarshalText returns the mask; YAML and XML go through it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
