package codec

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrUTF8 says that a string is not valid UTF-8.
	ErrUTF8 = errors.New("string is not valid UTF-8")
	// ErrNilUnion says that a union field without a null branch holds no value.
	ErrNilUnion = errors.New("union without null holds no value")
	// ErrDepth says that records of a recursive schema nest deeper than MaxDepth.
	ErrDepth = errors.New("records nest too deep")
	// ErrNilDecimal says that a decimal field without a null branch is nil.
	ErrNilDecimal = errors.New("decimal is nil")
)

// FieldError says which field of an event could not be encoded or decoded, and
// why. Field is the path from the event's root, as "items.price".
type FieldError struct {
	Field string
	Err   error
}

func (e *FieldError) Error() string { return "field " + e.Field + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *FieldError) Unwrap() error { return e.Err }

// InField wraps err in a FieldError for name. An err that names a field already
// gets name put in front of its path.
func InField(name string, err error) error {
	if inner, ok := err.(*FieldError); ok { //nolint:errorlint // only a direct one extends the path
		return &FieldError{Field: name + "." + inner.Field, Err: inner.Err}
	}
	return &FieldError{Field: name, Err: err}
}

// DataError says that bytes are not the Avro binary of the type being read.
// Offset is the position in the value, in bytes, at which that was seen.
type DataError struct {
	Offset int
	Reason string
}

func (e *DataError) Error() string { return fmt.Sprintf("byte %d: %s", e.Offset, e.Reason) }

// SymbolError says that a value is not among the symbols of an enum.
type SymbolError struct {
	Enum   string
	Symbol string
}

func (e *SymbolError) Error() string {
	// The symbol may come from outside: bounded, and quoted against control characters.
	symbol := strings.ToValidUTF8(e.Symbol[:min(len(e.Symbol), 64)], "?")
	return fmt.Sprintf("%q is not a symbol of enum %s", symbol, e.Enum)
}
