package schema

import (
	"math"
	"math/big"
	"reflect"
	"time"
	"unsafe"

	"github.com/hamba/avro/v2"
)

// decodeLogical binds the Go types that stand for a logical type. Without one for t it returns nothing, and the type beneath decides.
func decodeLogical(n *node, t reflect.Type) (decodeFn, *TypeError) {
	switch n.logical {
	case logicalDecimal:
		if t == ratType {
			return decodeDecimal(n), nil
		}
		if !isBytes(t) && !isByteArray(t, n.size) {
			return nil, unfit(n, t, "*big.Rat or big.Rat")
		}
	case logicalUUID:
		return decodeUUID(n, t), nil
	case logicalDuration:
		if t == durationType {
			return func(r *avro.Reader, p unsafe.Pointer) *DataError {
				var b [12]byte
				r.Read(b[:])
				*(*Duration)(p) = durationOf(b[:])
				return nil
			}, nil
		}
		if !isByteArray(t, n.size) {
			return nil, unfit(n, t, "schema.Duration")
		}
	case logicalTimeMillis, logicalTimeMicros:
		if t == clockType {
			return decodeClock(n.logical.unit()), nil
		}
	default:
		if t.ConvertibleTo(timeType) && t.Kind() == reflect.Struct {
			l := n.logical
			return func(r *avro.Reader, p unsafe.Pointer) *DataError {
				*(*time.Time)(p) = l.timeOf(r.ReadLong())
				return nil
			}, nil
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

func decodeClock(unit time.Duration) decodeFn {
	return func(r *avro.Reader, p unsafe.Pointer) *DataError {
		v := r.ReadLong()
		if v > math.MaxInt64/int64(unit) || v < math.MinInt64/int64(unit) {
			return undecodable("%d is more than a time.Duration holds", v)
		}
		*(*time.Duration)(p) = time.Duration(v) * unit
		return nil
	}
}

func decodeDecimal(n *node) decodeFn {
	scale := powerOfTen(n.scale)
	return func(r *avro.Reader, p unsafe.Pointer) *DataError {
		var b []byte
		if n.kind == kindFixed {
			b = make([]byte, n.size)
			r.Read(b)
		} else {
			b = r.ReadBytes()
		}
		(*big.Rat)(p).SetFrac(fromTwosComplement(b), scale)
		return nil
	}
}

func decodeUUID(n *node, t reflect.Type) decodeFn {
	switch {
	case isByteArray(t, 16) && n.kind == kindString:
		return func(r *avro.Reader, p unsafe.Pointer) *DataError {
			id, err := parseUUID(r.ReadString())
			if err != nil {
				return undecodable("%v", err)
			}
			*(*[16]byte)(p) = id
			return nil
		}
	case t.Kind() == reflect.String && n.kind == kindFixed && !textual(t):
		return func(r *avro.Reader, p unsafe.Pointer) *DataError {
			var id [16]byte
			r.Read(id[:])
			*(*string)(p) = uuidText(id)
			return nil
		}
	}
	return nil
}
