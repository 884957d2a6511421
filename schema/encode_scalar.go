package schema

import (
	"encoding"
	"math"
	"reflect"
	"unsafe"

	"github.com/headrace/headrace/internal/printable"
	"github.com/headrace/headrace/schema/codec"
)

// encodeScalar binds everything that holds no other type.
func encodeScalar(n *node, t reflect.Type) (encodeFn, *TypeError) {
	if n.logical != logicalNone {
		if fn, err := encodeLogical(n, t); fn != nil || err != nil {
			return fn, err
		}
	}
	switch n.kind {
	case kindNull:
		return func(*encodeState, unsafe.Pointer) *EncodeError { return nil }, nil
	case kindBoolean:
		if t.Kind() == reflect.Bool {
			return func(s *encodeState, p unsafe.Pointer) *EncodeError {
				s.dst = codec.AppendBoolean(s.dst, *(*bool)(p))
				return nil
			}, nil
		}
		return nil, unfit(n, t, "bool")
	case kindInt, kindLong:
		return encodeInteger(n, t)
	case kindFloat:
		if t.Kind() == reflect.Float32 {
			return func(s *encodeState, p unsafe.Pointer) *EncodeError {
				s.dst = codec.AppendFloat(s.dst, *(*float32)(p))
				return nil
			}, nil
		}
		return nil, unfit(n, t, "float32")
	case kindDouble:
		if t.Kind() == reflect.Float64 {
			return func(s *encodeState, p unsafe.Pointer) *EncodeError {
				s.dst = codec.AppendDouble(s.dst, *(*float64)(p))
				return nil
			}, nil
		}
		return nil, unfit(n, t, "float64")
	case kindString:
		return encodeString(n, t)
	case kindBytes:
		if isBytes(t) {
			return func(s *encodeState, p unsafe.Pointer) *EncodeError {
				s.dst = codec.AppendBytes(s.dst, *(*[]byte)(p))
				return nil
			}, nil
		}
		return nil, unfit(n, t, "[]byte")
	case kindEnum:
		return encodeEnum(n, t)
	default:
		return encodeFixed(n, t)
	}
}

func encodeString(n *node, t reflect.Type) (encodeFn, *TypeError) {
	switch {
	case textual(t):
		return func(s *encodeState, p unsafe.Pointer) *EncodeError {
			text, err := marshalText(t, p)
			if err != nil {
				return err
			}
			return writeString(s, text)
		}, nil
	case t.Kind() == reflect.String:
		return func(s *encodeState, p unsafe.Pointer) *EncodeError { return writeString(s, *(*string)(p)) }, nil
	}
	return nil, unfit(n, t, "string, or a type with MarshalText and UnmarshalText")
}

func marshalText(t reflect.Type, p unsafe.Pointer) (string, *EncodeError) {
	m, ok := reflect.NewAt(t, p).Interface().(encoding.TextMarshaler)
	if !ok {
		return "", unencodable("%s has no MarshalText", t)
	}
	text, err := m.MarshalText()
	if err != nil {
		return "", unencodable("%v", err)
	}
	return string(text), nil
}

func encodeEnum(n *node, t reflect.Type) (encodeFn, *TypeError) {
	index := make(map[string]int32, len(n.symbols))
	for i, symbol := range n.symbols {
		index[symbol] = int32(i)
	}
	write := func(s *encodeState, symbol string) *EncodeError {
		i, ok := index[symbol]
		if !ok {
			return unencodable("%q is no symbol of enum %s", printable.Clip(symbol), n.name)
		}
		s.dst = codec.AppendLong(s.dst, int64(i))
		return nil
	}
	switch {
	case textual(t):
		return func(s *encodeState, p unsafe.Pointer) *EncodeError {
			text, err := marshalText(t, p)
			if err != nil {
				return err
			}
			return write(s, text)
		}, nil
	case t.Kind() == reflect.String:
		return func(s *encodeState, p unsafe.Pointer) *EncodeError { return write(s, *(*string)(p)) }, nil
	}
	return nil, unfit(n, t, "a string type, or one with MarshalText and UnmarshalText")
}

func encodeFixed(n *node, t reflect.Type) (encodeFn, *TypeError) {
	if !isByteArray(t, n.size) {
		return nil, unfit(n, t, reflect.ArrayOf(n.size, reflect.TypeFor[byte]()).String())
	}
	return func(s *encodeState, p unsafe.Pointer) *EncodeError {
		s.dst = append(s.dst, unsafe.Slice((*byte)(p), n.size)...)
		return nil
	}, nil
}

type integer interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~int | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uint
}

// encodeInteger takes every integer type. Those that hold more than the schema does are checked event by event.
func encodeInteger(n *node, t reflect.Type) (encodeFn, *TypeError) {
	switch t.Kind() {
	case reflect.Int8:
		return encodeExact[int8], nil
	case reflect.Int16:
		return encodeExact[int16], nil
	case reflect.Int32:
		return encodeExact[int32], nil
	case reflect.Uint8:
		return encodeExact[uint8], nil
	case reflect.Uint16:
		return encodeExact[uint16], nil
	case reflect.Int64:
		return integerFn(n, encodeExact[int64], encodeChecked[int64]), nil
	case reflect.Int:
		return integerFn(n, encodeExact[int], encodeChecked[int]), nil
	case reflect.Uint32:
		return integerFn(n, encodeExact[uint32], encodeChecked[uint32]), nil
	case reflect.Uint64:
		return integerFn(n, encodeUnsigned[uint64], encodeChecked[uint64]), nil
	case reflect.Uint:
		return integerFn(n, encodeUnsigned[uint], encodeChecked[uint]), nil
	}
	if n.kind == kindInt {
		return nil, unfit(n, t, "int32 or another integer type")
	}
	return nil, unfit(n, t, "int64 or another integer type")
}

func integerFn(n *node, long, short encodeFn) encodeFn {
	if n.kind == kindLong {
		return long
	}
	return short
}

func encodeExact[T integer](s *encodeState, p unsafe.Pointer) *EncodeError {
	s.dst = codec.AppendLong(s.dst, int64(*(*T)(p)))
	return nil
}

func encodeUnsigned[T uint64 | uint](s *encodeState, p unsafe.Pointer) *EncodeError {
	v := *(*T)(p)
	if uint64(v) > math.MaxInt64 {
		return unencodable("%d does not fit a long", v)
	}
	s.dst = codec.AppendLong(s.dst, int64(v))
	return nil
}

func encodeChecked[T int64 | int | uint64 | uint | uint32](s *encodeState, p unsafe.Pointer) *EncodeError {
	v := *(*T)(p)
	if v != T(int32(v)) || (v > 0) != (int32(v) > 0) {
		return unencodable("%d does not fit an int", v)
	}
	s.dst = codec.AppendLong(s.dst, int64(v))
	return nil
}
