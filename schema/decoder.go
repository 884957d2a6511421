package schema

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/hamba/avro/v2"

	"github.com/headrace/headrace/internal/printable"
	"github.com/headrace/headrace/schema/codec"
)

// maxKeptBuffer is the largest buffer a decoder keeps for the next translation; one huge event must not stay in memory for ever.
const maxKeptBuffer = 1 << 20

// maxPlans bounds how many writer schemas one decoder keeps plans for. A type rarely meets more than its own few versions.
const maxPlans = 256

// Decoder turns Avro into events of one type. It is safe for concurrent use.
//
// Bytes are checked to the last one, by the writer's schema, before anything is made of them. Where the writer's schema has another
// layout than E's own, they are then translated into what E's schema has, by the rules of the Avro specification's "Schema Resolution"; what
// that takes is worked out once per writer schema and kept.
//
// A type with DecodeAvro(*codec.Reader) on its pointer, as generated types have, decodes itself. Any other follows the rules of
// [Encoder].
type Decoder[E Event] struct {
	schema *Schema
	from   Resolver // nil when every writer's schema is given
	own    bool
	fn     decodeFn // nil when E decodes itself

	mu     sync.Mutex // serialises the building of plans
	plans  atomic.Pointer[map[planKey]*decodePlan]
	last   atomic.Pointer[decodePlan] // the one used last, most often the next one too
	states sync.Pool
}

type planKey struct {
	ref    Ref
	writer *Schema
}

// decodePlan is what is done with one writer's data before E decodes it.
type decodePlan struct {
	key         planKey
	writer      *guard
	translation *translation // nil when both schemas have the same bytes
	err         error        // why it cannot be read at all
}

type decodeState struct {
	r           *avro.Reader
	own         codec.Reader
	translating translating
	buffer      []byte // translated values
}

// selfDecoder is a type that decodes itself. codec.Reader keeps the guard's rules while it reads, so no scan comes before it.
type selfDecoder interface {
	DecodeAvro(r *codec.Reader)
}

// NewDecoder returns the decoder of E, which asks from for the schemas of writers. from may be nil when only [Decoder.DecodeFrom] is
// used. When E's schema does not parse, or a field of E does not fit it, the error says which: an [*InvalidSchemaError] or a
// [*TypeError].
func NewDecoder[E Event](from Resolver) (*Decoder[E], error) {
	s, err := eventSchema[E]()
	if err != nil {
		return nil, err
	}
	d := &Decoder[E]{schema: s, from: from}
	d.plans.Store(&map[planKey]*decodePlan{})
	d.states.New = func() any { return &decodeState{r: newReader()} }
	if _, d.own = any((*E)(nil)).(selfDecoder); d.own {
		return d, nil
	}
	t := reflect.TypeFor[E]()
	b := decodeBinder{done: map[binding]*decodeFn{}}
	fn, fault := b.bind(s.root, t)
	if fault != nil {
		fault.Event = t.String()
		return nil, fault
	}
	d.fn = fn
	return d, nil
}

// Schema returns the schema of E, the reader's schema.
func (d *Decoder[E]) Schema() *Schema { return d.schema }

// Decode decodes body, the Avro bytes that [ParseWire] returned with writer, into e, which it overwrites. Strings and bytes are
// copied, so body may be reused. After an error e is the zero value.
//
// The errors tell whose fault it is. A [*DataError], a [*ResolveError] and an [*InvalidSchemaError] of the writer's schema are the event's.
// An error of the [Resolver] is wrapped. With the client of package schema/registry it is the event's when it is an UnknownSchemaError;
// when Unavailable reports true for it, the same call may succeed later.
func (d *Decoder[E]) Decode(ctx context.Context, writer Ref, body []byte, e *E) error {
	plan, err := d.planFor(ctx, writer)
	if err != nil {
		var zero E
		*e = zero
		return err
	}
	return d.pooled(plan, body, e)
}

// DecodeFrom is Decode with the writer's schema at hand.
func (d *Decoder[E]) DecodeFrom(writer *Schema, body []byte, e *E) error {
	key := planKey{writer: writer}
	plan := d.known(key)
	if plan == nil {
		plan = d.plan(key, writer)
	}
	return d.pooled(plan, body, e)
}

// pooled runs plan with a state from the pool.
func (d *Decoder[E]) pooled(plan *decodePlan, body []byte, e *E) error {
	s := d.states.Get().(*decodeState)
	defer d.states.Put(s)
	var self selfDecoder
	if d.own {
		self = any(e).(selfDecoder)
	}
	return d.run(s, plan, body, e, self)
}

// planFor returns the plan for writer, asking the resolver for its schema the first time.
func (d *Decoder[E]) planFor(ctx context.Context, writer Ref) (*decodePlan, error) {
	key := planKey{ref: writer}
	if plan := d.known(key); plan != nil {
		return plan, nil
	}
	if d.from == nil {
		return nil, fmt.Errorf("event %s: the decoder has no registry to ask for %s", d.schema.FullName(), writer)
	}
	s, err := d.from.Resolve(ctx, writer)
	if err != nil {
		return nil, fmt.Errorf("event %s: %w", d.schema.FullName(), err)
	}
	return d.plan(key, s), nil
}

func (d *Decoder[E]) known(key planKey) *decodePlan {
	if plan := d.last.Load(); plan != nil && plan.key == key {
		return plan
	}
	plan := (*d.plans.Load())[key]
	if plan != nil {
		d.last.Store(plan)
	}
	return plan
}

// plan returns the plan for a writer's schema, built once. The map is copied on write, so that reading it takes no lock.
func (d *Decoder[E]) plan(key planKey, writer *Schema) *decodePlan {
	d.mu.Lock()
	defer d.mu.Unlock()
	known := *d.plans.Load()
	if plan, ok := known[key]; ok {
		return plan
	}
	plan := &decodePlan{key: key, writer: writer.guard}
	if writer.identity != d.schema.identity {
		plan.translation, plan.err = d.translation(writer, key.ref)
	}
	next := make(map[planKey]*decodePlan, len(known)+1)
	if len(known) < maxPlans {
		maps.Copy(next, known)
	}
	next[key] = plan
	d.plans.Store(&next)
	return plan
}

func (d *Decoder[E]) translation(writer *Schema, ref Ref) (*translation, error) {
	t, problem := newTranslation(d.schema.root, writer.root)
	if problem == "" {
		if t.moves[t.entry].code == moveCopy {
			t = nil
		}
		return t, nil
	}
	problems := Compatible(d.schema, writer)
	if len(problems) == 0 {
		problems = []Incompatibility{{Kind: TypeMismatch, Message: problem}}
	}
	return nil, &ResolveError{Event: d.schema.FullName(), Writer: ref, Problems: problems}
}

// run decodes body into e, of which self is the decoder when E has one of its own.
func (d *Decoder[E]) run(s *decodeState, plan *decodePlan, body []byte, e *E, self selfDecoder) (err error) {
	var zero E
	*e = zero
	if plan.err != nil {
		return plan.err
	}
	finished := false
	defer func() {
		if finished {
			return
		}
		// A type's own methods may panic; so might a decoder over data that no test thought of. The event is at fault either way.
		if p := recover(); p != nil {
			*s, *e = decodeState{r: newReader()}, zero
			err = &DataError{Schema: plan.writer.name, Offset: -1, Reason: fmt.Sprintf("decoding it panicked: %s", printable.Clip(fmt.Sprint(p)))}
		}
	}()
	fault := d.decode(s, plan, body, e, self)
	if cap(s.buffer) > maxKeptBuffer {
		s.buffer = nil
	}
	finished = true
	if fault != nil {
		*e = zero
		fault.Schema = plan.writer.name
		return fault
	}
	return nil
}

func (d *Decoder[E]) decode(s *decodeState, plan *decodePlan, body []byte, e *E, self selfDecoder) *DataError {
	if plan.translation != nil {
		out, err := plan.translation.append(s.buffer[:0], body, &s.translating)
		if err != nil {
			return err
		}
		s.buffer, body = out, out
	}
	if self != nil {
		err := decodeOwn(&s.own, self, body)
		if err != nil && plan.translation != nil {
			err.Offset = -1 // of the translation, which nobody has seen
		}
		return err
	}
	if plan.translation == nil {
		if err := plan.writer.scan(body); err != nil {
			return err
		}
	}
	s.r.Error = nil
	s.r.Reset(body)
	if err := d.fn(s.r, unsafe.Pointer(e)); err != nil {
		return err
	}
	return atEnd(s.r)
}

func decodeOwn(r *codec.Reader, e selfDecoder, body []byte) *DataError {
	if len(body) > MaxValueBytes {
		return tooLong(body)
	}
	r.Reset(body)
	e.DecodeAvro(r)
	err, rest := r.Err(), r.Rest()
	r.Reset(nil) // not to keep the event's bytes
	if err == nil && rest > 0 {
		return &DataError{Offset: len(body) - rest, Reason: fmt.Sprintf("%d bytes follow the value", rest)}
	}
	return dataErrorOf(err)
}

// dataErrorOf translates the error of a generated decoder.
func dataErrorOf(err error) *DataError {
	if err == nil {
		return nil
	}
	fault := &DataError{Offset: -1}
	var inField *codec.FieldError
	if errors.As(err, &inField) {
		fault.Path = "/" + strings.ReplaceAll(inField.Field, ".", "/")
		err = inField.Err
	}
	var at *codec.DataError
	if errors.As(err, &at) {
		fault.Offset, fault.Reason = at.Offset, at.Reason
		return fault
	}
	fault.Reason = printable.Clip(err.Error())
	return fault
}

// atEnd holds hamba's reader to the last byte. The guard has done so already; the two must agree, or one of them is wrong.
func atEnd(r *avro.Reader) *DataError {
	if r.Error == nil {
		if r.Peek(); r.Error == nil {
			return undecodable("the value is shorter than the data")
		}
		if errors.Is(r.Error, io.EOF) {
			r.Reset(nil)
			return nil
		}
	}
	return undecodable("%s", printable.Clip(r.Error.Error()))
}
