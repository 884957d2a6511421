package schema

import (
	"cmp"
	"fmt"
	"slices"
)

// Kind is the rule of Avro's schema resolution that a pair of schemas breaks, under the names that Java's implementation and the
// Confluent registry give them.
type Kind string

// The kinds of [Incompatibility].
const (
	// TypeMismatch: the types differ and the writer's is not one that the reader's type widens.
	TypeMismatch Kind = "TYPE_MISMATCH"
	// NameMismatch: two records, enums or fixed types have different names and the reader has no alias for the writer's.
	NameMismatch Kind = "NAME_MISMATCH"
	// FixedSizeMismatch: two fixed types differ in size.
	FixedSizeMismatch Kind = "FIXED_SIZE_MISMATCH"
	// MissingEnumSymbols: the writer's enum has symbols that the reader's lacks, and the reader's has no default.
	MissingEnumSymbols Kind = "MISSING_ENUM_SYMBOLS"
	// ReaderFieldMissingDefaultValue: the reader's field is not in the writer's record and has no default.
	ReaderFieldMissingDefaultValue Kind = "READER_FIELD_MISSING_DEFAULT_VALUE"
	// MissingUnionBranch: no branch of the reader's union takes the writer's type.
	MissingUnionBranch Kind = "MISSING_UNION_BRANCH"
	// DecimalMismatch: two decimals differ in precision or scale.
	DecimalMismatch Kind = "DECIMAL_MISMATCH"
	// LogicalTypeMismatch: two times or timestamps count in different units, which the specification lets pass and no reader wants.
	LogicalTypeMismatch Kind = "LOGICAL_TYPE_MISMATCH"
	// TooComplex: the schemas were not compared to the end.
	TooComplex Kind = "TOO_COMPLEX"
)

// Incompatibility is one reason why a reader's schema cannot read what a writer's schema wrote.
type Incompatibility struct {
	// Path is the JSON pointer (RFC 6901) of the offending type or field in the text of the reader's schema that defines it.
	Path string
	// Kind is the rule that is broken.
	Kind Kind
	// Message names both sides.
	Message string
	// Hint is what mends it: in the reader's schema, or, from [CheckLevel], in the new one.
	Hint string
	// Reader and Writer are the two types that do not go together.
	Reader, Writer Side
	// Version counts, from [CheckLevel], which of the old schemas is meant, from 1.
	Version int
	// Forward reports, from [CheckLevel], that the old schema is the reader.
	Forward bool
}

// Side is one schema's part in an [Incompatibility].
type Side struct {
	// Type is the type in short: "long", "timestamp-millis", "decimal(12,2)", "string?" for what may be null, "[]shop.Line".
	Type string
	// Pointer is where it stands in Schema's text.
	Pointer string
	// Schema is the schema that was compared, or one of its references; nil when the schemas were not compared to the end.
	Schema *Schema
}

// String returns "KIND at /path: message".
func (i Incompatibility) String() string {
	at := i.Path
	if at == "" {
		at = "/"
	}
	return fmt.Sprintf("%s at %s: %s", i.Kind, at, i.Message)
}

// maxPairs bounds how many pairs of types are compared. Real schemas need as many as they have types.
const maxPairs = 1 << 17

// Compatible lists every reason why reader cannot read data written with writer, by the rules of the Avro specification, "Schema
// Resolution": promotions, aliases of names and fields, defaults of fields and enums, unions on either side, sizes of fixed types,
// precision and scale of decimals. It is empty when reader can read all of it. The order is that of reader's text, what is in its
// references at the end.
//
// It is a pure function and safe for concurrent use. Recursive schemas are compared as what they are, the infinite trees they
// stand for.
func Compatible(reader, writer *Schema) []Incompatibility {
	return incompatibilities(reader, writer, false)
}

// incompatibilities are those of [Compatible], with hints for the writer's schema when forward is set.
func incompatibilities(reader, writer *Schema, forward bool) []Incompatibility {
	c := compare(reader.root, writer.root)
	if c.tooMany {
		return []Incompatibility{{Kind: TooComplex, Message: fmt.Sprintf("the schemas have more than %d pairs of types, or %d pairs of fields and symbols, to compare", maxPairs, maxWork), Forward: forward}}
	}
	c.list(pair{reader.root, writer.root})
	if len(c.found) == 0 {
		return nil
	}
	found := make([]Incompatibility, len(c.found))
	for i, p := range c.found {
		found[i] = p.told(forward)
	}
	rank := map[*Schema]int{}
	reader.rank(rank)
	slices.SortStableFunc(found, func(a, b Incompatibility) int {
		return cmp.Or(cmp.Compare(rank[a.Reader.Schema], rank[b.Reader.Schema]), comparePointers(a.Path, b.Path))
	})
	return found
}

// rank numbers a schema's text and those of its references.
func (s *Schema) rank(numbers map[*Schema]int) {
	if _, known := numbers[s.root.home]; known {
		return
	}
	numbers[s.root.home] = len(numbers)
	for _, ref := range s.refs {
		ref.rank(numbers)
	}
}

// maxWork bounds what is looked at in all pairs together: many records or enums in two unions meet each other one by one.
const maxWork = 1 << 22

type pair struct{ reader, writer *node }

// cost is what judging the pair takes.
func (p pair) cost() int {
	switch {
	case p.writer.kind == kindUnion:
		return 1 + len(p.writer.branches)
	case p.reader.kind == kindUnion:
		return 1 + len(p.reader.branches)
	case p.reader.kind != p.writer.kind || !p.reader.kind.named():
		return 1
	}
	return 1 + len(p.reader.aliases) + len(p.reader.symbols) + len(p.writer.symbols) + len(p.reader.fields) + len(p.writer.fields)
}

// verdict is what the compatibility of one pair depends on.
type verdict struct {
	problems []problem // of its own
	all      []pair    // each of these must be compatible
	any      []pair    // when there are some, one of these must be
	left     int       // how many of any are not broken
	broken   bool
	// The verdicts that have this one among all, and among any.
	needed, usable []*verdict
}

// comparison holds the pairs that are reachable from one. Compatibility of recursive types is a greatest fixed point: all pairs
// count as compatible until shown otherwise, and what is shown otherwise spreads to its users.
type comparison struct {
	pairs   map[pair]*verdict
	work    int // symbols, fields and aliases looked at
	tooMany bool
	listed  map[pair]bool
	found   []problem
}

// problem is a broken rule and where: the types, or the reader's field.
type problem struct {
	kind           Kind
	reader, writer *node
	field          *field
}

func compare(reader, writer *node) *comparison { return compareWithin(reader, writer, maxWork) }

// compareWithin is compare with another bound of what is looked at.
func compareWithin(reader, writer *node, maxWork int) *comparison {
	c := &comparison{pairs: map[pair]*verdict{}, listed: map[pair]bool{}}
	var todo []pair
	at := func(p pair) *verdict {
		v := c.pairs[p]
		if v == nil {
			v = &verdict{}
			c.pairs[p] = v
			todo = append(todo, p)
		}
		return v
	}
	at(pair{reader, writer})
	for len(todo) > 0 {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if c.work += p.cost(); c.work > maxWork || len(c.pairs) > maxPairs {
			c.tooMany = true
			return c
		}
		v := c.pairs[p]
		own := judge(p.reader, p.writer)
		v.problems, v.all, v.any, v.left = own.problems, own.all, own.any, len(own.any)
		for _, sub := range v.all {
			sub := at(sub)
			sub.needed = append(sub.needed, v)
		}
		for _, sub := range v.any {
			sub := at(sub)
			sub.usable = append(sub.usable, v)
		}
	}
	for _, v := range c.pairs {
		if len(v.problems) > 0 {
			v.spread()
		}
	}
	return c
}

// spread breaks v and what cannot do without it.
func (v *verdict) spread() {
	todo := []*verdict{v}
	for len(todo) > 0 {
		v := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if v.broken {
			continue
		}
		v.broken = true
		todo = append(todo, v.needed...)
		for _, user := range v.usable {
			if user.left--; user.left == 0 {
				todo = append(todo, user)
			}
		}
	}
}

// ok reports whether a pair that was reached is compatible.
func (c *comparison) ok(reader, writer *node) bool {
	v := c.pairs[pair{reader, writer}]
	return !c.tooMany && v != nil && !v.broken
}

// list collects the problems behind a broken pair, each once.
func (c *comparison) list(p pair) {
	v := c.pairs[p]
	if !v.broken || c.listed[p] {
		return
	}
	c.listed[p] = true
	c.found = append(c.found, v.problems...)
	for _, sub := range v.all {
		c.list(sub)
	}
	if len(v.any) == 0 || slices.ContainsFunc(v.any, func(s pair) bool { return !c.pairs[s].broken }) {
		return
	}
	// When one branch was meant for the writer's type, what is wrong with it says more than that none fits.
	meant := slices.DeleteFunc(slices.Clone(v.any), func(s pair) bool { return !matches(s.reader, s.writer) })
	if len(meant) == 1 {
		c.list(meant[0])
		return
	}
	c.found = append(c.found, problem{kind: MissingUnionBranch, reader: p.reader, writer: p.writer})
}

// judge applies the rules to one pair, one level deep.
func judge(reader, writer *node) *verdict {
	v := &verdict{}
	breaks := func(k Kind) { v.problems = append(v.problems, problem{kind: k, reader: reader, writer: writer}) }
	switch {
	case writer.kind == kindUnion:
		for _, branch := range writer.branches {
			v.all = append(v.all, pair{reader, branch})
		}
		return v
	case reader.kind == kindUnion:
		for _, branch := range reader.branches {
			v.any = append(v.any, pair{branch, writer})
		}
		return v
	case reader.kind != writer.kind && !promotable(reader.kind, writer.kind):
		breaks(TypeMismatch)
		return v
	case decimalsDiffer(reader, writer):
		breaks(DecimalMismatch)
	case misread(reader, writer):
		breaks(LogicalTypeMismatch)
	}
	if reader.kind.named() && !sameName(reader, writer) {
		breaks(NameMismatch)
	}
	switch reader.kind {
	case kindFixed:
		if reader.size != writer.size {
			breaks(FixedSizeMismatch)
		}
	case kindEnum:
		if len(missingSymbols(reader, writer)) > 0 && reader.enumDefault == "" {
			breaks(MissingEnumSymbols)
		}
	case kindArray, kindMap:
		if writer.kind == reader.kind {
			v.all = append(v.all, pair{reader.items, writer.items})
		}
	case kindRecord:
		for i, w := range pairFields(reader, writer) {
			f := &reader.fields[i]
			switch {
			case w >= 0:
				v.all = append(v.all, pair{f.typ, writer.fields[w].typ})
			case !f.hasDefault:
				v.problems = append(v.problems, problem{ReaderFieldMissingDefaultValue, reader, writer, f})
			}
		}
	}
	return v
}

// missingSymbols are the writer's that the reader lacks.
func missingSymbols(reader, writer *node) []string {
	return without(writer.symbols, reader.symbols)
}
