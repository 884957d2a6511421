package schema

import (
	"fmt"
	"reflect"
	"strconv"
	"unsafe"

	"github.com/hamba/avro/v2"

	"github.com/headrace/headrace/internal/printable"
)

// decodeFn reads one value into what is at p. The guard has passed the bytes.
type decodeFn func(r *avro.Reader, p unsafe.Pointer) *DataError

// decodeBinder builds decodeFns. done finds a type again that is used within itself.
type decodeBinder struct {
	done map[binding]*decodeFn
}

func (b *decodeBinder) bind(n *node, t reflect.Type) (decodeFn, *TypeError) {
	key := binding{n, t}
	if fn, ok := b.done[key]; ok {
		if *fn != nil {
			return *fn, nil
		}
		return func(r *avro.Reader, p unsafe.Pointer) *DataError { return (*fn)(r, p) }, nil
	}
	slot := new(decodeFn)
	b.done[key] = slot
	fn, err := b.build(n, t)
	if err != nil {
		return nil, err
	}
	*slot = fn
	return fn, nil
}

func (b *decodeBinder) build(n *node, t reflect.Type) (decodeFn, *TypeError) {
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
		return decodeScalar(n, t)
	}
}

func (b *decodeBinder) pointer(n *node, t reflect.Type) (decodeFn, *TypeError) {
	elem, err := b.bind(n, t.Elem())
	if err != nil {
		return nil, err
	}
	return intoNew(t.Elem(), elem), nil
}

func intoNew(t reflect.Type, elem decodeFn) decodeFn {
	return func(r *avro.Reader, p unsafe.Pointer) *DataError {
		value := reflect.New(t).UnsafePointer()
		*(*unsafe.Pointer)(p) = value
		return elem(r, value)
	}
}

func (b *decodeBinder) record(n *node, t reflect.Type) (decodeFn, *TypeError) {
	if t.Kind() != reflect.Struct {
		return nil, unfit(n, t, "a struct")
	}
	bound, err := bindRecord(n, t)
	if err != nil {
		return nil, err
	}
	type fieldStep struct {
		fn     decodeFn
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
	return func(r *avro.Reader, p unsafe.Pointer) *DataError {
		for i := range steps {
			st := &steps[i]
			if err := st.fn(r, unsafe.Add(p, st.offset)); err != nil {
				return err.within(st.name)
			}
		}
		return nil
	}, nil
}

func (b *decodeBinder) array(n *node, t reflect.Type) (decodeFn, *TypeError) {
	if t.Kind() != reflect.Slice {
		return nil, unfit(n, t, "a slice")
	}
	item, err := b.bind(n.items, t.Elem())
	if err != nil {
		return nil, err.within("[]")
	}
	size, grow := t.Elem().Size(), growerOf(t)
	return func(r *avro.Reader, p unsafe.Pointer) *DataError {
		// Never into the slice that is there: it may belong to an event that was handed out.
		reflect.NewAt(t, p).Elem().SetZero()
		for total := 0; ; {
			count, _ := r.ReadBlockHeader()
			if count <= 0 { // also after an error, which stays in r until the end
				if total == 0 {
					grow(p, 0)
				}
				return nil
			}
			grow(p, int(count))
			data := (*sliceHeader)(p).data
			for range count {
				if err := item(r, unsafe.Add(data, uintptr(total)*size)); err != nil {
					return err.within(strconv.Itoa(total))
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

func (b *decodeBinder) mapping(n *node, t reflect.Type) (decodeFn, *TypeError) {
	if t.Kind() != reflect.Map || t.Key().Kind() != reflect.String {
		return nil, unfit(n, t, "a map with string keys")
	}
	item, err := b.bind(n.items, t.Elem())
	if err != nil {
		return nil, err.within("{}")
	}
	return func(r *avro.Reader, p unsafe.Pointer) *DataError {
		var m, key, value reflect.Value
		for {
			count, _ := r.ReadBlockHeader()
			if !m.IsValid() {
				m = reflect.MakeMapWithSize(t, int(min(max(count, 0), maxMapHint)))
				key, value = reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
				reflect.NewAt(t, p).Elem().Set(m)
			}
			if count <= 0 { // also after an error, which stays in r until the end
				return nil
			}
			for range count {
				key.SetString(r.ReadString())
				value.SetZero()
				if err := item(r, value.Addr().UnsafePointer()); err != nil {
					return err.within(printable.Clip(key.String()))
				}
				m.SetMapIndex(key, value)
			}
		}
	}, nil
}

func (b *decodeBinder) union(n *node, t reflect.Type) (decodeFn, *TypeError) {
	form, err := formOfUnion(n, t)
	if err != nil {
		return nil, err
	}
	fns := make([]decodeFn, len(n.branches))
	switch form {
	case unionSingle, unionNullable:
		for i, branch := range n.branches {
			switch {
			case form == unionNullable && branch.kind == kindNull:
				fns[i] = storeZero(t)
			case form == unionNullable && t.Kind() == reflect.Pointer:
				fns[i], err = b.pointer(branch, t)
			default:
				fns[i], err = b.bind(branch, t)
			}
			if err != nil {
				return nil, err
			}
		}
	case unionStruct:
		fns, err = b.choices(n, t)
	case unionPointer:
		fns, err = b.choices(n, t.Elem())
		for i, branch := range n.branches {
			if branch.kind == kindNull {
				fns[i] = storeZero(t)
			} else if err == nil {
				fns[i] = intoNew(t.Elem(), fns[i])
			}
		}
	}
	if err != nil {
		return nil, err
	}
	return func(r *avro.Reader, p unsafe.Pointer) *DataError {
		i := r.ReadLong()
		if i < 0 || i >= int64(len(fns)) {
			return undecodable("a union's branch is out of range")
		}
		return fns[i](r, p)
	}, nil
}

// choices are how each branch is read into a struct that stands for the union: into its own field, the others cleared.
func (b *decodeBinder) choices(n *node, t reflect.Type) ([]decodeFn, *TypeError) {
	fns := make([]decodeFn, len(n.branches))
	bound, err := bindUnion(n, t)
	if err != nil {
		return fns, err
	}
	zero := storeZero(t)
	for i, f := range bound {
		if f.typ == nil {
			fns[i] = zero
			continue
		}
		fn, err := b.bind(n.branches[i], f.typ)
		if err != nil {
			return fns, err.within(f.name)
		}
		fns[i] = func(r *avro.Reader, p unsafe.Pointer) *DataError {
			if err := zero(r, p); err != nil {
				return err
			}
			return fn(r, unsafe.Add(p, f.offset))
		}
	}
	return fns, nil
}

func storeZero(t reflect.Type) decodeFn {
	return func(_ *avro.Reader, p unsafe.Pointer) *DataError {
		reflect.NewAt(t, p).Elem().SetZero()
		return nil
	}
}

func undecodable(format string, args ...any) *DataError {
	return &DataError{Offset: -1, Reason: fmt.Sprintf(format, args...)}
}
