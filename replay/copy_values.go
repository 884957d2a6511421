package replay

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/schemacache"
	"github.com/headrace/headrace/replay/filter"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

// Unknown says what becomes of an event whose schema the registry does not know, where a copy has to know it: for a filter, for another
// registry, or to encode the value anew.
type Unknown int8

const (
	UnknownStop Unknown = iota // it ends the copy, with an *[UndecidedError]
	UnknownCopy                // it is copied as it is, whatever the filter says of its type
	UnknownSkip                // it is passed over, and reported
)

// SubjectError says that the target's registry has no subject with a schema that the copied events are of, so that nobody who reads the
// target could decode them.
type SubjectError struct {
	Event   string // full name
	Subject string // where it would be
	Err     error
}

func (e *SubjectError) Error() string {
	return fmt.Sprintf("event %s is in no subject of the target (%s): %v; register it, or have the copy do so (headrace replay apply --register)", e.Event, e.Subject, e.Err)
}

// Unwrap returns what the registry said.
func (e *SubjectError) Unwrap() error { return e.Err }

// values changes what lies in front of values, and the values themselves, so that readers of the target can decode them.
type values struct {
	from, to *registry.Client
	another  bool // to gives ids of its own
	register bool
	topic    string
	subject  string // of the source
	several  bool   // the target has several event types
	reencode string // subject

	mu     sync.Mutex
	routes map[schema.Ref]*route
}

// route is what becomes of the values of one schema.
type route struct {
	unknown error              // the source's registry does not know the schema
	id      int                // to put before the value; 0 leaves value and header as they are
	move    *schema.Translator // nil leaves the body as it is
}

// newValues returns nil where values pass untouched.
func newValues(cfg *CopyConfig) (*values, error) {
	v := &values{
		from: cfg.Registry, to: cfg.ToRegistry, register: cfg.Register,
		topic: cfg.Plan.Target.Topic, subject: schemacache.SubjectOf(cfg.Plan.Source.Topics...), reencode: cfg.Plan.Target.Reencode, routes: map[schema.Ref]*route{},
	}
	if v.to == nil {
		v.to = v.from
	}
	if v.from != nil && v.to != v.from {
		v.another = v.to.URL() != v.from.URL()
	}
	events := map[string]bool{}
	for _, w := range cfg.Plan.Writers {
		events[w.Event] = true
	}
	v.several = len(events) > 1
	switch {
	case !v.another && !v.register && v.reencode == "":
		return nil, nil
	case v.from == nil:
		return nil, errors.New("copy: values are written for another registry, or anew, and no registry of the source is given")
	case cfg.Plan.Target.Raw:
		return nil, errors.New("copy: batches that pass undecoded cannot be written for another registry, or anew: make the plan without raw")
	}
	return v, nil
}

// check finds out what the target's registry lacks for the schemas of a plan, and changes nothing there. Values may be nil.
func (v *values) check(ctx context.Context, writers []Writer) error {
	if v == nil {
		return nil
	}
	if v.reencode != "" {
		if _, err := v.newest(ctx); err != nil {
			return err
		}
	}
	if v.register {
		return nil // what is missing comes with the first event
	}
	for _, w := range writers {
		if _, err := v.route(ctx, w.Ref); err != nil {
			return err
		}
	}
	return nil
}

func (v *values) newest(ctx context.Context) (registry.Version, error) {
	newest, err := v.to.Latest(ctx, v.reencode)
	if err != nil {
		err = fmt.Errorf("subject %s: %w", v.reencode, err)
	}
	return newest, err
}

// route finds out, once, what becomes of the values of a schema.
func (v *values) route(ctx context.Context, ref schema.Ref) (*route, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if r := v.routes[ref]; r != nil {
		return r, nil
	}
	r, err := v.find(ctx, ref)
	if err != nil {
		return nil, err
	}
	if len(v.routes) >= schemacache.Max {
		clear(v.routes)
	}
	v.routes[ref] = r
	return r, nil
}

func (v *values) find(ctx context.Context, ref schema.Ref) (*route, error) {
	writer, err := v.from.ResolveFor(ctx, v.subject, ref)
	if err != nil {
		if schemacache.IsUnusable(err) {
			return &route{unknown: err}, nil
		}
		return nil, err
	}
	if v.reencode != "" {
		newest, err := v.newest(ctx)
		if err != nil {
			return nil, err
		}
		if newest.Schema.FullName() == writer.FullName() {
			return v.reencoded(ref, writer, newest)
		}
	}
	if !v.another && !v.register {
		return &route{}, nil
	}
	id, err := v.targetID(ctx, writer)
	if err != nil || !v.another || ref.ByGUID { // a GUID is the same everywhere
		return &route{}, err
	}
	return &route{id: id}, nil
}

// reencoded is the route of values that are written with the newest schema of a subject.
func (v *values) reencoded(ref schema.Ref, writer *schema.Schema, newest registry.Version) (*route, error) {
	if ref == schema.RefID(newest.ID) && !v.another {
		return &route{}, nil
	}
	if writer.Fingerprint() == newest.Schema.Fingerprint() && len(schema.Compatible(writer, newest.Schema)) == 0 {
		return &route{id: newest.ID}, nil
	}
	move, err := schema.NewTranslator(newest.Schema, writer)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be written as version %d of subject %s: %w", ref, newest.Version, newest.Subject, err)
	}
	return &route{id: newest.ID, move: move}, nil
}

// targetID is the id of a schema in the target's registry, under one of the subjects that a producer looks under.
func (v *values) targetID(ctx context.Context, s *schema.Schema) (int, error) {
	subjects := []string{schema.TopicName(v.topic), schema.TopicRecordName(v.topic, s.FullName())}
	if v.several {
		subjects[0], subjects[1] = subjects[1], subjects[0]
	}
	if v.register {
		id, err := v.to.Register(ctx, subjects[0], s)
		if err != nil {
			err = fmt.Errorf("subject %s: %w", subjects[0], err)
		}
		return id, err
	}
	var missing error
	for _, subject := range subjects {
		id, err := v.to.Lookup(ctx, subject, s)
		if _, none := errors.AsType[*registry.NotRegisteredError](err); !none {
			return id, err
		}
		missing = err
	}
	return 0, &SubjectError{Event: s.FullName(), Subject: subjects[0], Err: missing}
}

// convertValue returns the event's value as the target is to hold it, in memory that is good until the next call. kept is false for an event
// that is not copied.
func (pc *partitionCopier) convertValue(ctx context.Context, span Span) (value []byte, kept bool, err error) {
	rec := &pc.record
	v := pc.copy.values
	if v == nil || pc.unknownSchema {
		return rec.Value, true, nil
	}
	ref, body, err := schema.ParseWire(rec.Value, rec.Header)
	if err != nil { // a tombstone, or foreign
		return rec.Value, true, nil //nolint:nilerr // it passes as it is
	}
	r, err := v.route(ctx, ref)
	switch {
	case err != nil:
		return nil, false, fmt.Errorf("%s: %w", pc.location(span), err)
	case r.unknown != nil:
		kept, err = pc.unknown(span, r.unknown)
		return rec.Value, kept, err
	case r.id == 0:
		return rec.Value, true, nil
	}
	pc.value = schema.AppendID(pc.value[:0], r.id)
	if r.move == nil {
		pc.value = append(pc.value, body...)
	} else if pc.value, err = r.move.Append(pc.value, body); err != nil {
		return nil, false, pc.corrupt(ctx, span, err)
	} else {
		pc.pending.Reencoded++
	}
	if ref.ByGUID {
		pc.headers = without(pc.headers, schema.HeaderValueSchemaID)
	}
	return pc.value, true, nil
}

func (pc *partitionCopier) location(span Span) headrace.Location {
	return headrace.Location{Topic: span.Topic, Partition: span.Partition, Offset: pc.record.Offset}
}

// unknown decides about an event whose schema nobody knows.
func (pc *partitionCopier) unknown(span Span, why error) (kept bool, err error) {
	if pc.copy.cfg.Unknown == UnknownStop {
		return false, &filter.UndecidedError{Location: pc.location(span), Err: why}
	}
	pc.pending.Unknown++
	if pc.copy.cfg.Unknown == UnknownCopy {
		pc.unknownSchema = true
		return true, nil
	}
	pc.noteSkipped(span, pc.record.Offset, pc.record.Offset+1, why)
	return false, nil
}

// undecided decides about an event that the filter could not decide.
func (pc *partitionCopier) undecided(ctx context.Context, span Span, why error) (kept bool, err error) {
	if schemacache.IsUnusable(why) {
		return pc.unknown(span, why)
	}
	if data, ok := errors.AsType[*schema.DataError](why); ok && pc.copy.passesCorrupt() {
		return false, pc.corrupt(ctx, span, data)
	}
	return false, why
}
