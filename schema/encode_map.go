package schema

import (
	"reflect"
	"sync"
	"unsafe"

	"github.com/headrace/headrace/internal/printable"
	"github.com/headrace/headrace/schema/codec"
)

// mapScratch is what walking a map by reflection needs; it is kept, so that a map costs no allocation.
type mapScratch struct {
	iter       reflect.MapIter
	key, value reflect.Value
}

func (b *encodeBinder) mapping(n *node, t reflect.Type) (encodeFn, *TypeError) {
	if t.Kind() != reflect.Map || t.Key().Kind() != reflect.String {
		return nil, unfit(n, t, "a map with string keys")
	}
	item, err := b.bind(n.items, t.Elem())
	if err != nil {
		return nil, err.within("{}")
	}
	scratch := &sync.Pool{New: func() any {
		return &mapScratch{key: reflect.New(t.Key()).Elem(), value: reflect.New(t.Elem()).Elem()}
	}}
	return func(s *encodeState, p unsafe.Pointer) *EncodeError {
		if s.depth++; s.depth > MaxDepth {
			return unencodable("it nests deeper than %d levels", MaxDepth)
		}
		m := reflect.NewAt(t, p).Elem()
		if m.Len() > 0 {
			s.dst = codec.AppendLong(s.dst, int64(m.Len()))
			sc := scratch.Get().(*mapScratch)
			if err := sc.write(s, m, item); err != nil {
				return err
			}
			scratch.Put(sc)
		}
		s.dst = codec.AppendLong(s.dst, 0)
		s.depth--
		return nil
	}, nil
}

func (sc *mapScratch) write(s *encodeState, m reflect.Value, item encodeFn) *EncodeError {
	sc.iter.Reset(m)
	value := sc.value.Addr().UnsafePointer()
	for sc.iter.Next() {
		sc.key.SetIterKey(&sc.iter)
		sc.value.SetIterValue(&sc.iter)
		if err := writeString(s, sc.key.String()); err != nil {
			return err.within("a key")
		}
		if err := item(s, value); err != nil {
			return err.within(printable.Clip(sc.key.String()))
		}
	}
	// What the scratch refers to must not outlive the event.
	sc.iter.Reset(reflect.Value{})
	sc.key.SetZero()
	sc.value.SetZero()
	return nil
}
