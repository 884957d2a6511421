package deadletter

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/headrace/headrace/internal/glob"
	"github.com/headrace/headrace/internal/phrase"
	"github.com/headrace/headrace/internal/schemacache"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/replay/filter"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

// Selection says which dead letters of a topic are meant: those that pass every part that is set. The zero Selection is all of them.
type Selection struct {
	Causes   []string // ids of [Cause], or how they begin: 4 digits at least
	Kinds    []string
	Error    string        // part of the error, numbers and ids not counting; see [FoldError]
	Handlers []string      // groups or connectors; each may be a glob
	Filter   filter.Filter // of the dead letter's record, except Events: its headers name the event where they can
	At       []Position    // exactly these
	Since    time.Time     // given up at this time or later; where the headers do not say, the event's own time counts
	Until    time.Time     // given up before

	Partitions []int32      // nil: all
	Range      reader.Range // of each partition; an end that is not set is what there is now
}

// Position is a partition and an offset of a topic that is known.
type Position struct {
	Partition int32
	Offset    int64
}

func (s Position) String() string { return fmt.Sprintf("%d:%d", s.Partition, s.Offset) }

const (
	minCauseDigits = 4
	maxListed      = 1000
)

// IsZero reports whether every dead letter is meant.
func (s Selection) IsZero() bool { return s.String() == "" }

// String is the selection in words, for records; "" when it is all.
func (s Selection) String() string {
	var parts []string
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+" "+value)
		}
	}
	add("cause", strings.Join(s.Causes, ", "))
	add("kind", strings.Join(s.Kinds, ", "))
	add("error", s.Error)
	add("handler", strings.Join(s.Handlers, ", "))
	add("event", strings.Join(s.Filter.Events, ", "))
	add("key", s.Filter.Key)
	for _, key := range slices.Sorted(maps.Keys(s.Filter.Headers)) {
		add("header", key+"="+s.Filter.Headers[key])
	}
	add("where", s.Filter.Where)
	var positions []string
	for _, position := range s.At {
		positions = append(positions, position.String())
	}
	add("at", strings.Join(positions, ", "))
	if !s.Since.IsZero() {
		add("since", s.Since.UTC().Format(time.RFC3339))
	}
	if !s.Until.IsZero() {
		add("until", s.Until.UTC().Format(time.RFC3339))
	}
	if s.Partitions != nil {
		add("partitions", strings.Trim(fmt.Sprint(s.Partitions), "[]"))
	}
	if from, to := s.Range.From.String(), s.Range.To.String(); from != "" || to != "" {
		add("offsets", from+":"+to)
	}
	return strings.Join(parts, "; ")
}

// Validate reports what is wrong with the selection: *[Error], all of them joined.
func (s Selection) Validate() error {
	_, err := s.compile(nil, false)
	return err
}

// selector is a compiled [Selection]. It belongs to one goroutine.
type selector struct {
	Selection
	error    string
	handlers []*glob.Glob
	matcher  *filter.Matcher    // of the filter without its events
	names    *schemacache.Cache // nil without a registry
	down     bool               // the registry does not answer, so that it is asked no more

	answered, unanswered int64 // by the expression
	firstUnanswered      error
}

func (s Selection) compile(reg *registry.Client, check bool) (*selector, error) {
	c := &selector{Selection: s, error: FoldError(s.Error)}
	var errs []error
	wrong := func(part, format string, args ...any) {
		errs = append(errs, &filter.Error{Part: part, Text: fmt.Sprintf(format, args...)})
	}
	for _, id := range s.Causes {
		if len(id) < minCauseDigits || len(id) > 8 || strings.Trim(id, "0123456789abcdef") != "" {
			wrong("cause", "%q is not an id, which has %d to 8 of the digits 0-9 and a-f", id, minCauseDigits)
		}
	}
	for _, text := range s.Handlers {
		g, err := glob.Parse(text)
		if err != nil {
			wrong("handler", "%v", err)
			continue
		}
		c.handlers = append(c.handlers, g)
	}
	for name, n := range map[string]int{"cause": len(s.Causes), "kind": len(s.Kinds), "handler": len(s.Handlers), "at": len(s.At)} {
		if n > maxListed {
			wrong(name, "%d are more than %d", n, maxListed)
		}
	}
	if err := s.Filter.Validate(); err != nil {
		errs = append(errs, err)
	}
	if errs != nil || !check {
		return nil, errors.Join(errs...)
	}
	var err error
	rest := s.Filter
	rest.Events = nil
	if c.matcher, err = rest.Compile(reg); err != nil {
		return nil, err
	}
	c.matcher.Asked = func(failed error) {
		switch _, noAnswer := errors.AsType[*filter.Error](failed); {
		case failed == nil:
			c.answered++
		case noAnswer: // and not a value that cannot be decoded
			if c.unanswered++; c.firstUnanswered == nil {
				c.firstUnanswered = failed
			}
		}
	}
	if reg != nil {
		c.names = schemacache.New(reg, "")
	}
	return c, nil
}

// match decides whether a dead letter is meant. It gives it the name of its event where the headers do not say it and a registry
// does. One that cannot be decided is an *[UndecidedError].
func (c *selector) match(ctx context.Context, d *Letter) (bool, error) {
	if len(c.At) > 0 && !slices.Contains(c.At, Position{d.Partition, d.Offset}) {
		return false, nil
	}
	given := d.givenUp()
	if !c.Since.IsZero() && given.Before(c.Since) || !c.Until.IsZero() && !given.Before(c.Until) {
		return false, nil
	}
	if len(c.Kinds) > 0 && !slices.Contains(c.Kinds, d.Kind) || !strings.Contains(FoldError(d.Error), c.error) {
		return false, nil
	}
	if len(c.handlers) > 0 && !slices.ContainsFunc(c.handlers, func(g *glob.Glob) bool {
		return g.Match([]byte(d.Group)) || g.Match([]byte(joinWords(d.Group, d.Handler)))
	}) {
		return false, nil
	}
	if err := c.name(ctx, d); err != nil {
		return false, err
	}
	if len(c.Filter.Events) > 0 && !slices.Contains(c.Filter.Events, d.Event) {
		return false, nil
	}
	if id := d.Cause().ID; len(c.Causes) > 0 && !slices.ContainsFunc(c.Causes, func(want string) bool { return strings.HasPrefix(id, want) }) {
		return false, nil
	}
	record := reader.Record{Topic: d.Topic, Partition: d.Partition, Offset: d.Offset, Time: d.Time, Key: d.Key, Value: d.Value, Headers: d.Raw}
	return c.matcher.Match(ctx, &record)
}

// unanswerable is an error when the expression had no answer for any dead letter that it was asked about: a field is mistyped, more likely
// than that none has it.
func (c *selector) unanswerable() error {
	if c.unanswered == 0 || c.answered > 0 {
		return nil
	}
	return fmt.Errorf("the expression %q has no answer for any of %s, of which `headrace dead show` shows the fields: %w",
		c.Filter.Where, phrase.Count(c.unanswered, "dead letter"), c.firstUnanswered)
}

// name finds the event's name, and the schema it was written with.
func (c *selector) name(ctx context.Context, d *Letter) error {
	ref, _, err := schema.ParseWire(d.Value, d.rawHeader)
	if err != nil {
		return nil //nolint:nilerr // it has no schema, and so no name
	}
	if d.Schema == "" {
		d.Schema = ref.String()
	}
	if d.Event != "" || c.names == nil || c.down {
		return nil
	}
	by, err := c.names.Find(ctx, ref)
	switch {
	case err != nil && (len(c.Filter.Events) > 0 || len(c.Causes) > 0 || ctx.Err() != nil):
		return err // the choice depends on it
	case err != nil:
		c.down = true
	case by.Err == nil:
		d.Event = by.Schema.FullName()
	}
	return nil
}
