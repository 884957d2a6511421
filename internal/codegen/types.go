package codegen

import (
	"math"
	"strconv"
	"strings"

	"github.com/hamba/avro/v2"
)

// goType returns the Go type for values of s. path is the Go name of the record
// and field it stands in, from which a union of several types gets its name.
func (g *generator) goType(s avro.Schema, path string) string {
	s = deref(s)
	if t := g.logicalGoType(s); t != "" {
		return t
	}
	switch s := s.(type) {
	case *avro.RecordSchema, *avro.EnumSchema, *avro.FixedSchema:
		return g.typeName(s.(avro.NamedSchema).FullName())
	case *avro.ArraySchema:
		return "[]" + g.goType(s.Items(), path+".Item")
	case *avro.MapSchema:
		return "map[string]" + g.goType(s.Values(), path+".Value")
	case *avro.UnionSchema:
		if len(s.Types()) == 1 {
			return g.goType(s.Types()[0], path)
		}
		if branch, _, ok := nullable(s); ok {
			t := g.goType(branch, path)
			if holdsNil(branch) {
				return t
			}
			return "*" + t
		}
		return g.union(s, path)
	case *avro.PrimitiveSchema:
		switch s.Type() {
		case avro.Boolean:
			return "bool"
		case avro.Int:
			return "int32"
		case avro.Long:
			return "int64"
		case avro.Float:
			return "float32"
		case avro.Double:
			return "float64"
		case avro.Bytes:
			return "[]byte"
		case avro.String:
			return "string"
		}
	}
	return "struct{}" // null
}

func (g *generator) logicalGoType(s avro.Schema) string {
	switch logicalCodec(s) {
	case "Decimal", "DecimalFixed":
		return "*big.Rat"
	case "UUID", "UUIDFixed":
		return "codec.UUID"
	case "Duration":
		return "codec.Duration"
	case "TimeMillis", "TimeMicros":
		return "time.Duration"
	case "":
		return ""
	default:
		return "time.Time"
	}
}

// logicalCodec returns the name that schema/codec's functions for a logical type
// carry, or "" where s has none or one on a type it does not apply to: the
// specification has readers ignore those and use the underlying type.
func logicalCodec(s avro.Schema) string {
	kind, logical := s.Type(), logicalType(s)
	switch {
	case logical == "decimal" && kind == avro.Bytes && decimalOf(s) != nil:
		return "Decimal"
	case logical == "decimal" && kind == avro.Fixed && decimalOf(s) != nil:
		return "DecimalFixed"
	case logical == "uuid" && kind == avro.String:
		return "UUID"
	case logical == "uuid" && kind == avro.Fixed && s.(*avro.FixedSchema).Size() == 16:
		return "UUIDFixed"
	case logical == "duration" && kind == avro.Fixed && s.(*avro.FixedSchema).Size() == 12:
		return "Duration"
	case logical == "date" && kind == avro.Int:
		return "Date"
	case logical == "time-millis" && kind == avro.Int:
		return "TimeMillis"
	case kind != avro.Long:
		return ""
	}
	return map[string]string{
		"time-micros":            "TimeMicros",
		"timestamp-millis":       "TimestampMillis",
		"timestamp-micros":       "TimestampMicros",
		"timestamp-nanos":        "TimestampNanos",
		"local-timestamp-millis": "LocalTimestampMillis",
		"local-timestamp-micros": "LocalTimestampMicros",
		"local-timestamp-nanos":  "LocalTimestampNanos",
	}[logical]
}

// decimalOf returns nil where s is no decimal that its type can hold, which the
// specification has readers ignore.
func decimalOf(s avro.Schema) *avro.DecimalLogicalSchema {
	decimal, _ := s.(avro.LogicalTypeSchema).Logical().(*avro.DecimalLogicalSchema)
	fixed, ok := s.(*avro.FixedSchema)
	if ok && decimal != nil && decimal.Precision() > int(float64(8*fixed.Size()-1)*math.Log10(2)) {
		return nil
	}
	return decimal
}

// nullable returns the other branch of a union of null and one type, and the
// index of null.
func nullable(u *avro.UnionSchema) (branch avro.Schema, null int, ok bool) {
	types := u.Types()
	if len(types) != 2 {
		return nil, 0, false
	}
	for i, t := range types {
		if t.Type() == avro.Null {
			return types[1-i], i, true
		}
	}
	return nil, 0, false
}

// holdsNil says whether the Go type of s has a nil of its own, which then stands
// for null; an empty, non-nil value stands for itself.
func holdsNil(s avro.Schema) bool {
	switch logicalCodec(deref(s)) {
	case "Decimal", "DecimalFixed":
		return true
	case "":
		kind := deref(s).Type()
		return kind == avro.Bytes || kind == avro.Array || kind == avro.Map
	}
	return false
}

// union is a union of several types, which becomes a sealed interface.
type union struct {
	name     string
	branches []branch
}

type branch struct {
	schema avro.Schema
	index  int
	path   string
	// goType is the type that implements the interface: the generated type of a
	// record, enum or fixed, else a wrapper of wrapped.
	goType  string
	wrapped string
}

// union notes the declaration of a sealed interface and returns its name.
func (g *generator) union(s *avro.UnionSchema, path string) string {
	name := g.home.identifiers.name("union "+path, strings.ReplaceAll(path, ".", ""))
	for _, u := range g.unions {
		if u.name == name {
			return name
		}
	}
	g.unions = append(g.unions, union{name: name})
	at := len(g.unions) - 1 // branches may hold further unions
	g.unions[at].branches = g.branches(s, path)
	return name
}

func (g *generator) branches(s *avro.UnionSchema, path string) []branch {
	var out []branch
	for i, t := range s.Types() {
		if t.Type() == avro.Null {
			continue
		}
		b := branch{schema: deref(t), index: i}
		b.path = path + "." + goName(string(b.schema.Type()))
		b.goType = g.goType(t, b.path)
		named, ok := b.schema.(avro.NamedSchema)
		// A type of another package cannot be given the method, so that it gets a wrapper like a primitive.
		if ok && g.catalog.homes[named.FullName()] == g.home && b.goType == g.catalog.goType(named.FullName()) {
			out = append(out, b)
			continue
		}
		b.wrapped = b.goType
		want := b.path
		if ok { // a fixed that is a logical type: several may stand in one union
			want = path + "." + g.catalog.goType(named.FullName())
		}
		b.goType = g.home.identifiers.name("branch "+path+" "+strconv.Itoa(i), strings.ReplaceAll(want, ".", ""))
		out = append(out, b)
	}
	return out
}

// decimalArgs returns precision and scale of a decimal as call arguments.
func decimalArgs(s avro.Schema) string {
	d := decimalOf(s)
	return strconv.Itoa(d.Precision()) + ", " + strconv.Itoa(d.Scale())
}
