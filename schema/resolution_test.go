package schema

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
)

// resolution is the specification's "Schema Resolution" taken word by word, over valid data of the writer's: the measure of what
// translations do in one pass.
type resolution struct{ src []byte }

var errUnresolved = errors.New("the specification has an error here")

func (x *resolution) take(n int) []byte {
	b := x.src[:n]
	x.src = x.src[n:]
	return b
}

func (x *resolution) long() int64 {
	v, n := binary.Varint(x.src)
	x.take(n)
	return v
}

// read returns the bytes of one value of n.
func (x *resolution) read(n *node) []byte {
	before := x.src
	switch n.kind {
	case kindBoolean:
		x.take(1)
	case kindInt, kindLong, kindEnum:
		x.long()
	case kindFloat:
		x.take(4)
	case kindDouble:
		x.take(8)
	case kindBytes, kindString:
		x.take(int(x.long()))
	case kindFixed:
		x.take(n.size)
	case kindRecord:
		for i := range n.fields {
			x.read(n.fields[i].typ)
		}
	case kindUnion:
		x.read(n.branches[x.long()])
	case kindArray, kindMap:
		for count := x.long(); count != 0; count = x.long() {
			for range count {
				if n.kind == kindMap {
					x.take(int(x.long()))
				}
				x.read(n.items)
			}
		}
	}
	return before[:len(before)-len(x.src)]
}

// resolve reads a value of w and returns it as one of r.
func (x *resolution) resolve(w, r *node) ([]byte, error) {
	switch {
	case w.kind == kindUnion:
		return x.resolve(w.branches[x.long()], r)
	case r.kind == kindUnion:
		at := x.branch(w, r)
		if at < 0 {
			return nil, errUnresolved
		}
		value, err := x.resolve(w, r.branches[at])
		return append(appendLong(nil, int64(at)), value...), err
	case !matches(r, w), r.kind == kindFixed && r.size != w.size, misread(r, w), decimalsDiffer(r, w):
		return nil, errUnresolved
	}
	switch r.kind {
	case kindRecord:
		return x.record(w, r)
	case kindArray, kindMap:
		return x.container(w, r)
	case kindEnum:
		symbol := w.symbols[x.long()]
		at := slices.Index(r.symbols, symbol)
		if at < 0 {
			at = slices.Index(r.symbols, r.enumDefault)
		}
		if at < 0 {
			return nil, errUnresolved
		}
		return appendLong(nil, int64(at)), nil
	case kindFloat, kindDouble:
		if r.kind != w.kind {
			return widened(x.read(w), w.kind, r.kind), nil
		}
	}
	return x.read(w), nil
}

func widened(value []byte, from, to kind) []byte {
	var v float64
	if from == kindFloat {
		v = float64(math.Float32frombits(binary.LittleEndian.Uint32(value)))
	} else {
		n, _ := binary.Varint(value)
		if to == kindFloat {
			return binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(n)))
		}
		v = float64(n)
	}
	return binary.LittleEndian.AppendUint64(nil, math.Float64bits(v))
}

// branch is the first that matches, one of the same name before others of its kind, and those before promotions; what is readable
// through and through comes before what is not.
func (x *resolution) branch(w, r *node) int {
	same := func(b *node) bool { return b.kind == w.kind && b.name == w.name }
	alike := func(b *node) bool { return b.kind == w.kind && matches(b, w) }
	either := func(b *node) bool { return matches(b, w) }
	for _, through := range []bool{true, false} {
		for _, fits := range []func(*node) bool{same, alike, either} {
			for i, b := range r.branches {
				if fits(b) && (!through || compare(b, w).ok(b, w)) {
					return i
				}
			}
		}
	}
	return -1
}

func (x *resolution) record(w, r *node) ([]byte, error) {
	from := pairFields(r, w)
	values := make([][]byte, len(r.fields))
	for wi := range w.fields {
		ri := slices.Index(from, wi)
		if ri < 0 {
			x.read(w.fields[wi].typ)
			continue
		}
		var err error
		if values[ri], err = x.resolve(w.fields[wi].typ, r.fields[ri].typ); err != nil {
			return nil, err
		}
	}
	for ri, wi := range from {
		if wi < 0 {
			if !r.fields[ri].hasDefault {
				return nil, errUnresolved
			}
			values[ri] = r.fields[ri].defaultAvro
		}
	}
	return slices.Concat(values...), nil
}

func (x *resolution) container(w, r *node) ([]byte, error) {
	var out []byte
	for {
		count := x.long()
		out = appendLong(out, count)
		if count == 0 {
			return out, nil
		}
		for range count {
			if r.kind == kindMap {
				key := x.read(&node{kind: kindString})
				out = append(out, key...)
			}
			item, err := x.resolve(w.items, r.items)
			if err != nil {
				return nil, err
			}
			out = append(out, item...)
		}
	}
}
