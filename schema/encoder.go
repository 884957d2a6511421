package schema

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"unsafe"

	"github.com/headrace/headrace/schema/codec"
)

// Encoder turns events of one type into Avro, without wire header. It is safe for concurrent use and, in steady state, allocates
// nothing but what a value's own methods do.
//
// A type with AppendAvro(dst []byte) ([]byte, error) encodes itself. Any other is a struct whose fields carry `avro` tags, and
// every field of its schema must have one that fits:
//
//   - int and long: any integer type (values are checked where the Go type holds more); float: float32; double: float64;
//     boolean: bool; bytes: []byte; fixed: an array of bytes; string and enum: a string type, or one with MarshalText and UnmarshalText;
//   - array: a slice; map: a map with string keys; record: a struct, or a pointer to one that is never nil;
//   - a union of null and T: a pointer to T's Go type, or its slice or map, nil being null; a union of several types: a struct with
//     one pointer per branch, tagged with the branch's name, of which one is set (none is null);
//   - decimal: big.Rat or *big.Rat, never rounded; uuid: string or [16]byte; date and timestamps: time.Time; time-millis and
//     time-micros: time.Duration since midnight; duration: [Duration]; each of them also the type beneath it.
//
// Times finer than the schema counts are cut, not rounded. Dates and local timestamps are the wall clock of the value's location.
type Encoder[E Event] struct {
	schema *Schema
	own    bool
	fn     encodeFn
	states sync.Pool
}

// appender is a type that encodes itself.
type appender interface {
	AppendAvro(dst []byte) ([]byte, error)
}

// NewEncoder returns the encoder of E. When E's schema does not parse, or a field of E does not fit it, the error says which: an
// [*InvalidSchemaError] or a [*TypeError].
func NewEncoder[E Event]() (*Encoder[E], error) {
	s, err := eventSchema[E]()
	if err != nil {
		return nil, err
	}
	c := &Encoder[E]{schema: s}
	if _, c.own = any((*E)(nil)).(appender); c.own {
		return c, nil
	}
	t := reflect.TypeFor[E]()
	b := encodeBinder{done: map[binding]*encodeFn{}}
	fn, fault := b.bind(s.root, t)
	if fault != nil {
		fault.Event = t.String()
		return nil, fault
	}
	c.fn = fn
	c.states.New = func() any { return new(encodeState) }
	return c, nil
}

// eventSchema is Of, for a type that has to be a record.
func eventSchema[E Event]() (*Schema, error) {
	t := reflect.TypeFor[E]()
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface {
		return nil, fmt.Errorf("%s: an event type is the struct itself, not a pointer or an interface", t)
	}
	s, err := Of[E]()
	if err != nil {
		return nil, err
	}
	if s.root.kind != kindRecord {
		return nil, fmt.Errorf("%s: an event's schema is a record, not %s", t, s.root.describe())
	}
	return s, nil
}

// Schema returns the schema that events are written with.
func (c *Encoder[E]) Schema() *Schema { return c.schema }

// Append appends e as Avro and returns the extended slice. On an error, which is an [*EncodeError] unless e encodes itself, dst is
// returned as it was. e must not change meanwhile.
func (c *Encoder[E]) Append(dst []byte, e *E) ([]byte, error) {
	if e == nil {
		return dst, &EncodeError{Event: c.schema.FullName(), Reason: "the event is nil"}
	}
	if c.own {
		return c.appendOwn(dst, any(e).(appender))
	}
	s := c.states.Get().(*encodeState)
	out, err := c.appendBound(s, dst, e)
	c.states.Put(s)
	return out, err
}

func (c *Encoder[E]) appendBound(s *encodeState, dst []byte, e *E) ([]byte, error) {
	s.dst, s.depth = dst, 0
	fault := c.fn(s, unsafe.Pointer(e))
	out := s.dst
	s.dst = nil
	if fault != nil {
		fault.Event = c.schema.FullName()
		return dst, fault
	}
	if size := len(out) - len(dst); size > MaxValueBytes {
		return dst, c.tooLong(size)
	}
	return out, nil
}

func (c *Encoder[E]) tooLong(size int) *EncodeError {
	return &EncodeError{Event: c.schema.FullName(), Reason: fmt.Sprintf("%d bytes are more than the %d allowed", size, MaxValueBytes)}
}

func (c *Encoder[E]) appendOwn(dst []byte, e appender) ([]byte, error) {
	out, err := e.AppendAvro(dst)
	return c.checkOwn(dst, out, err)
}

// checkOwn is what comes of dst when an event has appended itself to it with this result.
func (c *Encoder[E]) checkOwn(dst, out []byte, err error) ([]byte, error) {
	if err == nil {
		if size := len(out) - len(dst); size > MaxValueBytes {
			return dst, c.tooLong(size)
		}
		return out, nil
	}
	var inField *codec.FieldError
	if errors.As(err, &inField) {
		path := "/" + strings.ReplaceAll(inField.Field, ".", "/")
		return dst, &EncodeError{Event: c.schema.FullName(), Path: path, Reason: inField.Err.Error()}
	}
	return dst, fmt.Errorf("event %s: %w", c.schema.FullName(), err)
}
