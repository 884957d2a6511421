package schema

import "slices"

// record takes the fields in the writer's order, then the defaults of fields that the writer does not have. Neighbours that need
// no more than copying, or than passing over, make one part.
func (c *translator) record(w, r *node) (move, string) {
	from := pairFields(r, w)
	target := slices.Repeat([]int{-1}, len(w.fields))
	for ri, wi := range from {
		if wi >= 0 {
			target[wi] = ri
		}
	}
	p := partBuilder{c: c}
	for wi, ri := range target {
		f := &w.fields[wi]
		if ri < 0 {
			p.skip(f)
			continue
		}
		at, problem := c.move(f.typ, r.fields[ri].typ)
		if problem != "" {
			return move{}, problem
		}
		if c.copies(at) {
			p.copy(f, ri)
			continue
		}
		p.close()
		p.parts = append(p.parts, part{code: partMove, target: at, name: f.name, written: int32(ri)})
	}
	p.close()
	for ri, wi := range from {
		f := &r.fields[ri]
		if wi >= 0 {
			continue
		}
		if f.mistake != nil {
			return move{}, "the writer does not have field " + f.name + ", and its default at " + f.mistake.Path + " is not valid: " + f.mistake.Reason
		}
		if !f.hasDefault {
			return move{}, "the writer does not have field " + f.name + ", and it has no default"
		}
		p.parts = append(p.parts, part{code: partDefault, bytes: f.defaultAvro, name: f.name, written: int32(ri)})
	}
	return c.recordOf(w, p.parts), ""
}

// recordOf is a copy of the whole where that is what the parts come to. Defaults move to their place among the others when the
// others are in the reader's order already; only then is no second pass over what was written needed.
func (c *translator) recordOf(w *node, parts []part) move {
	if len(parts) == 0 || len(parts) == 1 && parts[0].code == partCopy {
		return c.copy(w)
	}
	m := move{code: moveRecord, parts: parts}
	last, ordered := int32(-1), true
	for i := range parts {
		if parts[i].code != partDefault && parts[i].written >= 0 {
			ordered = ordered && parts[i].written > last
			last = parts[i].written
		}
	}
	if ordered {
		m.parts = mergeDefaults(parts)
		return m
	}
	for i := range parts {
		if parts[i].written >= 0 {
			m.order = append(m.order, int32(i))
		}
	}
	slices.SortFunc(m.order, func(a, b int32) int { return int(parts[a].written - parts[b].written) })
	return m
}

// mergeDefaults puts each default before the first part that is written behind it.
func mergeDefaults(parts []part) []part {
	first := slices.IndexFunc(parts, func(p part) bool { return p.code == partDefault })
	if first < 0 {
		return parts
	}
	var out []part
	defaults := parts[first:]
	for _, p := range parts[:first] {
		for p.written >= 0 && len(defaults) > 0 && defaults[0].written < p.written {
			out = append(out, defaults[0])
			defaults = defaults[1:]
		}
		out = append(out, p)
	}
	return append(out, defaults...)
}

// partBuilder gathers neighbouring fields into the procedure of one part.
type partBuilder struct {
	c     *translator
	parts []part
	open  proc
	code  partCode
	first int // of the run that is copied, the reader's position
	next  int
}

func (p *partBuilder) copy(f *field, ri int) {
	if p.code != partCopy || ri != p.next {
		p.close()
		p.first = ri
	}
	if len(p.open.steps) == 0 {
		p.first = ri
	}
	p.code, p.next = partCopy, ri+1
	p.c.guards.add(&p.open, f.typ, f.name)
}

func (p *partBuilder) skip(f *field) {
	if p.code != partSkip {
		p.close()
	}
	p.code = partSkip
	p.c.guards.add(&p.open, f.typ, f.name)
}

func (p *partBuilder) close() {
	if len(p.open.steps) == 0 {
		p.open = proc{}
		return
	}
	guard := p.c.guards.guard
	guard.procs = append(guard.procs, p.open)
	made := part{code: p.code, proc: int32(len(guard.procs) - 1), written: -1}
	if p.code == partCopy {
		made.written = int32(p.first)
	}
	p.parts = append(p.parts, made)
	p.open = proc{}
}
