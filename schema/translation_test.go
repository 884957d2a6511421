package schema

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// evolver draws a reader's schema from a writer's: what a later or an earlier version of it could be.
type evolver struct {
	t    *rapid.T
	done map[*node]*node
}

func evolve(t *rapid.T, s *Schema) *Schema {
	e := evolver{t: t, done: map[*node]*node{}}
	root := e.node(s.root)
	return &Schema{text: canonicalForm(root, true), root: root, guard: compileGuard(root), identity: canonicalForm(root, true)}
}

func (e *evolver) chance(percent int, what string) bool {
	return rapid.IntRange(0, 99).Draw(e.t, what) < percent
}

func (e *evolver) node(n *node) *node {
	if out, ok := e.done[n]; ok {
		return out
	}
	out := new(node)
	*out = *n
	e.done[n] = out
	if n.kind.named() && e.chance(5, "rename") {
		out.name, out.aliases = n.name+"New", []string{n.name}
	}
	switch n.kind {
	case kindRecord:
		out.fields = e.fields(n.fields)
	case kindArray, kindMap:
		out.items = e.node(n.items)
	case kindUnion:
		out.branches = nil
		for _, branch := range n.branches {
			out.branches = append(out.branches, e.node(branch))
		}
		if e.chance(20, "rotate") {
			out.branches = append(out.branches[1:], out.branches[0])
		}
		if e.chance(10, "narrow") {
			out.branches = out.branches[:1]
		}
	case kindEnum:
		if e.chance(30, "symbols") {
			out.symbols = []string{"D", "C", "A"}
			out.enumDefault = rapid.SampledFrom([]string{"", "D"}).Draw(e.t, "default")
		}
	}
	return out
}

func (e *evolver) fields(fields []field) []field {
	var out []field
	for _, f := range fields {
		switch {
		case e.chance(10, "drop"):
			continue
		case e.chance(10, "rename"):
			f.name, f.aliases = f.name+"New", []string{f.name}
		}
		f.typ = e.typ(f.typ)
		out = append(out, f)
	}
	if e.chance(20, "add") {
		typ := drawSchema(e.t, false).root
		f := field{name: "added", typ: typ, hasDefault: true, defaultAvro: drawAvro(e.t, typ, []byte{}, 3)}
		out = slices.Insert(out, rapid.IntRange(0, len(out)).Draw(e.t, "at"), f)
	}
	if len(out) > 1 && e.chance(20, "move") {
		out = append(out[1:], out[0])
	}
	return out
}

// typ is the type of a field, which may become another.
func (e *evolver) typ(n *node) *node {
	wider := map[kind]string{kindInt: "long", kindLong: "double", kindFloat: "double", kindBytes: "string", kindString: "bytes"}
	if text, ok := wider[n.kind]; ok && e.chance(25, "widen") {
		if n.kind == kindInt {
			text = rapid.SampledFrom([]string{"long", "float", "double"}).Draw(e.t, "to")
		}
		return &node{kind: primitives[text]}
	}
	out := e.node(n)
	if n.kind != kindUnion && n.kind != kindNull && e.chance(15, "optional") {
		return &node{kind: kindUnion, branches: []*node{{kind: kindNull}, out}}
	}
	if n.kind == kindUnion && e.chance(10, "required") {
		return out.branches[len(out.branches)-1]
	}
	return out
}

func translated(reader, writer *Schema, data []byte) (out []byte, problem string, err error) {
	t, problem := newTranslation(reader.root, writer.root)
	if problem != "" {
		return nil, problem, nil
	}
	out, fault := t.append(nil, data, new(translating))
	if fault != nil {
		return nil, "", fault
	}
	return out, "", reader.Check(out)
}

func TestTranslationIsResolution(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		writer := drawSchema(t, true)
		reader := evolve(t, writer)
		data := drawAvro(t, writer.root, nil, 0)
		x := resolution{src: data}
		want, wantErr := x.resolve(writer.root, reader.root)
		program, problem := newTranslation(reader.root, writer.root)
		if problem != "" {
			// Found before any value is seen; a value without what is wrong may still be readable.
			if len(Compatible(reader, writer)) == 0 {
				t.Fatalf("writer %s, reader %s: compatible, but: %s", writer, reader, problem)
			}
			return
		}
		got, fault := program.append(nil, data, new(translating))
		switch {
		case fault != nil && wantErr == nil && reader.Check(want) != nil: // bytes that are no string, or no decimal of these digits
		case (fault == nil) != (wantErr == nil):
			t.Fatalf("writer %s, reader %s, data %x: %v, want %v", writer, reader, data, fault, wantErr)
		case fault == nil && !bytes.Equal(got, want):
			t.Fatalf("writer %s, reader %s: %x became\n%x, want\n%x", writer, reader, data, got, want)
		}
	})
}

// A translation checks what it reads as the guard does.
func TestTranslationRefusesWhatTheGuardRefuses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		writer := drawSchema(t, true)
		reader := evolve(t, writer)
		data := drawAvro(t, writer.root, nil, 0)
		if n := rapid.IntRange(0, len(data)).Draw(t, "at"); n < len(data) {
			data[n] ^= rapid.Byte().Draw(t, "flip")
		}
		if rapid.Bool().Draw(t, "cut") {
			data = data[:rapid.IntRange(0, len(data)).Draw(t, "length")]
		}
		program, problem := newTranslation(reader.root, writer.root)
		if problem != "" {
			return
		}
		if _, fault := program.append(nil, data, new(translating)); fault == nil && writer.Check(data) != nil {
			t.Fatalf("writer %s, reader %s: %x was translated, but %v", writer, reader, data, writer.Check(data))
		}
	})
}

// Identical schemas are one copy, recursive ones aside.
func TestTranslationCopiesWhatIsAlike(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchema(t, false)
		program, problem := newTranslation(s.root, s.root)
		if problem != "" || program.moves[program.entry].code != moveCopy {
			t.Fatalf("%s: %s %+v", s, problem, program)
		}
	})
}

func TestTranslationBoundsWhatItWrites(t *testing.T) {
	t.Parallel()
	item := func(more string) *Schema {
		return mustParse(t, `{"type":"array","items":{"type":"record","name":"I","fields":[{"name":"a","type":"boolean"}`+more+`]}}`)
	}
	writer, reader := item(""), item(`,{"name":"b","type":"string","default":"`+strings.Repeat("x", 1000)+`"}`)
	data := append(appendLong(nil, 1<<20), make([]byte, 1<<20+1)...)
	_, _, err := translated(reader, writer, data)
	if err == nil || !strings.Contains(err.Error(), "allowed") {
		t.Errorf("a gigabyte of defaults: %v", err)
	}
}

func TestTranslationTakesNoMemory(t *testing.T) {
	writer := mustParse(t, `{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":"string"},{"name":"c","type":"long"}]}`)
	reader := mustParse(t, `{"type":"record","name":"R","fields":[{"name":"d","type":"int","default":7},{"name":"c","type":"double"},{"name":"a","type":"long"}]}`)
	program, problem := newTranslation(reader.root, writer.root)
	if problem != "" {
		t.Fatal(problem)
	}
	var run translating
	var dst []byte
	data := []byte("\x02\x02x\x04")
	if n := testing.AllocsPerRun(100, func() {
		out, fault := program.append(dst[:0], data, &run)
		if fault != nil {
			t.Fatal(fault)
		}
		dst = out
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
	if got, want := string(dst), "\x0e\x00\x00\x00\x00\x00\x00\x00\x40\x02"; got != want {
		t.Errorf("%x, want %x", got, want)
	}
}
