package project

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// config reads settings, in order of Kafka's names.
func (r *reader) config(n *yaml.Node) []Setting {
	var all []Setting
	lines := map[string]int{}
	for _, p := range pairs(n) {
		known, ok := findSetting(p.key.Value)
		if !ok {
			known = setting{name: p.key.Value}
		}
		written := p.value.Value
		if p.value.Kind == yaml.SequenceNode {
			written = strings.Join(r.texts(p.value), ",")
		}
		value, err := known.kafkaValue(written, p.key.Value == known.name)
		if err != nil {
			r.add(r.at(p.value), "", "%s: %v", p.key.Value, err)
			continue
		}
		if before, twice := lines[known.name]; twice {
			r.add(r.at(p.key), "keep one", "%s is set in line %d already", known.name, before)
		} else {
			lines[known.name] = p.key.Line
		}
		all = append(all, Setting{At: r.at(p.key), Name: known.name, Value: value, Written: written})
	}
	slices.SortStableFunc(all, func(a, b Setting) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// With returns the topic with overrides on top. Neither is changed.
func (t Topic) With(over Overrides) Topic {
	if over.Partitions > 0 {
		t.Partitions = over.Partitions
	}
	if over.Replication > 0 {
		t.Replication = over.Replication
	}
	t.Config = mergeSettings(t.Config, over.Config)
	return t
}

// In returns the group as it is in a context, which may be nil. The group itself is not changed.
func (g Group) In(c *Context) Group {
	if c == nil {
		return g
	}
	for _, over := range c.Groups {
		if over.Name == g.Name {
			g.Retry = over.Retry
		}
	}
	return g
}

// mergeSettings returns base with over on top, in order of name.
func mergeSettings(base, over []Setting) []Setting {
	replaced := make(map[string]bool, len(over))
	for _, o := range over {
		replaced[o.Name] = true
	}
	merged := slices.DeleteFunc(slices.Clone(base), func(s Setting) bool { return replaced[s.Name] })
	merged = append(merged, over...)
	slices.SortStableFunc(merged, func(a, b Setting) int { return cmp.Compare(a.Name, b.Name) })
	return merged
}
