package codegen

import (
	"strconv"
	"strings"

	"github.com/hamba/avro/v2"
)

func (g *generator) record(s *avro.RecordSchema) {
	name := g.catalog.goType(s.FullName())
	g.unions = nil
	g.printf("\n// %s is the Avro record %s.\n", name, s.FullName())
	if doc := s.Doc(); doc != "" {
		g.printf("//\n")
		g.comment(doc)
	}
	g.printf("type %s struct {\n", name)
	for _, f := range s.Fields() {
		g.comment(f.Doc())
		g.printf("%s %s %s\n", fieldName(f), g.goType(f.Type(), name+"."+fieldName(f)), "`avro:"+strconv.Quote(f.Name())+"`")
	}
	g.printf("}\n")
	for i := 0; i < len(g.unions); i++ { // a union's branches may hold further unions
		g.declareUnion(g.unions[i])
	}
	g.printf("\nconst %s = %s\n", schemaConst(name), quoted(g.catalog.texts[s.FullName()]))
	g.printf("\n// AvroSchema returns the schema of %s.\nfunc (%s) AvroSchema() string { return %s }\n", name, name, schemaConst(name))
	g.appendMethod(s, name)
	g.decodeMethod(s, name)
}

// within is the method that appends a record within another, which counts levels.
func (g *generator) within(s *avro.RecordSchema) string {
	return g.method(s.FullName(), "appendAvro", "AppendAvroWithin")
}

func schemaConst(name string) string { return strings.ToLower(name[:1]) + name[1:] + "AvroSchema" }

// quoted returns text as a Go string, raw where that keeps it as it is.
func quoted(text string) string {
	for line := range strings.SplitSeq(text, "\n") {
		if !strconv.CanBackquote(line) {
			return strconv.Quote(text)
		}
	}
	return "`" + text + "`"
}

// appendMethod writes AppendAvro. A record that may nest too deep counts levels,
// so that nothing is written which the decoder, bounded as it must be, would
// refuse.
func (g *generator) appendMethod(s *avro.RecordSchema, name string) {
	enc := encoder{generator: g, deep: g.deep(s), level: 1}
	g.printf("\n// AppendAvro appends e in Avro binary. After an error, which names the field, dst is as it was.\n")
	if enc.deep {
		g.printf("func (e *%s) AppendAvro(dst []byte) ([]byte, error) { return e.%s(dst, codec.MaxDepth) }\n\n", name, g.within(s))
		if g.catalog.shared[s.FullName()] {
			g.printf("// %s is AppendAvro within a value that leaves this many levels.\n", g.within(s))
		}
		g.printf("func (e *%s) %s(dst []byte, depth int) ([]byte, error) {\n", name, g.within(s))
		g.printf("if depth < 1 { return dst, codec.ErrDepth }\n")
	} else {
		g.printf("func (e *%s) AppendAvro(dst []byte) ([]byte, error) {\n", name)
	}
	body := g.capture(func() {
		for _, f := range s.Fields() {
			if !g.empty(f.Type()) {
				enc.field = f.Name()
				enc.value(f.Type(), "e."+fieldName(f), name+"."+fieldName(f))
			}
		}
	})
	if enc.fails {
		g.printf("start := len(dst)\n")
	}
	if enc.errs {
		g.printf("var err error\n")
	}
	g.printf("%s%sreturn dst, nil\n}\n", strings.Join(enc.vars, ""), body)
}

func (g *generator) decodeMethod(s *avro.RecordSchema, name string) {
	g.printf("\n// DecodeAvro reads e from r; r.Err tells whether it could.\n")
	g.printf("func (e *%s) DecodeAvro(r *codec.Reader) {\n", name)
	deep := g.deep(s)
	if deep {
		g.printf("if !r.Enter() { return }\n")
	}
	for _, f := range s.Fields() {
		if g.empty(f.Type()) {
			continue
		}
		decoder{g, deep}.value(f.Type(), "e."+fieldName(f), name+"."+fieldName(f))
		g.printf("if r.Failed() { r.InField(%q); return }\n", f.Name())
	}
	if deep {
		g.printf("r.Leave()\n")
	}
	g.printf("}\n")
}

// capture returns what write prints, and prints nothing.
func (g *generator) capture(write func()) string {
	before := g.body.Len()
	write()
	text := string(g.body.Bytes()[before:])
	g.body.Truncate(before)
	return text
}

func (g *generator) enum(s *avro.EnumSchema) {
	name := g.catalog.goType(s.FullName())
	g.printf("\n// %s is the Avro enum %s.\n", name, s.FullName())
	if doc := s.Doc(); doc != "" {
		g.printf("//\n")
		g.comment(doc)
	}
	g.printf("type %s string\n\n// The symbols of %s.\nconst (\n", name, name)
	ids := g.home.identifiers
	parse := ids.name("parse "+name, "Parse"+name)
	constants := make([]string, len(s.Symbols()))
	for i, symbol := range s.Symbols() {
		constants[i] = ids.name("symbol "+name+" "+symbol, name+constName(symbol))
		g.printf("%s %s = %q\n", constants[i], name, symbol)
	}
	table := strings.ToLower(name[:1]) + name[1:] + "Symbols"
	g.printf(")\n\nvar %s = [...]%s{%s}\n", table, name, strings.Join(constants, ", "))
	g.printf("\n// %s returns the symbol that text spells, or a *codec.SymbolError.\n", parse)
	g.printf("func %s(text string) (%s, error) {\nif s := %s(text); s.index() >= 0 { return s, nil }\n", parse, name, name)
	g.printf("return \"\", &codec.SymbolError{Enum: %q, Symbol: text}\n}\n", s.FullName())
	g.printf("\nfunc (s %s) index() int64 {\nswitch s {\n", name)
	for i, constant := range constants {
		g.printf("case %s: return %d\n", constant, i)
	}
	g.printf("}\nreturn -1\n}\n")
	g.enumCodec(s, name, table)
	g.enumText(s, name, parse)
}

// enumCodec writes the methods by which records encode and decode the enum.
func (g *generator) enumCodec(s *avro.EnumSchema, name, table string) {
	encode, decode := g.method(s.FullName(), "appendAvro", "AppendAvro"), g.method(s.FullName(), "decodeAvro", "DecodeAvro")
	if encode == "AppendAvro" {
		g.printf("\n// AppendAvro appends s in Avro binary, or returns a *codec.SymbolError.")
	}
	g.printf("\nfunc (s %s) %s(dst []byte) ([]byte, error) {\ni := s.index()\n", name, encode)
	g.printf("if i < 0 { return dst, &codec.SymbolError{Enum: %q, Symbol: string(s)} }\n", s.FullName())
	g.printf("return codec.AppendLong(dst, i), nil\n}\n")
	if decode == "DecodeAvro" {
		g.printf("\n// DecodeAvro reads s from r; r.Err tells whether it could.")
	}
	g.printf("\nfunc (s *%s) %s(r *codec.Reader) { *s = %s[r.Index(len(%s))] }\n", name, decode, table, table)
}

// enumText writes the methods by which an enum is printed, and read from JSON, flags and environment variables.
func (g *generator) enumText(s *avro.EnumSchema, name, parse string) {
	g.printf("\n// String returns the symbol.\nfunc (s %s) String() string { return string(s) }\n", name)
	g.printf("\n// MarshalText returns the symbol, or a *codec.SymbolError when s is none.\n")
	g.printf("func (s %s) MarshalText() ([]byte, error) {\nif s.index() < 0 { return nil, &codec.SymbolError{Enum: %q, Symbol: string(s)} }\n", name, s.FullName())
	g.printf("return []byte(s), nil\n}\n")
	g.printf("\n// UnmarshalText sets s to the symbol that text spells, or returns a *codec.SymbolError and leaves it.\n")
	g.printf("func (s *%s) UnmarshalText(text []byte) error {\nsymbol, err := %s(string(text))\nif err == nil { *s = symbol }\nreturn err\n}\n", name, parse)
}

func (g *generator) declareUnion(u union) {
	var names []string
	for _, b := range u.branches {
		names = append(names, b.goType)
	}
	g.printf("\n// %s holds one of %s.\ntype %s interface{ is%s() }\n", u.name, strings.Join(names, ", "), u.name, u.name)
	for _, b := range u.branches {
		switch {
		case strings.HasPrefix(b.wrapped, "*"): // a pointer type could not have the method
			g.printf("\n// %s is the %s of a %s.\ntype %s struct { Value %s }\n", b.goType, b.schema.Type(), u.name, b.goType, b.wrapped)
		case b.wrapped != "":
			g.printf("\n// %s is the %s of a %s.\ntype %s %s\n", b.goType, b.schema.Type(), u.name, b.goType, b.wrapped)
		}
		g.printf("\nfunc (%s) is%s() {}\n", b.goType, u.name)
	}
}
