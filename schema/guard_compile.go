package schema

import "math/big"

// compileGuard builds the procedures of a schema. A named type is compiled once, however often and however recursively it is used.
func compileGuard(root *node) *guard {
	c := newGuardCompiler(root)
	c.guard.entry = c.proc(root)
	return c.guard
}

func newGuardCompiler(root *node) *guardCompiler {
	return &guardCompiler{
		guard:    &guard{name: root.typeName()},
		procOf:   map[*node]int32{},
		sizes:    map[*node]int{},
		building: map[*node]bool{},
	}
}

type guardCompiler struct {
	guard  *guard
	procOf map[*node]int32
	sizes  map[*node]int
	// building holds the types whose steps are not complete yet.
	building map[*node]bool
}

// proc returns the procedure of n, and compiles it when it is new. The number is taken before the steps are known, so that a
// recursive type finds itself.
func (c *guardCompiler) proc(n *node) int32 {
	if p, ok := c.procOf[n]; ok {
		return p
	}
	p := int32(len(c.guard.procs))
	c.procOf[n] = p
	c.building[n] = true
	c.guard.procs = append(c.guard.procs, proc{})
	var built proc
	if n.kind == kindRecord {
		built.record = true
		for i := range n.fields {
			c.add(&built, n.fields[i].typ, n.fields[i].name)
		}
	} else {
		c.add(&built, n, "")
	}
	c.guard.procs[p] = built
	delete(c.building, n)
	return p
}

func (c *guardCompiler) add(p *proc, n *node, name string) {
	s, ok := c.step(n)
	if !ok {
		return
	}
	if last := len(p.steps) - 1; s.code == stepFixed && last >= 0 && p.steps[last].code == stepFixed && p.steps[last].arg < maxLeast {
		p.steps[last].arg += s.arg
		return
	}
	p.steps = append(p.steps, s)
	p.fields = append(p.fields, name)
}

// step is the step that checks a value of n; ok is false when there is nothing to check.
func (c *guardCompiler) step(n *node) (s step, ok bool) {
	switch n.kind {
	case kindNull:
		return step{}, false
	case kindBoolean:
		return step{code: stepBoolean}, true
	case kindInt:
		return step{code: stepInt}, true
	case kindLong:
		return step{code: stepLong}, true
	case kindFloat:
		return step{code: stepFixed, arg: 4}, true
	case kindDouble:
		return step{code: stepFixed, arg: 8}, true
	case kindString:
		return step{code: stepString}, true
	case kindBytes:
		if n.logical == logicalDecimal {
			return step{code: stepDecimal, arg: c.decimal(n)}, true
		}
		return step{code: stepBytes}, true
	case kindFixed:
		if n.logical == logicalDecimal {
			return step{code: stepDecimalFixed, arg: c.decimal(n), min: int32(n.size)}, true
		}
		return step{code: stepFixed, arg: int32(n.size)}, n.size > 0
	case kindEnum:
		return step{code: stepEnum, arg: int32(len(n.symbols))}, true
	case kindRecord:
		// A record without any bytes is not called: records that hold such records twice each would make 2^n calls for n types.
		p := c.proc(n)
		return step{code: stepCall, arg: p}, c.building[n] || len(c.guard.procs[p].steps) > 0
	case kindArray:
		return step{code: stepArray, arg: c.proc(n.items), min: c.least(n.items)}, true
	case kindMap:
		return step{code: stepMap, arg: c.proc(n.items), min: 1 + c.least(n.items)}, true
	default:
		return c.union(n), true
	}
}

func (c *guardCompiler) union(n *node) step {
	if null, other, ok := n.nullable(); ok && null != other {
		return step{code: stepNullable, arg: c.proc(n.branches[other]), min: int32(other)}
	}
	s := step{code: stepUnion, targets: make([]int32, len(n.branches))}
	for i, branch := range n.branches {
		s.targets[i] = -1
		if branch.kind != kindNull {
			s.targets[i] = c.proc(branch)
		}
	}
	return s
}

// decimalBounds are the largest and smallest unscaled values of a precision, in two's complement of one length.
type decimalBounds struct {
	highest, lowest []byte
	precision       int
}

func (c *guardCompiler) decimal(n *node) int32 {
	c.guard.decimals = append(c.guard.decimals, boundsOf(n.precision))
	return int32(len(c.guard.decimals) - 1)
}

func boundsOf(precision int) decimalBounds {
	highest := powerOfTen(precision)
	highest.Sub(highest, big.NewInt(1))
	size := twosComplementLen(highest)
	return decimalBounds{
		highest:   twosComplement(highest, size),
		lowest:    twosComplement(new(big.Int).Neg(highest), size),
		precision: precision,
	}
}

// maxLeast keeps sums of least sizes far from overflow; a value that needs more is refused by its real size anyway.
const maxLeast = MaxValueBytes

// least is the least number of bytes a value of n takes. A recursive type counts as 0 within itself, which errs to the safe side.
func (c *guardCompiler) least(n *node) int32 { return int32(c.leastSize(n)) }

func (c *guardCompiler) leastSize(n *node) int {
	switch n.kind {
	case kindNull:
		return 0
	case kindFloat:
		return 4
	case kindDouble:
		return 8
	case kindFixed:
		return n.size
	case kindRecord, kindUnion:
		return c.leastOf(n)
	default:
		return 1
	}
}

func (c *guardCompiler) leastOf(n *node) int {
	if size, ok := c.sizes[n]; ok {
		return size
	}
	c.sizes[n] = 0
	size := 0
	if n.kind == kindRecord {
		for i := range n.fields {
			size = min(size+c.leastSize(n.fields[i].typ), maxLeast)
		}
	} else {
		size = maxLeast
		for _, branch := range n.branches {
			size = min(size, 1+c.leastSize(branch))
		}
	}
	c.sizes[n] = size
	return size
}
