package sample

import "github.com/headrace/headrace/schema"

// graph returns the root of a schema, in which every use of a named type is its definition: a schema that is recursive is a cycle.
func graph(s *schema.Schema) *schema.Type {
	g := grapher{named: map[string]*schema.Type{}, seen: map[*schema.Schema]bool{}}
	g.add(s)
	for i := range g.roots {
		g.roots[i] = g.link(g.roots[i])
	}
	return g.roots[0]
}

type grapher struct {
	roots []*schema.Type // of the schema, then of its references
	named map[string]*schema.Type
	seen  map[*schema.Schema]bool
}

// add notes what a schema and its references define.
func (g *grapher) add(s *schema.Schema) {
	if g.seen[s] {
		return
	}
	g.seen[s] = true
	root := s.Outline()
	g.roots = append(g.roots, root)
	g.define(root)
	for _, ref := range s.References() {
		g.add(ref)
	}
}

func (g *grapher) define(t *schema.Type) {
	if t == nil || t.Use {
		return
	}
	if t.Name != "" {
		g.named[t.Name] = t
	}
	for i := range t.Fields {
		g.define(t.Fields[i].Type)
	}
	for _, branch := range t.Branches {
		g.define(branch)
	}
	g.define(t.Items)
}

// link puts definitions in the place of names, within t and for t itself.
func (g *grapher) link(t *schema.Type) *schema.Type {
	if t == nil {
		return nil
	}
	if t.Use {
		return g.named[t.Name]
	}
	for i := range t.Fields {
		t.Fields[i].Type = g.link(t.Fields[i].Type)
	}
	for i, branch := range t.Branches {
		t.Branches[i] = g.link(branch)
	}
	t.Items = g.link(t.Items)
	return t
}
