package schema

import (
	"encoding"
	"fmt"
	"math/big"
	"reflect"
	"time"
	"unicode/utf8"
	"unsafe"
)

func undecodable(format string, args ...any) *DataError {
	return &DataError{Offset: -1, Reason: fmt.Sprintf(format, args...)}
}

// decodeScalar reads what the writer's w wrote as the reader's r. The two have been matched: w is r's type, or one that r widens.
func decodeScalar(w, r *node, t reflect.Type) (decodeFn, *TypeError) {
	if r.logical != logicalNone {
		if fn, err := decodeLogical(w, r, t); fn != nil || err != nil {
			return fn, err
		}
	}
	switch r.kind {
	case kindNull:
		return storeZero(t), nil
	case kindBoolean:
		if t.Kind() == reflect.Bool {
			return func(s *decodeState, p unsafe.Pointer) *DataError {
				*(*bool)(p) = s.r.ReadBool()
				return nil
			}, nil
		}
		return nil, unfit(r, t, "bool")
	case kindInt, kindLong:
		return decodeInteger(r, t)
	case kindFloat:
		return decodeFloat(w, r, t)
	case kindDouble:
		return decodeDouble(w, r, t)
	case kindString:
		return decodeString(w, r, t)
	case kindBytes:
		if isBytes(t) {
			return func(s *decodeState, p unsafe.Pointer) *DataError {
				*(*[]byte)(p) = s.r.ReadBytes()
				return nil
			}, nil
		}
		return nil, unfit(r, t, "[]byte")
	case kindEnum:
		return decodeEnum(w, r, t)
	default:
		if !isByteArray(t, r.size) {
			return nil, unfit(r, t, reflect.ArrayOf(r.size, reflect.TypeFor[byte]()).String())
		}
		return func(s *decodeState, p unsafe.Pointer) *DataError {
			s.r.Read(unsafe.Slice((*byte)(p), r.size))
			return nil
		}, nil
	}
}

// decodeInteger reads ints and longs alike: an int is a long of few bytes.
func decodeInteger(r *node, t reflect.Type) (decodeFn, *TypeError) {
	switch t.Kind() {
	case reflect.Int64:
		return func(s *decodeState, p unsafe.Pointer) *DataError {
			*(*int64)(p) = s.r.ReadLong()
			return nil
		}, nil
	case reflect.Int32:
		if r.kind == kindInt {
			return func(s *decodeState, p unsafe.Pointer) *DataError {
				*(*int32)(p) = s.r.ReadInt()
				return nil
			}, nil
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
	if r.kind == kindInt {
		return nil, unfit(r, t, "int32 or another integer type")
	}
	return nil, unfit(r, t, "int64 or another integer type")
}

func decodeChecked[T integer](s *decodeState, p unsafe.Pointer) *DataError {
	v := s.r.ReadLong()
	if int64(T(v)) != v || (v < 0) != (T(v) < 0) {
		return undecodable("%d does not fit Go type %T", v, T(0))
	}
	*(*T)(p) = T(v)
	return nil
}

func decodeFloat(w, r *node, t reflect.Type) (decodeFn, *TypeError) {
	if t.Kind() != reflect.Float32 {
		return nil, unfit(r, t, "float32")
	}
	if w.kind == kindFloat {
		return func(s *decodeState, p unsafe.Pointer) *DataError {
			*(*float32)(p) = s.r.ReadFloat()
			return nil
		}, nil
	}
	return func(s *decodeState, p unsafe.Pointer) *DataError {
		*(*float32)(p) = float32(s.r.ReadLong())
		return nil
	}, nil
}

func decodeDouble(w, r *node, t reflect.Type) (decodeFn, *TypeError) {
	if t.Kind() != reflect.Float64 {
		return nil, unfit(r, t, "float64")
	}
	switch w.kind {
	case kindDouble:
		return func(s *decodeState, p unsafe.Pointer) *DataError {
			*(*float64)(p) = s.r.ReadDouble()
			return nil
		}, nil
	case kindFloat:
		return func(s *decodeState, p unsafe.Pointer) *DataError {
			*(*float64)(p) = float64(s.r.ReadFloat())
			return nil
		}, nil
	}
	return func(s *decodeState, p unsafe.Pointer) *DataError {
		*(*float64)(p) = float64(s.r.ReadLong())
		return nil
	}, nil
}

func decodeString(w, r *node, t reflect.Type) (decodeFn, *TypeError) {
	if textual(t) {
		return func(s *decodeState, p unsafe.Pointer) *DataError { return unmarshalText(t, p, s.r.ReadBytes()) }, nil
	}
	if t.Kind() != reflect.String {
		return nil, unfit(r, t, "string, or a type with MarshalText and UnmarshalText")
	}
	if w.kind == kindString {
		return func(s *decodeState, p unsafe.Pointer) *DataError {
			*(*string)(p) = s.r.ReadString()
			return nil
		}, nil
	}
	return func(s *decodeState, p unsafe.Pointer) *DataError {
		text := s.r.ReadString()
		if !utf8.ValidString(text) {
			return undecodable("the writer's bytes are no UTF-8 string")
		}
		*(*string)(p) = text
		return nil
	}, nil
}

func unmarshalText(t reflect.Type, p unsafe.Pointer, text []byte) *DataError {
	u, ok := reflect.NewAt(t, p).Interface().(encoding.TextUnmarshaler)
	if !ok {
		return undecodable("%s has no UnmarshalText", t)
	}
	if err := u.UnmarshalText(text); err != nil {
		return undecodable("%s", clip(err.Error()))
	}
	return nil
}

// decodeEnum: "if the writer's symbol is not present in the reader's enum and the reader has a default value, then that value is
// used, otherwise an error is signalled".
func decodeEnum(w, r *node, t reflect.Type) (decodeFn, *TypeError) {
	text := textual(t)
	if !text && t.Kind() != reflect.String {
		return nil, unfit(r, t, "a string type, or one with MarshalText and UnmarshalText")
	}
	known := map[string]bool{}
	for _, symbol := range r.symbols {
		known[symbol] = true
	}
	symbols := make([]string, len(w.symbols))
	for i, symbol := range w.symbols {
		if !known[symbol] {
			symbol = r.enumDefault
		}
		symbols[i] = symbol
	}
	return func(s *decodeState, p unsafe.Pointer) *DataError {
		i := s.r.ReadInt()
		if i < 0 || int(i) >= len(symbols) {
			return undecodable("an enum's symbol is out of range")
		}
		if symbols[i] == "" {
			return undecodable("the writer's symbol %s is not in the reader's enum %s, which has no default", w.symbols[i], r.name)
		}
		if text {
			return unmarshalText(t, p, []byte(symbols[i]))
		}
		*(*string)(p) = symbols[i]
		return nil
	}, nil
}

// decodeLogical binds the Go types that stand for a logical type. Without one for t it returns nothing, and the type beneath decides.
func decodeLogical(w, r *node, t reflect.Type) (decodeFn, *TypeError) {
	switch r.logical {
	case logicalDecimal:
		if t == ratType {
			return decodeDecimal(r), nil
		}
		if !isBytes(t) && !isByteArray(t, r.size) {
			return nil, unfit(r, t, "*big.Rat or big.Rat")
		}
	case logicalUUID:
		return decodeUUID(w, r, t), nil
	case logicalDuration:
		if t == durationType {
			return func(s *decodeState, p unsafe.Pointer) *DataError {
				var b [12]byte
				s.r.Read(b[:])
				*(*Duration)(p) = durationOf(b[:])
				return nil
			}, nil
		}
		if !isByteArray(t, r.size) {
			return nil, unfit(r, t, "schema.Duration")
		}
	case logicalTimeMillis, logicalTimeMicros:
		if t == clockType {
			day, unit := int64(24*time.Hour/r.logical.unit()), r.logical.unit()
			return func(s *decodeState, p unsafe.Pointer) *DataError {
				v := s.r.ReadLong()
				if v < 0 || v >= day {
					return undecodable("%d is no time of day in %s", v, r.logical)
				}
				*(*time.Duration)(p) = time.Duration(v) * unit
				return nil
			}, nil
		}
	default:
		if t.ConvertibleTo(timeType) && t.Kind() == reflect.Struct {
			l := r.logical
			return func(s *decodeState, p unsafe.Pointer) *DataError {
				*(*time.Time)(p) = l.timeOf(s.r.ReadLong())
				return nil
			}, nil
		}
		if t == clockType {
			return nil, unfit(r, t, "time.Time")
		}
		if t.Kind() == reflect.Struct {
			return nil, unfit(r, t, "time.Time or an integer")
		}
	}
	return nil, nil
}

func decodeDecimal(r *node) decodeFn {
	bounds := boundsOf(r.precision)
	scale := powerOfTen(r.scale)
	return func(s *decodeState, p unsafe.Pointer) *DataError {
		var b []byte
		if r.kind == kindFixed {
			b = make([]byte, r.size)
			s.r.Read(b)
		} else {
			b = s.r.ReadBytes()
		}
		// The guard knows the writer's precision; where the writer has plain bytes there is none.
		if len(b) == 0 || !bounds.hold(b) {
			return undecodable("it is no decimal of %d digits", r.precision)
		}
		(*big.Rat)(p).SetFrac(fromTwosComplement(b), scale)
		return nil
	}
}

func decodeUUID(w, r *node, t reflect.Type) decodeFn {
	switch {
	case isByteArray(t, 16) && r.kind == kindString:
		return func(s *decodeState, p unsafe.Pointer) *DataError {
			id, err := parseUUID(s.r.ReadString())
			if err != nil {
				return undecodable("%v", err)
			}
			*(*[16]byte)(p) = id
			return nil
		}
	case t.Kind() == reflect.String && r.kind == kindFixed && !textual(t):
		return func(s *decodeState, p unsafe.Pointer) *DataError {
			var id [16]byte
			s.r.Read(id[:])
			*(*string)(p) = uuidText(id)
			return nil
		}
	}
	return nil
}
