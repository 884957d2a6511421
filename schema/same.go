package schema

import "slices"

// sameness compares types as canonicalForm with logical types writes them, all of them together in time linear in their size. Pairs that
// were met count as equal, which holds as long as no comparison has failed: after that it is of no use.
type sameness map[pair]bool

func (s sameness) types(a, b *node) bool {
	todo := []pair{{a, b}}
	for len(todo) > 0 {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		a, b := p.reader, p.writer
		if a == b || s[p] {
			continue
		}
		s[p] = true
		if a.kind != b.kind || a.name != b.name || a.logical != b.logical || a.precision != b.precision || a.scale != b.scale || a.size != b.size ||
			!slices.Equal(a.symbols, b.symbols) || len(a.fields) != len(b.fields) || len(a.branches) != len(b.branches) {
			return false
		}
		for i := range a.fields {
			if a.fields[i].name != b.fields[i].name {
				return false
			}
			todo = append(todo, pair{a.fields[i].typ, b.fields[i].typ})
		}
		for i := range a.branches {
			todo = append(todo, pair{a.branches[i], b.branches[i]})
		}
		if a.items != nil {
			todo = append(todo, pair{a.items, b.items})
		}
	}
	return true
}

// without are the texts of a list that are not in another, in their order.
func without(list, other []string) []string {
	if len(list) == 0 {
		return nil
	}
	there := make(map[string]struct{}, len(other))
	for _, text := range other {
		there[text] = struct{}{}
	}
	var left []string
	for _, text := range list {
		if _, ok := there[text]; !ok {
			left = append(left, text)
		}
	}
	return left
}
