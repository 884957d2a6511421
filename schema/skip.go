package schema

import "github.com/hamba/avro/v2"

// skipFn passes over a value of the writer's that the reader has no field for. The guard has seen the value, so that counts are
// backed by bytes.
type skipFn func(r *avro.Reader)

// skip returns nil for a type that takes no bytes.
func (b *decodeBinder) skip(n *node) skipFn {
	if fn, ok := b.skips[n]; ok {
		if fn == nil || *fn != nil {
			return deref(fn)
		}
		return func(r *avro.Reader) { (*fn)(r) }
	}
	slot := new(skipFn)
	b.skips[n] = slot
	fn := b.buildSkip(n)
	if fn == nil {
		b.skips[n] = nil
		return nil
	}
	*slot = fn
	return fn
}

func deref(fn *skipFn) skipFn {
	if fn == nil {
		return nil
	}
	return *fn
}

func (b *decodeBinder) buildSkip(n *node) skipFn {
	switch n.kind {
	case kindNull:
		return nil
	case kindBoolean:
		return func(r *avro.Reader) { r.SkipNBytes(1) }
	case kindInt, kindLong, kindEnum:
		return (*avro.Reader).SkipLong
	case kindFloat:
		return (*avro.Reader).SkipFloat
	case kindDouble:
		return (*avro.Reader).SkipDouble
	case kindBytes, kindString:
		return (*avro.Reader).SkipBytes
	case kindFixed:
		if n.size == 0 {
			return nil
		}
		return func(r *avro.Reader) { r.SkipNBytes(n.size) }
	case kindRecord:
		return b.skipRecord(n)
	case kindUnion:
		return b.skipUnion(n)
	default:
		return b.skipItems(n)
	}
}

func (b *decodeBinder) skipRecord(n *node) skipFn {
	var fns []skipFn
	for i := range n.fields {
		if fn := b.skip(n.fields[i].typ); fn != nil {
			fns = append(fns, fn)
		}
	}
	if len(fns) == 0 {
		return nil
	}
	return func(r *avro.Reader) {
		for _, fn := range fns {
			fn(r)
		}
	}
}

func (b *decodeBinder) skipUnion(n *node) skipFn {
	fns := make([]skipFn, len(n.branches))
	for i, branch := range n.branches {
		fns[i] = b.skip(branch)
	}
	return func(r *avro.Reader) {
		if i := r.ReadLong(); i >= 0 && i < int64(len(fns)) && fns[i] != nil {
			fns[i](r)
		}
	}
}

func (b *decodeBinder) skipItems(n *node) skipFn {
	item := b.skip(n.items)
	return func(r *avro.Reader) {
		for r.Error == nil {
			count, size := r.ReadBlockHeader()
			if count <= 0 {
				return
			}
			if size > 0 {
				r.SkipNBytes(int(size))
				continue
			}
			for range count {
				if n.kind == kindMap {
					r.SkipString()
				}
				if item != nil {
					item(r)
				}
			}
		}
	}
}
