package codegen

import (
	"strings"

	"github.com/hamba/avro/v2"
)

// decoder writes the statements that read a value from r.
type decoder struct {
	*generator
	deep bool // the record counts levels
}

// value writes the statements that read a value of s into x, which is
// assignable. They leave errors in r.
func (d decoder) value(s avro.Schema, x, path string) {
	s = deref(s)
	if name := logicalCodec(s); name != "" {
		d.logical(name, s, x)
		return
	}
	switch s := s.(type) {
	case *avro.RecordSchema:
		d.printf("%s.DecodeAvro(r)\n", x)
	case *avro.EnumSchema:
		d.printf("%s.%s(r)\n", x, d.method(s.FullName(), "decodeAvro", "DecodeAvro"))
	case *avro.FixedSchema:
		d.printf("r.Fixed(%s[:])\n", x)
	case *avro.ArraySchema:
		d.array(s, x, path)
	case *avro.MapSchema:
		d.mapping(s, x, path)
	case *avro.UnionSchema:
		d.unionValue(s, x, path)
	case *avro.PrimitiveSchema:
		d.printf("%s = r.%s()\n", x, goName(string(s.Type())))
	}
}

func (d decoder) logical(name string, s avro.Schema, x string) {
	switch name {
	case "Decimal":
		d.printf("%s = r.Decimal(%s)\n", x, decimalArgs(s))
	case "DecimalFixed":
		d.printf("%s = r.DecimalFixed(%d, %s)\n", x, s.(*avro.FixedSchema).Size(), decimalArgs(s))
	case "UUIDFixed":
		d.printf("r.Fixed(%s[:])\n", x)
	default:
		d.printf("%s = r.%s()\n", x, strings.TrimPrefix(name, "Local"))
	}
}

// level writes what reads an array or map, counted as a level where that matters.
func (d decoder) level(write func()) {
	if !d.deep {
		write()
		return
	}
	d.printf("if r.Enter() {\n")
	write()
	d.printf("r.Leave()\n}\n")
}

// array grows the slice with what is really there, in steps: a block's count is
// a claim, and an item may be larger in memory than on the wire.
func (d decoder) array(s *avro.ArraySchema, x, path string) {
	items, n, end, v := d.fresh("items"), d.fresh("n"), d.fresh("end"), d.fresh("v")
	least := d.minSize(s.Items())
	itemType := d.goType(s.Items(), path+".Item")
	d.level(func() {
		d.printf("%s := []%s{}\n", items, itemType)
		d.printf("for %s, %s := r.Block(-1, %d); %s > 0; %s, %s = r.Block(%s, %d) {\n", n, end, least, n, n, end, end, least)
		d.printf("%s = slices.Grow(%s, min(%s, codec.GrowItems))\n", items, items, n)
		d.printf("for ; %s > 0 && !r.Failed(); %s-- {\nvar %s %s\n", n, n, v, itemType)
		d.value(s.Items(), v, path+".Item")
		d.printf("%s = append(%s, %s)\n}\n}\n%s = %s\n", items, items, v, x, items)
	})
}

func (d decoder) mapping(s *avro.MapSchema, x, path string) {
	m, n, end, all, k, v := d.fresh("m"), d.fresh("n"), d.fresh("end"), d.fresh("all"), d.fresh("k"), d.fresh("v")
	least := 1 + d.minSize(s.Values())
	valueType := d.goType(s.Values(), path+".Value")
	d.level(func() {
		d.printf("%s, %s := map[string]%s{}, 0\n", m, all, valueType)
		d.printf("for %s, %s := r.Block(-1, %d); %s > 0; %s, %s = r.Block(%s, %d) {\n", n, end, least, n, n, end, end, least)
		d.printf("%s += %s\n", all, n)
		d.printf("for ; %s > 0 && !r.Failed(); %s-- {\n%s := r.String()\nvar %s %s\n", n, n, k, v, valueType)
		d.value(s.Values(), v, path+".Value")
		d.printf("%s[%s] = %s\n}\nr.Distinct(len(%s), %s)\n}\n%s = %s\n", m, k, v, m, all, x, m)
	})
}

func (d decoder) unionValue(s *avro.UnionSchema, x, path string) {
	types := s.Types()
	d.printf("switch r.Branch(%d) {\n", len(types))
	if other, null, ok := nullable(s); ok {
		d.printf("case %d:\n%s = nil\ncase %d:\n", null, x, 1-null)
		if holdsNil(other) {
			d.value(other, x, path)
		} else {
			v := d.fresh("v")
			d.printf("%s := new(%s)\n", v, d.goType(other, path))
			d.value(other, "(*"+v+")", path)
			d.printf("%s = %s\n", x, v)
		}
	} else if len(types) == 1 {
		d.printf("case 0:\n")
		d.value(types[0], x, path)
	} else {
		d.branchCases(s, x, path)
	}
	d.printf("}\n")
}

func (d decoder) branchCases(s *avro.UnionSchema, x, path string) {
	for i, t := range s.Types() {
		if t.Type() == avro.Null {
			d.printf("case %d:\n%s = nil\n", i, x)
		}
	}
	for _, b := range d.branches(s, path) {
		v := d.fresh("v")
		d.printf("case %d:\n", b.index)
		switch {
		case strings.HasPrefix(b.wrapped, "*"):
			d.printf("var %s %s\n", v, b.goType)
			d.value(b.schema, v+".Value", b.path)
			d.printf("%s = %s\n", x, v)
		case b.wrapped != "":
			d.printf("var %s %s\n", v, b.wrapped)
			d.value(b.schema, v, b.path)
			d.printf("%s = %s(%s)\n", x, b.goType, v)
		default:
			d.printf("var %s %s\n", v, b.goType)
			d.value(b.schema, v, b.path)
			d.printf("%s = %s\n", x, v)
		}
	}
}
