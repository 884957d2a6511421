package schema

import (
	"encoding"
	"reflect"
	"unsafe"

	"github.com/hamba/avro/v2"

	"github.com/headrace/headrace/internal/printable"
)

// decodeScalar binds everything that holds no other type.
func decodeScalar(n *node, t reflect.Type) (decodeFn, *TypeError) {
	if n.logical != logicalNone {
		if fn, err := decodeLogical(n, t); fn != nil || err != nil {
			return fn, err
		}
	}
	switch n.kind {
	case kindNull:
		return storeZero(t), nil
	case kindBoolean:
		if t.Kind() == reflect.Bool {
			return store((*avro.Reader).ReadBool), nil
		}
		return nil, unfit(n, t, "bool")
	case kindInt, kindLong:
		return decodeInteger(n, t)
	case kindFloat:
		if t.Kind() == reflect.Float32 {
			return store((*avro.Reader).ReadFloat), nil
		}
		return nil, unfit(n, t, "float32")
	case kindDouble:
		if t.Kind() == reflect.Float64 {
			return store((*avro.Reader).ReadDouble), nil
		}
		return nil, unfit(n, t, "float64")
	case kindString:
		switch {
		case textual(t):
			return func(r *avro.Reader, p unsafe.Pointer) *DataError { return unmarshalText(t, p, r.ReadBytes()) }, nil
		case t.Kind() == reflect.String:
			return store((*avro.Reader).ReadString), nil
		}
		return nil, unfit(n, t, "string, or a type with MarshalText and UnmarshalText")
	case kindBytes:
		if isBytes(t) {
			return store((*avro.Reader).ReadBytes), nil
		}
		return nil, unfit(n, t, "[]byte")
	case kindEnum:
		return decodeEnum(n, t)
	default:
		if !isByteArray(t, n.size) {
			return nil, unfit(n, t, reflect.ArrayOf(n.size, reflect.TypeFor[byte]()).String())
		}
		return func(r *avro.Reader, p unsafe.Pointer) *DataError {
			r.Read(unsafe.Slice((*byte)(p), n.size))
			return nil
		}, nil
	}
}

// store reads into a Go type that holds whatever the Avro type does.
func store[T any](read func(*avro.Reader) T) decodeFn {
	return func(r *avro.Reader, p unsafe.Pointer) *DataError {
		*(*T)(p) = read(r)
		return nil
	}
}

// decodeInteger reads ints and longs alike: an int is a long of few bytes.
func decodeInteger(n *node, t reflect.Type) (decodeFn, *TypeError) {
	switch t.Kind() {
	case reflect.Int64:
		return store((*avro.Reader).ReadLong), nil
	case reflect.Int32:
		if n.kind == kindInt {
			return store((*avro.Reader).ReadInt), nil
		}
		return decodeChecked[int32], nil
	case reflect.Int:
		return decodeChecked[int], nil
	case reflect.Int8:
		return decodeChecked[int8], nil
	case reflect.Int16:
		return decodeChecked[int16], nil
	case reflect.Uint8:
		return decodeChecked[uint8], nil
	case reflect.Uint16:
		return decodeChecked[uint16], nil
	case reflect.Uint32:
		return decodeChecked[uint32], nil
	case reflect.Uint64:
		return decodeChecked[uint64], nil
	case reflect.Uint:
		return decodeChecked[uint], nil
	}
	if n.kind == kindInt {
		return nil, unfit(n, t, "int32 or another integer type")
	}
	return nil, unfit(n, t, "int64 or another integer type")
}

func decodeChecked[T integer](r *avro.Reader, p unsafe.Pointer) *DataError {
	v := r.ReadLong()
	if int64(T(v)) != v || (v < 0) != (T(v) < 0) {
		return undecodable("%d does not fit Go type %T", v, T(0))
	}
	*(*T)(p) = T(v)
	return nil
}

func unmarshalText(t reflect.Type, p unsafe.Pointer, text []byte) *DataError {
	u, ok := reflect.NewAt(t, p).Interface().(encoding.TextUnmarshaler)
	if !ok {
		return undecodable("%s has no UnmarshalText", t)
	}
	if err := u.UnmarshalText(text); err != nil {
		return undecodable("%s", printable.Clip(err.Error()))
	}
	return nil
}

func decodeEnum(n *node, t reflect.Type) (decodeFn, *TypeError) {
	text := textual(t)
	if !text && t.Kind() != reflect.String {
		return nil, unfit(n, t, "a string type, or one with MarshalText and UnmarshalText")
	}
	symbols := n.symbols
	return func(r *avro.Reader, p unsafe.Pointer) *DataError {
		i := r.ReadInt()
		if i < 0 || int(i) >= len(symbols) {
			return undecodable("an enum's symbol is out of range")
		}
		if text {
			return unmarshalText(t, p, []byte(symbols[i]))
		}
		*(*string)(p) = symbols[i]
		return nil
	}, nil
}
