package replay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/schema"
)

// stage is what of an event a filter has to look at. Later stages cost more, and include the earlier ones.
type stage int8

const (
	stageAll    stage = iota // nothing: every event passes
	stageName                // the wire header of the value, and the name of the schema that it refers to
	stageRecord              // key, headers, time and place
	stageValue               // the decoded value
)

// FilterError says what is wrong with a part of a [Filter].
type FilterError struct {
	Part         string // "events", "key", "headers" or "where"
	Text         string // what is wrong
	Line, Column int    // of where, from 1; 0 when it is about the whole of it
}

func (e *FilterError) Error() string {
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

// Validate reports what is wrong with the filter, without a registry and without an event: *[FilterError], all of them joined.
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

// matcher is a compiled [Filter]. It is safe for concurrent use.
type matcher struct {
	stage    stage
	events   []string
	key      *glob
	headers  []headerGlob
	where    *where
	registry *schema.Registry
	subject  string             // that the events' schemas may be under; "" when none is known
	asked    func(failed error) // unless nil, told of every event that the expression was asked about; nil: it had an answer

	mu    sync.Mutex
	known map[schema.Ref]*writtenBy
}

type headerGlob struct{ key, value *glob }

// writtenBy is what a schema reference leads to.
type writtenBy struct {
	schema *schema.Schema
	shape  *shape
	err    error // the registry does not know the schema, or it is none
}

// maxKnown bounds the schemas remembered, since references come from outside.
const maxKnown = 4096

// compile makes the filter ready for events. The registry may be nil where no part needs one.
func (f Filter) compile(registry *schema.Registry) (*matcher, error) {
	m, err := f.parts()
	if err != nil {
		return nil, err
	}
	if m.needsSchema() && registry == nil {
		return nil, errors.New("filter: the names and values of events need a schema registry, and none is given")
	}
	m.registry = registry
	return m, nil
}

func (f Filter) parts() (*matcher, error) {
	m := &matcher{events: f.Events, known: map[schema.Ref]*writtenBy{}}
	var errs []error
	note := func(part string, err error) {
		if err != nil {
			errs = append(errs, &FilterError{Part: part, Text: err.Error()})
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
		m.key, err = parseGlob(f.Key)
		note("key", err)
	}
	if len(f.Headers) > maxFilterHeaders {
		note("headers", fmt.Errorf("%d are more than %d", len(f.Headers), maxFilterHeaders))
	}
	for key, value := range f.Headers {
		m.stage = stageRecord
		k, err := parseGlob(key)
		note("headers", err)
		v, err := parseGlob(value)
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

// needsSchema reports whether the schema of an event must be known.
func (m *matcher) needsSchema() bool {
	return len(m.events) > 0 || m.where != nil && (m.where.uses("event") || m.where.uses("name"))
}

// matchRef decides by the schema alone, for a filter whose stage is stageName or before.
func (m *matcher) matchRef(ctx context.Context, ref schema.Ref) (bool, error) {
	if len(m.events) == 0 {
		return true, nil
	}
	by, err := m.resolve(ctx, ref)
	if err != nil {
		return false, err
	}
	if by.err != nil {
		return false, by.err
	}
	return slices.Contains(m.events, by.schema.FullName()), nil
}

// match decides whether an event passes. An event that cannot be decided is an *[UndecidedError]; what the registry cannot be asked
// for now is an error of its own.
//
// Tombstones and values that are not in the registry's wire format are of no event type. To an expression, event is null and name is
// "" then; one that asks more of event lets them not through.
func (m *matcher) match(ctx context.Context, r *consumer.Record) (bool, error) {
	if m.stage == stageAll {
		return true, nil
	}
	if m.key != nil && (r.Key == nil || !m.key.match(r.Key)) {
		return false, nil
	}
	for _, want := range m.headers {
		if !slices.ContainsFunc(r.Headers, func(h headrace.Header) bool {
			return want.key.match([]byte(h.Key)) && want.value.match(h.Value)
		}) {
			return false, nil
		}
	}
	if !m.needsSchema() {
		return m.whereOf(r, nil, nil)
	}
	ref, body, err := schema.ParseWire(r.Value, headerOf(r.Headers))
	if err != nil { // a tombstone or foreign
		if len(m.events) > 0 {
			return false, nil
		}
		return m.whereOf(r, nil, nil)
	}
	by, err := m.resolve(ctx, ref)
	if err != nil {
		return false, err
	}
	if by.err != nil {
		return false, undecided(r, by.err)
	}
	if len(m.events) > 0 && !slices.Contains(m.events, by.schema.FullName()) {
		return false, nil
	}
	return m.whereOf(r, by, body)
}

func (m *matcher) whereOf(r *consumer.Record, by *writtenBy, body []byte) (bool, error) {
	if m.where == nil {
		return true, nil
	}
	passes, err := m.where.eval(r, by, body)
	if m.asked != nil && (err != nil || by != nil || !m.where.uses("event")) {
		m.asked(err)
	}
	if err != nil {
		return false, undecided(r, err)
	}
	return passes, nil
}

// resolve looks a schema up. Outages are errors and not remembered.
func (m *matcher) resolve(ctx context.Context, ref schema.Ref) (*writtenBy, error) {
	m.mu.Lock()
	by := m.known[ref]
	m.mu.Unlock()
	if by != nil {
		return by, nil
	}
	found, err := m.registry.ResolveFor(ctx, m.subject, ref)
	by = &writtenBy{schema: found}
	switch {
	case err == nil:
		by.shape = shapeOf(found)
	case isVerdict(err):
		by.err = err
	default:
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.known) >= maxKnown {
		clear(m.known)
	}
	m.known[ref] = by
	return by, nil
}

// isVerdict tells what the registry says of a schema from what keeps it from answering.
func isVerdict(err error) bool {
	_, unknown := errors.AsType[*schema.UnknownSchemaError](err)
	_, invalid := errors.AsType[*schema.InvalidSchemaError](err)
	return unknown || invalid
}

func undecided(r *consumer.Record, err error) error {
	return &UndecidedError{Location: headrace.Location{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}, Err: err}
}

// headerOf looks headers up, nil when there are none: the last of a name counts, as in Kafka's Java client.
func headerOf(headers []headrace.Header) func(string) ([]byte, bool) {
	if len(headers) == 0 {
		return nil
	}
	return func(key string) ([]byte, bool) {
		for i := len(headers) - 1; i >= 0; i-- {
			if headers[i].Key == key {
				return headers[i].Value, true
			}
		}
		return nil, false
	}
}
