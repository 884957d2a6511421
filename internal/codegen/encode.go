package codegen

import (
	"fmt"
	"strings"

	"github.com/hamba/avro/v2"
)

// encoder writes the statements that append one field of a record to dst.
type encoder struct {
	*generator
	field string
	deep  bool // the record counts levels
	level int  // arrays and maps around what is being written, and the record itself
	fails bool // there is a return that needs start
	errs  bool // there is an append that returns an error
	vars  []string
}

// try writes an append that may fail.
func (e *encoder) try(call string, args ...any) {
	e.fails, e.errs = true, true
	e.printf("if dst, err = %s; err != nil { return dst[:start], codec.InField(%q, err) }\n", fmt.Sprintf(call, args...), e.field)
}

// value writes the statements for an expression x that is addressable.
func (e *encoder) value(s avro.Schema, x, path string) {
	s = deref(s)
	if name := logicalCodec(s); name != "" {
		e.logical(name, s, x)
		return
	}
	switch s := s.(type) {
	case *avro.RecordSchema:
		if e.deep {
			e.try("%s.%s(dst, depth-%d)", e.outlasting(s, x), e.within(s), e.level)
		} else {
			e.try("%s.AppendAvro(dst)", x)
		}
	case *avro.EnumSchema:
		e.try("%s.%s(dst)", x, e.method(s.FullName(), "appendAvro", "AppendAvro"))
	case *avro.FixedSchema:
		e.printf("dst = append(dst, %s[:]...)\n", x)
	case *avro.ArraySchema:
		e.container(x, func() {
			i := e.fresh("i")
			switch items := e.capture(func() { e.value(s.Items(), x+"["+i+"]", path+".Item") }); {
			case mentions(items, i):
				e.printf("for %s := range %s {\n%s}\n", i, x, items)
			case items != "":
				e.printf("for range %s {\n%s}\n", x, items)
			}
		})
	case *avro.MapSchema:
		e.container(x, func() {
			k, v := e.fresh("k"), e.fresh("v")
			key := e.capture(func() { e.try("codec.AppendString(dst, %s)", k) })
			if value := e.capture(func() { e.value(s.Values(), v, path+".Value") }); mentions(value, v) {
				e.printf("for %s, %s := range %s {\n%s%s}\n", k, v, x, key, value)
			} else {
				e.printf("for %s := range %s {\n%s%s}\n", k, x, key, value)
			}
		})
	case *avro.UnionSchema:
		e.unionValue(s, x, path)
	case *avro.PrimitiveSchema:
		switch s.Type() {
		case avro.String:
			e.try("codec.AppendString(dst, %s)", x)
		case avro.Int:
			e.printf("dst = codec.AppendLong(dst, int64(%s))\n", x)
		default:
			e.printf("dst = codec.Append%s(dst, %s)\n", goName(string(s.Type())), x)
		}
	}
}

// mentions says whether code uses a variable; nothing is written for a null, nor is it read.
func mentions(code, variable string) bool {
	for {
		_, after, found := strings.Cut(code, variable)
		if !found || after == "" || after[0] < '0' || after[0] > '9' {
			return found
		}
		code = after
	}
}

// outlasting returns x, or a variable of the whole method that x is put into when x is a variable of a loop or case: the compiler
// moves such a one to the heap when a recursive method is called on it.
func (e *encoder) outlasting(s avro.Schema, x string) string {
	if strings.ContainsAny(x, ".[") {
		return x
	}
	name := e.fresh("o")
	e.vars = append(e.vars, fmt.Sprintf("var %s %s\n", name, e.goType(s, "")))
	e.printf("%s = %s\n", name, x)
	return name
}

// container writes an array's or map's block around its items.
func (e *encoder) container(x string, items func()) {
	e.level++
	if e.deep {
		e.fails = true
		e.printf("if depth < %d { return dst[:start], codec.InField(%q, codec.ErrDepth) }\n", e.level, e.field)
	}
	e.printf("dst = codec.AppendBlock(dst, len(%s))\n", x)
	items()
	e.printf("dst = codec.AppendEnd(dst)\n")
	e.level--
}

func (e *encoder) logical(name string, s avro.Schema, x string) {
	switch name {
	case "Decimal":
		e.try("codec.AppendDecimal(dst, %s, %s)", x, decimalArgs(s))
	case "DecimalFixed":
		e.try("codec.AppendDecimalFixed(dst, %s, %d, %s)", x, s.(*avro.FixedSchema).Size(), decimalArgs(s))
	case "UUIDFixed":
		e.printf("dst = append(dst, %s[:]...)\n", x)
	case "UUID", "Duration", "TimeMicros":
		e.printf("dst = codec.Append%s(dst, %s)\n", name, x)
	default:
		if timestamp, local := strings.CutPrefix(name, "Local"); local {
			e.try("codec.Append%s(dst, codec.Local(%s))", timestamp, x)
			return
		}
		e.try("codec.Append%s(dst, %s)", name, x)
	}
}

func (e *encoder) unionValue(s *avro.UnionSchema, x, path string) {
	if len(s.Types()) == 1 {
		e.printf("dst = codec.AppendLong(dst, 0)\n")
		e.value(s.Types()[0], x, path)
		return
	}
	if other, null, ok := nullable(s); ok {
		e.printf("if %s == nil { dst = codec.AppendLong(dst, %d) } else {\ndst = codec.AppendLong(dst, %d)\n", x, null, 1-null)
		if !holdsNil(other) {
			x = "(*" + x + ")"
		}
		e.value(other, x, path)
		e.printf("}\n")
		return
	}
	v := e.fresh("v")
	e.fails = true
	e.printf("switch %s := %s.(type) {\n", v, x)
	for _, b := range e.branches(s, path) {
		e.printf("case %s:\ndst = codec.AppendLong(dst, %d)\n", b.goType, b.index)
		switch {
		case strings.HasPrefix(b.wrapped, "*"):
			e.value(b.schema, v+".Value", b.path)
		case b.wrapped != "":
			w := e.fresh("w")
			e.printf("%s := %s(%s)\n", w, b.wrapped, v)
			e.value(b.schema, w, b.path)
		default:
			e.value(b.schema, v, b.path)
		}
	}
	for i, t := range s.Types() {
		if t.Type() == avro.Null {
			e.printf("case nil:\ndst = codec.AppendLong(dst, %d)\n", i)
		}
	}
	e.printf("default:\nreturn dst[:start], codec.InField(%q, codec.ErrNilUnion)\n}\n", e.field)
}
