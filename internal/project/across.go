package project

import "slices"

// across checks what holds between the parts of a file: names stand once, and what is referred to is there.
func (l *loader) across() {
	contexts, topics, groups, accounts := places{}, places{}, places{}, places{}
	for _, c := range l.all.Contexts {
		contexts.claim(l, "context", c.Name, c.At)
	}
	for _, t := range l.all.Topics {
		topics.claim(l, "topic", t.Name, t.At)
		events := places{}
		for _, e := range t.Events {
			events.claim(l, "topic "+t.Name+": event", e.Name, e.At)
		}
	}
	for _, g := range l.all.Groups {
		groups.claim(l, "group", g.Name, g.At)
		read := places{}
		for _, name := range g.Topics {
			read.claim(l, "group "+g.Name+": topic", name.Name, name.At)
			topics.want(l, "group "+g.Name+": topic", name)
		}
	}
	for _, a := range l.all.Accounts {
		accounts.claim(l, "account", a.Name, a.At)
		for _, name := range a.Produces {
			topics.want(l, "account "+a.Name+": topic", name)
		}
		for _, name := range a.Reads {
			topics.want(l, "account "+a.Name+": topic", name)
		}
		for _, name := range a.Replays {
			topics.want(l, "account "+a.Name+": topic", name)
		}
		for _, name := range slices.Concat(a.Groups, a.Redrives) {
			groups.want(l, "account "+a.Name+": group", name)
		}
	}
	for _, c := range l.all.Contexts {
		for _, t := range c.Topics {
			topics.want(l, "context "+c.Name+": topic", Name{At: t.At, Name: t.Name})
		}
		for _, g := range c.Groups {
			groups.want(l, "context "+c.Name+": group", Name{At: g.At, Name: g.Name})
		}
	}
	if l.all.Context != "" {
		contexts.want(l, "context", Name{At: l.context, Name: l.all.Context})
	}
}

// A hint compares a name with all others: only the first mistakes get one, and only among so many names.
const (
	maxHints = 50
	maxNear  = 10_000
)

// places says where each name of one kind stands.
type places map[string]Position

func (p places) claim(l *loader, what, name string, at Position) {
	if before, taken := p[name]; taken {
		l.add(at, "it stands at "+before.String()+" already", "%s %s is there twice", what, name)
		return
	}
	p[name] = at
}

func (p places) want(l *loader, what string, name Name) {
	if _, ok := p[name.Name]; ok {
		return
	}
	hint := ""
	if len(l.errs) < maxHints && len(p) <= maxNear {
		var known []string
		for other := range p {
			known = append(known, other)
		}
		if near := nearest(name.Name, known); near != "" {
			hint = "did you mean " + near + "?"
		}
	}
	l.add(name.At, hint, "%s %s is not in this file", what, name.Name)
}
