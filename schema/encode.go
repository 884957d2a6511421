package schema

import (
	"fmt"
	"reflect"
	"unsafe"

	"github.com/headrace/headrace/schema/codec"
)

// encodeFn appends the value at p.
type encodeFn func(s *encodeState, p unsafe.Pointer) *EncodeError

type encodeState struct {
	dst   []byte
	depth int
}

// EncodeError says which field of an event has a value that its schema cannot hold. No retry mends it.
type EncodeError struct {
	Event  string // full name of the schema
	Path   string // as /items/3/price
	Reason string
}

func (e *EncodeError) Error() string {
	text := "event " + e.Event
	if e.Path != "" {
		text += ": field " + e.Path
	}
	return text + ": " + e.Reason
}

func (e *EncodeError) within(name string) *EncodeError {
	e.Path = "/" + name + e.Path
	return e
}

func unencodable(format string, args ...any) *EncodeError {
	return &EncodeError{Reason: fmt.Sprintf(format, args...)}
}

var (
	errEncodeUTF8 = "the string is not UTF-8"
	errEncodeNil  = "it is nil, and the schema has no null there"
)

// encodeBinder builds encodeFns. done finds a type again that is used within itself.
type encodeBinder struct {
	done map[binding]*encodeFn
}

type binding struct {
	n *node
	t reflect.Type
}

func (b *encodeBinder) bind(n *node, t reflect.Type) (encodeFn, *TypeError) {
	key := binding{n, t}
	if fn, ok := b.done[key]; ok {
		if *fn != nil {
			return *fn, nil
		}
		return func(s *encodeState, p unsafe.Pointer) *EncodeError { return (*fn)(s, p) }, nil
	}
	slot := new(encodeFn)
	b.done[key] = slot
	fn, err := b.build(n, t)
	if err != nil {
		return nil, err
	}
	*slot = fn
	return fn, nil
}

func (b *encodeBinder) build(n *node, t reflect.Type) (encodeFn, *TypeError) {
	switch {
	case n.kind == kindUnion:
		return b.union(n, t)
	case t.Kind() == reflect.Pointer:
		return b.pointer(n, t)
	case n.kind == kindRecord:
		return b.record(n, t)
	case n.kind == kindArray:
		return b.array(n, t)
	case n.kind == kindMap:
		return b.mapping(n, t)
	default:
		return encodeScalar(n, t)
	}
}

func (b *encodeBinder) pointer(n *node, t reflect.Type) (encodeFn, *TypeError) {
	elem, err := b.bind(n, t.Elem())
	if err != nil {
		return nil, err
	}
	return func(s *encodeState, p unsafe.Pointer) *EncodeError {
		if p = *(*unsafe.Pointer)(p); p == nil {
			return unencodable("%s", errEncodeNil)
		}
		return elem(s, p)
	}, nil
}

func (b *encodeBinder) record(n *node, t reflect.Type) (encodeFn, *TypeError) {
	if t.Kind() != reflect.Struct {
		return nil, unfit(n, t, "a struct")
	}
	bound, err := bindRecord(n, t)
	if err != nil {
		return nil, err
	}
	type fieldStep struct {
		fn     encodeFn
		offset uintptr
		name   string
	}
	steps := make([]fieldStep, len(bound))
	for i, f := range bound {
		fn, err := b.bind(n.fields[i].typ, f.typ)
		if err != nil {
			return nil, err.within(f.name)
		}
		steps[i] = fieldStep{fn, f.offset, f.name}
	}
	return func(s *encodeState, p unsafe.Pointer) *EncodeError {
		if s.depth++; s.depth > MaxDepth {
			return unencodable("it nests deeper than %d levels", MaxDepth)
		}
		for i := range steps {
			st := &steps[i]
			if err := st.fn(s, unsafe.Add(p, st.offset)); err != nil {
				return err.within(st.name)
			}
		}
		s.depth--
		return nil
	}, nil
}

// sliceHeader is the layout of a slice.
type sliceHeader struct {
	data unsafe.Pointer
	len  int
	cap  int
}

func (b *encodeBinder) array(n *node, t reflect.Type) (encodeFn, *TypeError) {
	if t.Kind() != reflect.Slice {
		return nil, unfit(n, t, "a slice")
	}
	item, err := b.bind(n.items, t.Elem())
	if err != nil {
		return nil, err.within("[]")
	}
	size := t.Elem().Size()
	return func(s *encodeState, p unsafe.Pointer) *EncodeError {
		if s.depth++; s.depth > MaxDepth {
			return unencodable("it nests deeper than %d levels", MaxDepth)
		}
		slice := (*sliceHeader)(p)
		if slice.len > 0 {
			s.dst = codec.AppendLong(s.dst, int64(slice.len))
		}
		for i := range slice.len {
			if err := item(s, unsafe.Add(slice.data, uintptr(i)*size)); err != nil {
				return err.within(fmt.Sprint(i))
			}
		}
		s.dst = codec.AppendLong(s.dst, 0)
		s.depth--
		return nil
	}, nil
}

func (b *encodeBinder) union(n *node, t reflect.Type) (encodeFn, *TypeError) {
	form, err := formOfUnion(n, t)
	if err != nil {
		return nil, err
	}
	switch form {
	case unionSingle:
		only, err := b.bind(n.branches[0], t)
		if err != nil {
			return nil, err
		}
		return func(s *encodeState, p unsafe.Pointer) *EncodeError {
			s.dst = codec.AppendLong(s.dst, 0)
			return only(s, p)
		}, nil
	case unionNullable:
		return b.nullable(n, t)
	case unionPointer:
		return b.choice(n, t.Elem(), true)
	default:
		return b.choice(n, t, false)
	}
}

func (b *encodeBinder) nullable(n *node, t reflect.Type) (encodeFn, *TypeError) {
	null, other, _ := n.nullable()
	branch, elem := n.branches[other], t
	if t.Kind() == reflect.Pointer {
		elem = t.Elem()
	}
	fn, err := b.bind(branch, elem)
	if err != nil {
		return nil, err
	}
	deref := t.Kind() == reflect.Pointer
	return func(s *encodeState, p unsafe.Pointer) *EncodeError {
		// The first word of a slice is its array, of a map its table: nil is nil in each.
		value := *(*unsafe.Pointer)(p)
		if value == nil {
			s.dst = codec.AppendLong(s.dst, int64(null))
			return nil
		}
		s.dst = codec.AppendLong(s.dst, int64(other))
		if deref {
			p = value
		}
		return fn(s, p)
	}, nil
}

func (b *encodeBinder) choice(n *node, t reflect.Type, deref bool) (encodeFn, *TypeError) {
	bound, err := bindUnion(n, t)
	if err != nil {
		return nil, err
	}
	null := -1
	fns := make([]encodeFn, len(bound))
	for i, f := range bound {
		if f.typ == nil {
			null = i
			continue
		}
		if fns[i], err = b.bind(n.branches[i], f.typ); err != nil {
			return nil, err.within(f.name)
		}
	}
	return func(s *encodeState, p unsafe.Pointer) *EncodeError {
		if deref {
			p = *(*unsafe.Pointer)(p)
		}
		chosen := -1
		for i := range bound {
			if p == nil || fns[i] == nil || *(*unsafe.Pointer)(unsafe.Add(p, bound[i].offset)) == nil {
				continue
			}
			if chosen >= 0 {
				return unencodable("a union has one value, and %s and %s are both set", bound[chosen].name, bound[i].name)
			}
			chosen = i
		}
		if chosen < 0 {
			if null < 0 {
				return unencodable("no branch of the union is set")
			}
			s.dst = codec.AppendLong(s.dst, int64(null))
			return nil
		}
		s.dst = codec.AppendLong(s.dst, int64(chosen))
		return fns[chosen](s, unsafe.Add(p, bound[chosen].offset))
	}, nil
}

func writeString(s *encodeState, text string) *EncodeError {
	dst, err := codec.AppendString(s.dst, text)
	if err != nil {
		return unencodable("%s", errEncodeUTF8)
	}
	s.dst = dst
	return nil
}
