package schema

import (
	"math"
	"math/big"
	"reflect"
	"time"
	"unsafe"

	"github.com/headrace/headrace/internal/printable"
	"github.com/headrace/headrace/schema/codec"
)

// encodeLogical binds the Go types that stand for a logical type. Without one for t it returns nothing, and the type beneath decides.
func encodeLogical(n *node, t reflect.Type) (encodeFn, *TypeError) {
	switch n.logical {
	case logicalDecimal:
		if t == ratType {
			return func(s *encodeState, p unsafe.Pointer) *EncodeError { return writeDecimal(s, n, (*big.Rat)(p)) }, nil
		}
		if !isBytes(t) && !isByteArray(t, n.size) {
			return nil, unfit(n, t, "*big.Rat or big.Rat")
		}
	case logicalUUID:
		return encodeUUID(n, t)
	case logicalDuration:
		if t == durationType {
			return func(s *encodeState, p unsafe.Pointer) *EncodeError {
				s.dst = codec.AppendDuration(s.dst, *(*Duration)(p))
				return nil
			}, nil
		}
		if !isByteArray(t, n.size) {
			return nil, unfit(n, t, "schema.Duration")
		}
	case logicalTimeMillis, logicalTimeMicros:
		if t == clockType {
			return encodeClock(n.logical), nil
		}
	default:
		if t.ConvertibleTo(timeType) && t.Kind() == reflect.Struct {
			return encodeTime(n.logical), nil
		}
		if t == clockType {
			return nil, unfit(n, t, "time.Time")
		}
		if t.Kind() == reflect.Struct {
			return nil, unfit(n, t, "time.Time or an integer")
		}
	}
	return nil, nil
}

func writeDecimal(s *encodeState, n *node, r *big.Rat) *EncodeError {
	v, err := unscaled(r, n)
	if err != nil {
		return unencodable("%v", err)
	}
	var scratch [32]byte
	b, err := appendUnscaled(scratch[:0], v, n)
	if err != nil {
		return unencodable("%v", err)
	}
	if n.kind == kindBytes {
		s.dst = codec.AppendBytes(s.dst, b)
	} else {
		s.dst = append(s.dst, b...)
	}
	return nil
}

func encodeUUID(n *node, t reflect.Type) (encodeFn, *TypeError) {
	switch {
	case isByteArray(t, 16) && n.kind == kindString:
		return func(s *encodeState, p unsafe.Pointer) *EncodeError {
			s.dst = codec.AppendUUID(s.dst, *(*[16]byte)(p))
			return nil
		}, nil
	case t.Kind() == reflect.String && n.kind == kindString:
		return func(s *encodeState, p unsafe.Pointer) *EncodeError {
			text := *(*string)(p)
			if _, err := parseUUID(text); err != nil {
				return unencodable("%q: %v", printable.Clip(text), err)
			}
			return writeString(s, text)
		}, nil
	case t.Kind() == reflect.String:
		return func(s *encodeState, p unsafe.Pointer) *EncodeError {
			id, err := parseUUID(*(*string)(p))
			if err != nil {
				return unencodable("%q: %v", printable.Clip(*(*string)(p)), err)
			}
			s.dst = append(s.dst, id[:]...)
			return nil
		}, nil
	}
	return nil, nil
}

func encodeClock(l logical) encodeFn {
	unit := l.unit()
	return func(s *encodeState, p unsafe.Pointer) *EncodeError {
		d := *(*time.Duration)(p)
		if d < 0 || d >= 24*time.Hour {
			return unencodable("%s is no time of day", d)
		}
		s.dst = codec.AppendLong(s.dst, int64(d/unit))
		return nil
	}
}

func encodeTime(l logical) encodeFn {
	return func(s *encodeState, p unsafe.Pointer) *EncodeError {
		t := *(*time.Time)(p)
		v, err := l.countOf(t)
		if err == nil && l == logicalDate && (v < math.MinInt32 || v > math.MaxInt32) {
			err = errRange
		}
		if err != nil {
			return unencodable("%s: %v of %s", t.Format(time.RFC3339Nano), err, l)
		}
		s.dst = codec.AppendLong(s.dst, v)
		return nil
	}
}
