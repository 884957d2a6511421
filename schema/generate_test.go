package schema

import (
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"testing"
	"time"
	"unsafe"
)

func mustParse(t testing.TB, text string, refs ...*Schema) *Schema {
	t.Helper()
	s, err := Parse(text, refs...)
	if err != nil {
		t.Fatalf("Parse(%s): %v", text, err)
	}
	return s
}

func mustAvro(t testing.TB, s *Schema, text string) []byte {
	t.Helper()
	b, err := FromJSON(s, []byte(text))
	if err != nil {
		t.Fatalf("FromJSON(%s): %v", text, err)
	}
	return b
}

// goTypeOf is a Go type that fits a schema without recursion, as a user would write it.
func goTypeOf(n *node) reflect.Type {
	switch n.logical {
	case logicalDecimal:
		return reflect.TypeFor[*big.Rat]()
	case logicalUUID:
		return reflect.TypeFor[string]()
	case logicalTimeMillis, logicalTimeMicros:
		return reflect.TypeFor[int64]()
	case logicalDuration:
		return reflect.TypeFor[Duration]()
	case logicalNone:
	default:
		return reflect.TypeFor[time.Time]()
	}
	switch n.kind {
	case kindNull:
		return reflect.TypeFor[struct{}]()
	case kindBoolean:
		return reflect.TypeFor[bool]()
	case kindInt:
		return reflect.TypeFor[int32]()
	case kindLong:
		return reflect.TypeFor[int64]()
	case kindFloat:
		return reflect.TypeFor[float32]()
	case kindDouble:
		return reflect.TypeFor[float64]()
	case kindBytes:
		return reflect.TypeFor[[]byte]()
	case kindString, kindEnum:
		return reflect.TypeFor[string]()
	case kindFixed:
		return reflect.ArrayOf(n.size, reflect.TypeFor[byte]())
	case kindArray:
		return reflect.SliceOf(goTypeOf(n.items))
	case kindMap:
		return reflect.MapOf(reflect.TypeFor[string](), goTypeOf(n.items))
	case kindRecord:
		var fields []reflect.StructField
		for i, f := range n.fields {
			fields = append(fields, goFieldOf(i, f.name, goTypeOf(f.typ)))
		}
		return reflect.StructOf(fields)
	}
	if _, other, ok := n.nullable(); ok {
		return pointerTo(goTypeOf(n.branches[other]))
	}
	if len(n.branches) == 1 {
		return goTypeOf(n.branches[0])
	}
	var fields []reflect.StructField
	for i, branch := range n.branches {
		if branch.kind != kindNull {
			fields = append(fields, goFieldOf(i, branch.typeName(), pointerTo(goTypeOf(branch))))
		}
	}
	return reflect.StructOf(fields)
}

func pointerTo(t reflect.Type) reflect.Type {
	if nilable(t) {
		return t
	}
	return reflect.PointerTo(t)
}

func goFieldOf(i int, name string, t reflect.Type) reflect.StructField {
	return reflect.StructField{Name: fmt.Sprintf("F%d", i), Type: t, Tag: reflect.StructTag(`avro:"` + name + `"`)}
}

// errTranslation says that a translation wrote what its reader's guard refuses: the one error that no input may cause.
var errTranslation = errors.New("translated to bad data")

// translate reads data of the writer's as the reader's schema, through a Go type, and writes it again.
func translate(reader, writer *Schema, data []byte) ([]byte, error) {
	if err := writer.Check(data); err != nil {
		return nil, err
	}
	translation, problem := newTranslation(reader.root, writer.root)
	if problem != "" {
		return nil, errors.New(problem)
	}
	data, fault := translation.append(nil, data, &translating{})
	if fault != nil {
		return nil, fault
	}
	if err := reader.Check(data); err != nil {
		return nil, fmt.Errorf("%w: %w", errTranslation, err)
	}
	t := goTypeOf(reader.root)
	in := decodeBinder{done: map[binding]*decodeFn{}}
	read, misfit := in.bind(reader.root, t)
	if misfit != nil {
		return nil, misfit
	}
	value := reflect.New(t)
	r := newReader()
	r.Reset(data)
	if err := read(r, value.UnsafePointer()); err != nil {
		return nil, err
	}
	if err := atEnd(r); err != nil {
		return nil, err
	}
	b := encodeBinder{done: map[binding]*encodeFn{}}
	out := new(encodeState)
	write, misfit := b.bind(reader.root, t)
	if misfit != nil {
		return nil, misfit
	}
	if err := write(out, unsafe.Pointer(value.Pointer())); err != nil {
		return nil, err
	}
	return out.dst, nil
}
