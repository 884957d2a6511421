package schema

import (
	"fmt"
	"reflect"
	"strings"
	"unsafe"

	"github.com/hamba/avro/v2"
)

// decodeFn reads one value of the writer's type and stores it at p as the reader's.
type decodeFn func(s *decodeState, p unsafe.Pointer) *DataError

type decodeState struct {
	r *avro.Reader
	// defaults reads the encoded defaults of fields that the writer does not have.
	defaults *avro.Reader
}

// ResolveError says that an event type cannot be decoded from what a writer's schema wrote: the schemas are incompatible. No retry
// mends it; a new version of the event type may.
type ResolveError struct {
	Event    string // full name of the reader's schema
	Writer   Ref    // the writer's schema
	Problems []Incompatibility
}

func (e *ResolveError) Error() string {
	texts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		texts[i] = p.String()
	}
	return fmt.Sprintf("event %s cannot be read from data of %s: %s", e.Event, e.Writer, strings.Join(texts, "; "))
}

// decodeBinder builds the plan that reads one writer's data into one Go type, following the Avro specification's "Schema
// Resolution". It does not build a resolved schema, as hamba's resolver does: that one recurses without end on recursive schemas.
//
// What is wrong for every value of the writer's is found while the plan is built. What depends on the value (a branch of the
// writer's union or a symbol of its enum that the reader does not have) is an error of that value, as the specification has it.
type decodeBinder struct {
	compat *comparison
	done   map[decodeBinding]*decodeFn
	skips  map[*node]*skipFn
}

type decodeBinding struct {
	writer, reader *node
	t              reflect.Type
}

// planError is a plan that cannot be built: the Go type does not fit the reader's schema, or the schemas do not fit each other.
type planError struct {
	fit     *TypeError
	problem string
}

func (e *planError) within(name string) *planError {
	if e.fit != nil {
		e.fit.within(name)
	}
	return e
}

func newDecodeBinder(reader, writer *node) *decodeBinder {
	return &decodeBinder{compat: compare(reader, writer), done: map[decodeBinding]*decodeFn{}, skips: map[*node]*skipFn{}}
}

func (b *decodeBinder) bind(w, r *node, t reflect.Type) (decodeFn, *planError) {
	key := decodeBinding{w, r, t}
	if fn, ok := b.done[key]; ok {
		if *fn != nil {
			return *fn, nil
		}
		return func(s *decodeState, p unsafe.Pointer) *DataError { return (*fn)(s, p) }, nil
	}
	slot := new(decodeFn)
	b.done[key] = slot
	fn, err := b.build(w, r, t)
	if err != nil {
		// A union may still be readable without this branch, and a type within it may already hold the slot.
		delete(b.done, key)
		*slot = func(*decodeState, unsafe.Pointer) *DataError { return undecodable("%s", err.problem) }
		return nil, err
	}
	*slot = fn
	return fn, nil
}

func (b *decodeBinder) build(w, r *node, t reflect.Type) (decodeFn, *planError) {
	switch {
	case w.kind == kindUnion:
		return b.writerUnion(w, r, t)
	case r.kind == kindUnion:
		return b.readerUnion(w, r, t)
	case t.Kind() == reflect.Pointer:
		return b.pointer(w, r, t)
	}
	if v := judge(r, w); len(v.problems) > 0 && v.problems[0].Kind != MissingEnumSymbols {
		return nil, &planError{problem: v.problems[0].Message}
	}
	switch r.kind {
	case kindRecord:
		return b.record(w, r, t)
	case kindArray:
		return b.array(w, r, t)
	case kindMap:
		return b.mapping(w, r, t)
	default:
		fn, err := decodeScalar(w, r, t)
		if err != nil {
			return nil, &planError{fit: err}
		}
		return fn, nil
	}
}

func (b *decodeBinder) pointer(w, r *node, t reflect.Type) (decodeFn, *planError) {
	elem, err := b.bind(w, r, t.Elem())
	if err != nil {
		return nil, err
	}
	et := t.Elem()
	return func(s *decodeState, p unsafe.Pointer) *DataError {
		value := reflect.New(et).UnsafePointer()
		*(*unsafe.Pointer)(p) = value
		return elem(s, value)
	}, nil
}

func (b *decodeBinder) record(w, r *node, t reflect.Type) (decodeFn, *planError) {
	if t.Kind() != reflect.Struct {
		return nil, &planError{fit: unfit(r, t, "a struct")}
	}
	bound, fault := bindRecord(r, t)
	if fault != nil {
		return nil, &planError{fit: fault}
	}
	type fieldStep struct {
		fn     decodeFn
		skip   skipFn
		offset uintptr
		name   string
	}
	target := make([]int, len(w.fields))
	for i := range target {
		target[i] = -1
	}
	from := pairFields(r, w)
	for ri, wi := range from {
		if wi >= 0 {
			target[wi] = ri
		}
	}
	var steps []fieldStep
	for wi, ri := range target {
		wf := &w.fields[wi]
		if ri < 0 {
			if skip := b.skip(wf.typ); skip != nil {
				steps = append(steps, fieldStep{skip: skip, name: wf.name})
			}
			continue
		}
		fn, err := b.bind(wf.typ, r.fields[ri].typ, bound[ri].typ)
		if err != nil {
			return nil, err.within(r.fields[ri].name)
		}
		steps = append(steps, fieldStep{fn: fn, offset: bound[ri].offset, name: wf.name})
	}
	for ri, wi := range from {
		if wi >= 0 {
			continue
		}
		fn, err := b.fallback(&r.fields[ri], bound[ri].typ)
		if err != nil {
			return nil, err.within(r.fields[ri].name)
		}
		steps = append(steps, fieldStep{fn: fn, offset: bound[ri].offset, name: r.fields[ri].name})
	}
	return func(s *decodeState, p unsafe.Pointer) *DataError {
		for i := range steps {
			st := &steps[i]
			if st.skip != nil {
				st.skip(s.r)
				continue
			}
			if err := st.fn(s, unsafe.Add(p, st.offset)); err != nil {
				return err.within(st.name)
			}
		}
		return nil
	}, nil
}

// fallback fills a field that the writer does not have with its default.
func (b *decodeBinder) fallback(f *field, t reflect.Type) (decodeFn, *planError) {
	if !f.hasDefault {
		return nil, &planError{problem: "the writer does not have it, and it has no default"}
	}
	fn, err := b.bind(f.typ, f.typ, t)
	if err != nil {
		return nil, err
	}
	return func(s *decodeState, p unsafe.Pointer) *DataError {
		if s.defaults == nil {
			s.defaults = newReader()
		}
		// A default is complete in itself, so reading one never needs another.
		of := decodeState{r: s.defaults.Reset(f.defaultAvro)}
		return fn(&of, p)
	}, nil
}

func (b *decodeBinder) array(w, r *node, t reflect.Type) (decodeFn, *planError) {
	if t.Kind() != reflect.Slice {
		return nil, &planError{fit: unfit(r, t, "a slice")}
	}
	item, err := b.bind(w.items, r.items, t.Elem())
	if err != nil {
		return nil, err.within("[]")
	}
	size, grow := t.Elem().Size(), growerOf(t)
	return func(s *decodeState, p unsafe.Pointer) *DataError {
		// Never into the slice that is there: it may belong to an event that was handed out.
		reflect.NewAt(t, p).Elem().SetZero()
		for total := 0; ; {
			count, _ := s.r.ReadBlockHeader()
			if count <= 0 || s.r.Error != nil {
				if total == 0 {
					grow(p, 0)
				}
				return nil
			}
			grow(p, int(count))
			data := (*sliceHeader)(p).data
			for range count {
				if err := item(s, unsafe.Add(data, uintptr(total)*size)); err != nil { //nolint:gosec // total is not negative
					return err.within(fmt.Sprint(total))
				}
				total++
			}
		}
	}, nil
}

// growerOf returns what lengthens the slice at p by n zero elements. A slice that ends up without any is empty and not nil, which
// would be null in a union.
func growerOf(t reflect.Type) func(p unsafe.Pointer, n int) {
	switch t.Elem().Kind() {
	case reflect.String:
		return grow[string]
	case reflect.Int64:
		return grow[int64]
	case reflect.Int32:
		return grow[int32]
	case reflect.Float64:
		return grow[float64]
	}
	return func(p unsafe.Pointer, n int) {
		v := reflect.NewAt(t, p).Elem()
		if n == 0 && v.IsNil() {
			v.Set(reflect.MakeSlice(t, 0, 0))
			return
		}
		v.Grow(n)
		v.SetLen(v.Len() + n)
	}
}

func grow[T any](p unsafe.Pointer, n int) {
	s := (*[]T)(p)
	if *s == nil {
		*s = make([]T, n)
		return
	}
	*s = append(*s, make([]T, n)...)
}

// maxMapHint bounds what is taken for a map before its entries are read.
const maxMapHint = 1024

func (b *decodeBinder) mapping(w, r *node, t reflect.Type) (decodeFn, *planError) {
	if t.Kind() != reflect.Map || t.Key().Kind() != reflect.String {
		return nil, &planError{fit: unfit(r, t, "a map with string keys")}
	}
	item, err := b.bind(w.items, r.items, t.Elem())
	if err != nil {
		return nil, err.within("{}")
	}
	return func(s *decodeState, p unsafe.Pointer) *DataError {
		var m, key, value reflect.Value
		for {
			count, _ := s.r.ReadBlockHeader()
			if !m.IsValid() {
				m = reflect.MakeMapWithSize(t, int(min(max(count, 0), maxMapHint)))
				key, value = reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
				reflect.NewAt(t, p).Elem().Set(m)
			}
			if count <= 0 || s.r.Error != nil {
				return nil
			}
			for range count {
				key.SetString(s.r.ReadString())
				value.SetZero()
				if err := item(s, value.Addr().UnsafePointer()); err != nil {
					return err.within(clip(key.String()))
				}
				m.SetMapIndex(key, value)
			}
		}
	}, nil
}
