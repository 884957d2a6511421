package headrace

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Secret is a password or a token that does not print itself: every fmt verb, JSON, text encodings and loggers show a fixed mask.
// [NewSecret] makes one, and only [Secret.Reveal] reads it. The zero value is an absent secret, which prints as an empty string.
//
// The text lies behind a function, where no printer or encoder gets at it by reflection: verbs that ask no method of a value (%p, %w),
// unexported fields, map keys and encoding/gob find nothing.
type Secret struct {
	reveal func() string // nil when absent
}

const redacted = "***"

// NewSecret returns text as a secret. An empty text is an absent secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{reveal: func() string { return text }}
}

// maxSecretBytes bounds what is read of a file that somebody says holds a secret.
const maxSecretBytes = 64 << 10

// SecretFromFile reads a secret from a file and drops one line break at its end, which editors and `echo` add and no secret means. An
// empty file, and one of more than 64 KiB, is an error. No error holds anything of the file's content.
func SecretFromFile(path string) (Secret, error) {
	file, err := os.Open(path)
	if err != nil {
		return Secret{}, err
	}
	defer func() { _ = file.Close() }() // only read from
	data, err := io.ReadAll(io.LimitReader(file, maxSecretBytes+1))
	if err != nil {
		return Secret{}, err
	}
	if len(data) > maxSecretBytes {
		return Secret{}, fmt.Errorf("%s has more than %d bytes: it is not a secret", path, maxSecretBytes)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if text == "" {
		return Secret{}, fmt.Errorf("%s is empty", path)
	}
	return NewSecret(text), nil
}

// Reveal returns the text, "" when the secret is absent.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// IsZero reports whether the secret is absent.
func (s Secret) IsZero() bool { return s.reveal == nil }

// Equal reports whether both are the same text, or both absent.
func (s Secret) Equal(other Secret) bool { return s.Reveal() == other.Reveal() }

// Redact returns text with the mask in every place where the secret stands in it, for what a server answers and a log shows.
func (s Secret) Redact(text string) string {
	if s.IsZero() {
		return text
	}
	return strings.ReplaceAll(text, s.Reveal(), redacted)
}

// String returns the mask.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return redacted
}

// GoString returns the mask, for %#v.
func (s Secret) GoString() string { return `headrace.NewSecret("` + s.String() + `")` }

// Format writes the mask whatever the verb is.
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

// UnmarshalText takes text as the secret, so that JSON, YAML and what reads configuration can fill one in.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(string(text))
	return nil
}

// GobEncode refuses: what is decoded elsewhere would be a mask in place of a password.
func (s Secret) GobEncode() ([]byte, error) {
	return nil, errors.New("headrace: a Secret is not encoded: leave its field out")
}
