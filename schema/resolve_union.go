package schema

import (
	"fmt"
	"reflect"
	"unsafe"
)

// writerUnion reads the branch that the writer chose: "the reader's schema is resolved against the selected writer's schema". A
// branch that the reader cannot take is an error only when it occurs; when it can take none, the plan fails.
func (b *decodeBinder) writerUnion(w, r *node, t reflect.Type) (decodeFn, *planError) {
	fns := make([]decodeFn, len(w.branches))
	var first *planError
	readable := 0
	for i, branch := range w.branches {
		fn, err := b.bind(branch, r, t)
		if err != nil {
			if err.fit != nil {
				return nil, err
			}
			if first == nil {
				first = err
			}
			reason := fmt.Sprintf("the writer's %s has no place in the reader's %s: %s", branch.describe(), r.describe(), err.problem)
			fn = func(*decodeState, unsafe.Pointer) *DataError { return &DataError{Offset: -1, Reason: reason} }
		} else {
			readable++
		}
		fns[i] = fn
	}
	if readable == 0 {
		return nil, first
	}
	return func(s *decodeState, p unsafe.Pointer) *DataError {
		i := s.r.ReadLong()
		if i < 0 || i >= int64(len(fns)) {
			return &DataError{Offset: -1, Reason: "a union's branch is out of range"}
		}
		return fns[i](s, p)
	}, nil
}

// branchFor picks the branch of the reader's union that takes the writer's type: "the first schema in the reader's union that
// matches". A branch of the very same type and name comes before one that matches by its unqualified name or an alias, and that before
// a promotion, as in Java's implementation; among equals one that is compatible through and through comes first.
func (b *decodeBinder) branchFor(w, r *node) int {
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
		if !b.compat.ok(branch, w) {
			k += 3
		}
		if k < bestRank {
			best, bestRank = i, k
		}
	}
	return best
}

func (b *decodeBinder) readerUnion(w, r *node, t reflect.Type) (decodeFn, *planError) {
	form, fault := formOfUnion(r, t)
	if fault != nil {
		return nil, &planError{fit: fault}
	}
	chosen := b.branchFor(w, r)
	if chosen < 0 {
		return nil, &planError{problem: fmt.Sprintf("no branch of the reader's union takes the writer's %s", w.describe())}
	}
	branch := r.branches[chosen]
	switch form {
	case unionSingle:
		return b.bind(w, branch, t)
	case unionNullable:
		if branch.kind == kindNull {
			return storeZero(t), nil
		}
		if t.Kind() == reflect.Pointer {
			return b.pointer(w, branch, t)
		}
		return b.bind(w, branch, t)
	case unionPointer:
		if branch.kind == kindNull {
			return storeZero(t), nil
		}
		elem, err := b.choice(w, r, chosen, t.Elem())
		if err != nil {
			return nil, err
		}
		et := t.Elem()
		return func(s *decodeState, p unsafe.Pointer) *DataError {
			value := reflect.New(et).UnsafePointer()
			*(*unsafe.Pointer)(p) = value
			return elem(s, value)
		}, nil
	default:
		return b.choice(w, r, chosen, t)
	}
}

func storeZero(t reflect.Type) decodeFn {
	return func(_ *decodeState, p unsafe.Pointer) *DataError {
		reflect.NewAt(t, p).Elem().SetZero()
		return nil
	}
}

// choice stores into the field of a struct that stands for the chosen branch, and clears the others.
func (b *decodeBinder) choice(w, r *node, chosen int, t reflect.Type) (decodeFn, *planError) {
	bound, fault := bindUnion(r, t)
	if fault != nil {
		return nil, &planError{fit: fault}
	}
	zero := storeZero(t)
	if r.branches[chosen].kind == kindNull {
		return zero, nil
	}
	f := bound[chosen]
	fn, err := b.bind(w, r.branches[chosen], f.typ)
	if err != nil {
		return nil, err.within(f.name)
	}
	return func(s *decodeState, p unsafe.Pointer) *DataError {
		if err := zero(s, p); err != nil {
			return err
		}
		return fn(s, unsafe.Add(p, f.offset))
	}, nil
}
