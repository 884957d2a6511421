// Package filter chooses events: by the names of their types, by patterns over keys and headers, and by an expression in CEL over all that
// an event says. A [Filter] is a value, as plans and their files hold it; [Filter.Compile] makes it ready for events.
package filter

import (
	"errors"
	"fmt"
	"slices"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/glob"
)

// Filter says which events are meant: those that pass every part that is set. The zero Filter lets everything through.
type Filter struct {
	Events  []string          `json:"events,omitempty"`  // full names of event types
	Key     string            `json:"key,omitempty"`     // the key, or a glob over it: * ? [a-z]
	Headers map[string]string `json:"headers,omitempty"` // value by key, either may be a glob
	Where   string            `json:"where,omitempty"`   // an expression (CEL) over event, key, headers, time, topic, partition, offset
}

// Error says what is wrong with a part of a [Filter].
type Error struct {
	Part         string // "events", "key", "headers" or "where"
	Text         string // what is wrong
	Line, Column int    // of where, from 1; 0 when it is about the whole of it
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("filter: %s: %s", e.Part, e.Text)
	}
	return fmt.Sprintf("filter: %s:%d:%d: %s", e.Part, e.Line, e.Column, e.Text)
}

// UndecidedError says that a filter cannot tell whether an event passes: its schema is not known, its value is not what the schema
// says, or the expression has no answer for it. Passing such an event and dropping it could both be wrong.
type UndecidedError struct {
	headrace.Location
	Err error
}

func (e *UndecidedError) Error() string {
	return fmt.Sprintf("filter: %s cannot be decided: %v", e.Location, e.Err)
}

// Unwrap returns why.
func (e *UndecidedError) Unwrap() error { return e.Err }

// Validate reports what is wrong with the filter, without a registry and without an event: *[Error], all of them joined.
func (f Filter) Validate() error {
	_, err := f.parts()
	return err
}

// IsZero reports whether the filter lets everything through.
func (f Filter) IsZero() bool {
	return len(f.Events) == 0 && f.Key == "" && len(f.Headers) == 0 && f.Where == ""
}

const (
	maxFilterEvents  = 1000
	maxFilterHeaders = 100
	maxWhereBytes    = 16 << 10
)

func (f Filter) parts() (*Matcher, error) {
	m := &Matcher{events: f.Events}
	var errs []error
	note := func(part string, err error) {
		if err != nil {
			errs = append(errs, &Error{Part: part, Text: err.Error()})
		}
	}
	if len(f.Events) > 0 {
		m.stage = stageName
	}
	if len(f.Events) > maxFilterEvents {
		note("events", fmt.Errorf("%d names are more than %d", len(f.Events), maxFilterEvents))
	}
	if slices.Contains(f.Events, "") {
		note("events", errors.New("a name is empty"))
	}
	var err error
	if f.Key != "" {
		m.stage = stageRecord
		m.key, err = glob.Parse(f.Key)
		note("key", err)
	}
	if len(f.Headers) > maxFilterHeaders {
		note("headers", fmt.Errorf("%d are more than %d", len(f.Headers), maxFilterHeaders))
	}
	for key, value := range f.Headers {
		m.stage = stageRecord
		k, err := glob.Parse(key)
		note("headers", err)
		v, err := glob.Parse(value)
		note("headers", err)
		m.headers = append(m.headers, headerGlob{k, v})
	}
	if f.Where != "" {
		if m.where, err = parseWhere(f.Where); err != nil {
			return nil, errors.Join(append(errs, err)...)
		}
		m.stage = stageRecord
		if m.where.uses("event") {
			m.stage = stageValue
		}
	}
	return m, errors.Join(errs...)
}
