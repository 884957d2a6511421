package schema

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/hamba/avro/v2"
)

// maxPlans bounds how many writer schemas one decoder keeps plans for. A type rarely meets more than its own few versions.
const maxPlans = 256

// Decoder turns Avro into events of one type. It is safe for concurrent use.
//
// Bytes are checked against the writer's schema first, to the last one; then they are read as E's own schema, by the rules of the Avro
// specification's "Schema Resolution". What that takes is worked out once per writer schema and kept.
//
// E's fields follow the rules of [Encoder]. A type with DecodeAvro(src []byte) (rest []byte, err error) on its pointer decodes
// itself where the writer's schema is its own, and by its fields where it is not.
type Decoder[E Event] struct {
	schema *Schema
	reg    *Registry
	own    bool

	mu     sync.Mutex // serialises the building of plans
	plans  atomic.Pointer[map[planKey]*decodePlan]
	states sync.Pool
}

type planKey struct {
	ref    Ref
	writer *Schema
}

// decodePlan is how one writer's data is read, or why it is not.
type decodePlan struct {
	guard *guard
	fn    decodeFn
	own   bool
	err   error
}

// selfDecoder is a type that decodes itself.
type selfDecoder interface {
	DecodeAvro(src []byte) (rest []byte, err error)
}

// NewDecoder returns the decoder of E, which asks reg for the schemas of writers. reg may be nil when only [Decoder.DecodeFrom] is
// used. When E's schema does not parse, or a field of E does not fit it, the error says which: an [*InvalidSchemaError] or a
// [*TypeError].
func NewDecoder[E Event](reg *Registry) (*Decoder[E], error) {
	s, err := eventSchema[E]()
	if err != nil {
		return nil, err
	}
	d := &Decoder[E]{schema: s, reg: reg}
	_, d.own = any((*E)(nil)).(selfDecoder)
	d.plans.Store(&map[planKey]*decodePlan{})
	d.states.New = func() any { return &decodeState{r: newReader()} }
	// The plan for its own schema shows whether the Go type fits. A type that decodes itself may hold fields in its own way.
	if plan := d.build(s, Ref{}); plan.err != nil && !d.own {
		return nil, plan.err
	}
	return d, nil
}

// Schema returns the schema of E, the reader's schema.
func (d *Decoder[E]) Schema() *Schema { return d.schema }

// Decode decodes body, the Avro bytes that [ParseWire] returned with writer, into e, which it overwrites. Strings and bytes are
// copied, so body may be reused. After an error e is the zero value.
//
// The errors tell whose fault it is. The event's: [*DataError], [*UnknownSchemaError], [*ResolveError], [*InvalidSchemaError] of the
// writer's schema. Nobody's, to be tried again: those for which [Unavailable] is true, and the context's.
func (d *Decoder[E]) Decode(ctx context.Context, writer Ref, body []byte, e *E) error {
	plan, ok := (*d.plans.Load())[planKey{ref: writer}]
	if !ok {
		if d.reg == nil {
			var zero E
			*e = zero
			return fmt.Errorf("event %s: the decoder has no registry to ask for %s", d.schema.FullName(), writer)
		}
		s, err := d.reg.Resolve(ctx, writer)
		if err != nil {
			var zero E
			*e = zero
			return fmt.Errorf("event %s: %w", d.schema.FullName(), err)
		}
		plan = d.plan(planKey{ref: writer}, s)
	}
	return d.run(plan, body, e)
}

// DecodeFrom is Decode with the writer's schema at hand.
func (d *Decoder[E]) DecodeFrom(writer *Schema, body []byte, e *E) error {
	key := planKey{writer: writer}
	plan, ok := (*d.plans.Load())[key]
	if !ok {
		plan = d.plan(key, writer)
	}
	return d.run(plan, body, e)
}

// plan returns the plan for a writer's schema, built once. The map is copied on write, so that reading it takes no lock.
func (d *Decoder[E]) plan(key planKey, writer *Schema) *decodePlan {
	d.mu.Lock()
	defer d.mu.Unlock()
	known := *d.plans.Load()
	if plan, ok := known[key]; ok {
		return plan
	}
	plan := d.build(writer, key.ref)
	next := make(map[planKey]*decodePlan, len(known)+1)
	if len(known) < maxPlans {
		maps.Copy(next, known)
	}
	next[key] = plan
	d.plans.Store(&next)
	return plan
}

func (d *Decoder[E]) build(writer *Schema, ref Ref) *decodePlan {
	plan := &decodePlan{guard: writer.guard}
	if d.own && writer.identity == d.schema.identity {
		plan.own = true
		return plan
	}
	t := reflect.TypeFor[E]()
	fn, err := newDecodeBinder(d.schema.root, writer.root).bind(writer.root, d.schema.root, t)
	switch {
	case err == nil:
		plan.fn = fn
	case err.fit != nil:
		err.fit.Event = t.String()
		plan.err = err.fit
	default:
		problems := Compatible(d.schema, writer)
		if len(problems) == 0 {
			problems = []Incompatibility{{Kind: TypeMismatch, Message: err.problem}}
		}
		plan.err = &ResolveError{Event: d.schema.FullName(), Writer: ref, Problems: problems}
	}
	return plan
}

func (d *Decoder[E]) run(plan *decodePlan, body []byte, e *E) (err error) {
	var zero E
	*e = zero
	if plan.err != nil {
		return plan.err
	}
	if err := plan.guard.check(body); err != nil {
		return err
	}
	defer func() {
		// A type's own methods may panic; so might a decoder over data that no test thought of. The event is at fault either way.
		if p := recover(); p != nil {
			err = &DataError{Schema: plan.guard.name, Offset: -1, Reason: fmt.Sprintf("decoding it panicked: %s", clip(fmt.Sprint(p)))}
		}
		if err != nil {
			*e = zero
		}
	}()
	if plan.own {
		return d.runOwn(plan, body, e)
	}
	s := d.states.Get().(*decodeState)
	s.r.Reset(body)
	s.r.Error = nil
	if fault := plan.fn(s, unsafe.Pointer(e)); fault != nil {
		fault.Schema = plan.guard.name
		return fault
	}
	if err := atEnd(s.r); err != nil {
		return &DataError{Schema: plan.guard.name, Offset: -1, Reason: err.Error()}
	}
	d.states.Put(s)
	return nil
}

func (d *Decoder[E]) runOwn(plan *decodePlan, body []byte, e *E) error {
	rest, err := any(e).(selfDecoder).DecodeAvro(body)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes follow the value", len(rest))
	}
	if err != nil {
		return &DataError{Schema: plan.guard.name, Offset: -1, Reason: clip(err.Error())}
	}
	return nil
}

var errDecodeEnd = errors.New("the value is shorter than the data")

// atEnd holds hamba's reader to the last byte. The guard has done so already; the two must agree, or one of them is wrong.
func atEnd(r *avro.Reader) error {
	if r.Error != nil {
		return r.Error
	}
	if r.Peek(); r.Error == nil {
		return errDecodeEnd
	}
	r.Error = nil
	r.Reset(nil)
	return nil
}
