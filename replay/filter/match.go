package filter

import (
	"context"
	"errors"
	"slices"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/glob"
	"github.com/headrace/headrace/internal/schemacache"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

// stage is what of an event a filter has to look at. Later stages cost more, and include the earlier ones.
type stage int8

const (
	stageAll    stage = iota // nothing: every event passes
	stageName                // the wire header of the value, and the name of the schema that it refers to
	stageRecord              // key, headers, time and place
	stageValue               // the decoded value
)

// Matcher is a compiled [Filter]. It is safe for concurrent use.
type Matcher struct {
	stage   stage
	events  []string
	key     *glob.Glob
	headers []headerGlob
	where   *where

	Schemas *schemacache.Cache // of the events met

	// Asked, unless nil, is called for each event that the expression is evaluated for, with nil or why it had no answer. It is set before
	// the first event.
	Asked func(failed error)
}

type headerGlob struct{ key, value *glob.Glob }

// Compile makes the filter ready for events of the topics. The registry may be nil where no part needs one; without topics it is asked for
// schemas of no context in particular.
func (f Filter) Compile(reg *registry.Client, topics ...string) (*Matcher, error) {
	m, err := f.parts()
	if err != nil {
		return nil, err
	}
	if m.NeedsSchema() && reg == nil {
		return nil, errors.New("filter: the names and values of events need a schema registry, and none is given")
	}
	m.Schemas = schemacache.New(reg, schemacache.SubjectOf(topics...))
	return m, nil
}

// NeedsSchema reports whether the schema of an event must be known.
func (m *Matcher) NeedsSchema() bool {
	return len(m.events) > 0 || m.where != nil && (m.where.uses("event") || m.where.uses("name"))
}

// NamesOnly reports whether the name of an event decides, and nothing else of it.
func (m *Matcher) NamesOnly() bool { return m.stage == stageName }

// MatchRef decides by the schema alone, for a filter of which NamesOnly is true.
func (m *Matcher) MatchRef(ctx context.Context, ref schema.Ref) (bool, error) {
	if len(m.events) == 0 {
		return true, nil
	}
	by, err := m.Schemas.Find(ctx, ref)
	if err != nil {
		return false, err
	}
	if by.Err != nil {
		return false, by.Err
	}
	return slices.Contains(m.events, by.Schema.FullName()), nil
}

// Match decides whether an event passes. An event that cannot be decided is an *[UndecidedError]; what the registry cannot be asked
// for now is an error of its own.
//
// Tombstones and values that are not in the registry's wire format are of no event type. To an expression, event is null and name is
// "" then; one that asks more of event does not let them through.
func (m *Matcher) Match(ctx context.Context, r *reader.Record) (bool, error) {
	if m.stage == stageAll {
		return true, nil
	}
	if m.key != nil && (r.Key == nil || !m.key.Match(r.Key)) {
		return false, nil
	}
	for _, want := range m.headers {
		if !slices.ContainsFunc(r.Headers, func(h headrace.Header) bool {
			return want.key.Match([]byte(h.Key)) && want.value.Match(h.Value)
		}) {
			return false, nil
		}
	}
	if !m.NeedsSchema() {
		return m.whereOf(r, nil, nil)
	}
	ref, body, err := schema.ParseWire(r.Value, r.Header)
	if err != nil { // a tombstone or foreign
		if len(m.events) > 0 {
			return false, nil
		}
		return m.whereOf(r, nil, nil)
	}
	by, err := m.Schemas.Find(ctx, ref)
	if err != nil {
		return false, err
	}
	if by.Err != nil {
		return false, undecided(r, by.Err)
	}
	if len(m.events) > 0 && !slices.Contains(m.events, by.Schema.FullName()) {
		return false, nil
	}
	return m.whereOf(r, by, body)
}

func (m *Matcher) whereOf(r *reader.Record, by *schemacache.Writer, body []byte) (bool, error) {
	if m.where == nil {
		return true, nil
	}
	passes, err := m.where.eval(r, by, body)
	if m.Asked != nil && (err != nil || by != nil || !m.where.uses("event")) {
		m.Asked(err)
	}
	if err != nil {
		return false, undecided(r, err)
	}
	return passes, nil
}

func undecided(r *reader.Record, err error) error {
	return &UndecidedError{Location: headrace.Location{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}, Err: err}
}
