package schema

import "fmt"

// translation turns bytes that one schema wrote into the bytes that another would have written, by the Avro specification's "Schema
// Resolution". What a type decodes is then always its own schema, whichever way it decodes. There is no resolved schema, as hamba's
// resolver makes; that one recurses without end on recursive schemas.
//
// It is a program of moves, one for each pair of types that differ; what both schemas encode alike is copied as it stands. It checks
// what it reads by the rules of the writer's guard, whose procedures it runs, and what it writes is bounded by MaxValueBytes. A
// program is immutable; recursion is a move that calls one before it.
type translation struct {
	guard *guard // of the writer's types that are copied or passed over
	moves []move
	entry int32
}

type moveCode uint8

const (
	moveFail     moveCode = iota // reason
	moveCopy                     // proc: of the writer's type
	moveCheck                    // proc: of the reader's type, which has the same bytes and asks more of them
	moveFloat                    // an int or long to float
	moveDouble                   // an int or long to double
	moveWiden                    // float to double
	moveEnum                     // table: the reader's symbol for each of the writer's, -1 for none
	moveRecord                   // parts
	moveArray                    // target: of an item, least
	moveMap                      // target: of a value, least
	moveBranches                 // table: the move for each branch of the writer's union
	moveInto                     // index: a branch of the reader's union, then target
)

type move struct {
	code   moveCode
	proc   int32
	target int32
	index  int32
	least  int32
	table  []int32
	parts  []part
	order  []int32 // of the parts in the reader's record, when it is not that of the writer
	reason string
	name   string // of the reader's type, for messages
}

type partCode uint8

const (
	partCopy    partCode = iota // proc: fields that are encoded alike, in the same order
	partSkip                    // proc: fields that the reader does not have
	partMove                    // target
	partDefault                 // bytes
)

// part is what one or several fields of a record take.
type part struct {
	code   partCode
	proc   int32
	target int32
	bytes  []byte
	name   string
	// written is the position among the fields of the reader of what the part writes, -1 for nothing.
	written int32
}

// newTranslation compiles the translation from writer to reader. problem is why no value at all could be read; what only some values
// cannot be read for is their own error.
func newTranslation(reader, writer *node) (t *translation, problem string) {
	c := translator{
		guards: newGuardCompiler(writer),
		compat: compare(reader, writer),
		done:   map[pair]int32{},
		failed: map[pair]string{},
	}
	if c.compat.tooMany {
		return nil, fmt.Sprintf("the schemas have more than %d pairs of types to compare", maxPairs)
	}
	c.t.guard = c.guards.guard
	entry, problem := c.move(writer, reader)
	if problem != "" {
		return nil, problem
	}
	c.t.entry = entry
	return &c.t, ""
}

// translator compiles a translation.
type translator struct {
	t      translation
	guards *guardCompiler
	compat *comparison
	done   map[pair]int32
	failed map[pair]string
}

// move returns the move for a pair of types. Its number is taken before it is known, so that a recursive type finds itself.
func (c *translator) move(w, r *node) (at int32, problem string) {
	key := pair{reader: r, writer: w}
	if known, ok := c.failed[key]; ok {
		return 0, known
	}
	if known, ok := c.done[key]; ok {
		return known, ""
	}
	at = int32(len(c.t.moves))
	c.done[key] = at
	c.t.moves = append(c.t.moves, move{})
	m, problem := c.build(w, r)
	if problem != "" {
		c.failed[key] = problem
		m = move{code: moveFail, reason: problem}
	}
	c.t.moves[at] = m
	return at, problem
}

func (c *translator) build(w, r *node) (move, string) {
	switch {
	case w.kind == kindUnion:
		return c.branches(w, r)
	case r.kind == kindUnion:
		chosen := c.branchFor(w, r)
		if chosen < 0 {
			return move{}, fmt.Sprintf("no branch of the reader's union takes the writer's %s", w.describe())
		}
		target, problem := c.move(w, r.branches[chosen])
		return move{code: moveInto, index: int32(chosen), target: target}, problem
	}
	if v := judge(r, w); len(v.problems) > 0 && v.problems[0].kind != MissingEnumSymbols {
		return move{}, v.problems[0].message()
	}
	switch r.kind {
	case kindRecord:
		return c.record(w, r)
	case kindArray, kindMap:
		return c.container(w, r)
	case kindEnum:
		return c.enum(w, r), ""
	case kindFloat, kindDouble:
		return c.float(w, r), ""
	case kindString, kindBytes, kindFixed:
		if r.kind == kindString && w.kind == kindBytes || r.logical == logicalDecimal && w.logical != logicalDecimal {
			// Bytes need not be UTF-8, nor within a decimal's precision.
			return move{code: moveCheck, proc: c.guards.proc(r)}, ""
		}
		return c.copy(w), ""
	default:
		return c.copy(w), ""
	}
}

// branchFor picks the branch of the reader's union that takes the writer's type: "the first schema in the reader's union that
// matches". A branch of the very same type and name comes before one that matches by its unqualified name or an alias, and that before
// a promotion, as in Java's implementation; among equals one that is compatible through and through comes first.
func (c *translator) branchFor(w, r *node) int {
	rank := func(branch *node) int {
		switch {
		case branch.kind == w.kind && branch.name == w.name:
			return 0
		case branch.kind == w.kind && matches(branch, w):
			return 1
		case matches(branch, w):
			return 2
		default:
			return 3
		}
	}
	best, bestRank := -1, 6
	for i, branch := range r.branches {
		k := rank(branch)
		if k == 3 {
			continue
		}
		if !c.compat.ok(branch, w) {
			k += 3
		}
		if k < bestRank {
			best, bestRank = i, k
		}
	}
	return best
}

func (c *translator) copy(w *node) move { return move{code: moveCopy, proc: c.guards.proc(w)} }

// copies reports whether a move is complete and copies what it reads.
func (c *translator) copies(at int32) bool { return c.t.moves[at].code == moveCopy }

func (c *translator) float(w, r *node) move {
	switch {
	case w.kind == r.kind:
		return c.copy(w)
	case w.kind == kindFloat:
		return move{code: moveWiden}
	case r.kind == kindFloat:
		return move{code: moveFloat, proc: c.guards.proc(w)}
	default:
		return move{code: moveDouble, proc: c.guards.proc(w)}
	}
}

// enum: "if the writer's symbol is not present in the reader's enum and the reader has a default value, then that value is used,
// otherwise an error is signalled".
func (c *translator) enum(w, r *node) move {
	positions := map[string]int32{}
	for i, symbol := range r.symbols {
		positions[symbol] = int32(i)
	}
	m := move{code: moveEnum, table: make([]int32, len(w.symbols)), name: r.name}
	same := true
	for i, symbol := range w.symbols {
		at, ok := positions[symbol]
		if !ok {
			at, ok = positions[r.enumDefault]
		}
		if !ok {
			at = -1
		}
		m.table[i] = at
		same = same && at == int32(i)
	}
	if same {
		return c.copy(w)
	}
	return m
}

func (c *translator) container(w, r *node) (move, string) {
	target, problem := c.move(w.items, r.items)
	switch {
	case problem != "":
		return move{}, problem
	case c.copies(target):
		return c.copy(w), ""
	case r.kind == kindArray:
		return move{code: moveArray, target: target, least: c.guards.least(w.items)}, ""
	default:
		return move{code: moveMap, target: target, least: 1 + c.guards.least(w.items)}, ""
	}
}

// branches: "the reader's schema is resolved against the selected writer's schema". A branch that the reader cannot take is an error
// only when it occurs; when it can take none, there is no translation.
func (c *translator) branches(w, r *node) (move, string) {
	m := move{code: moveBranches, table: make([]int32, len(w.branches))}
	first, readable, alike := "", 0, r.kind == kindUnion && len(r.branches) >= len(w.branches)
	for i, branch := range w.branches {
		at, problem := c.move(branch, r)
		if problem == "" {
			readable++
			into := c.t.moves[at]
			alike = alike && into.code == moveInto && int(into.index) == i && c.copies(into.target)
		} else {
			alike = false
			if first == "" {
				first = problem
			}
			at = c.fail(fmt.Sprintf("the writer's %s has no place in the reader's %s: %s", branch.describe(), r.describe(), problem))
		}
		m.table[i] = at
	}
	switch {
	case readable == 0:
		return move{}, first
	case alike:
		return c.copy(w), ""
	default:
		return m, ""
	}
}

func (c *translator) fail(reason string) int32 {
	c.t.moves = append(c.t.moves, move{code: moveFail, reason: reason})
	return int32(len(c.t.moves) - 1)
}
