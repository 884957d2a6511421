package codegen

import "strconv"

// identifiers are the names that a package's generated files declare at its top
// level. Types come first and keep theirs; whatever else would have the name of
// another gets a number, the same one in every run.
type identifiers struct {
	taken map[string]bool
	names map[string]string // what was asked for, by purpose
}

// newIdentifiers takes the Go names of types, which are known to differ.
func newIdentifiers(types []string) identifiers {
	ids := identifiers{taken: map[string]bool{}, names: map[string]string{}}
	for _, name := range types {
		ids.taken[name] = true
	}
	return ids
}

// name returns the name for a purpose: want, or want with the first number that
// makes it unlike all others. The same purpose gets the same name again.
func (ids identifiers) name(purpose, want string) string {
	if name, ok := ids.names[purpose]; ok {
		return name
	}
	name := want
	for n := 2; ids.taken[name]; n++ {
		name = want + strconv.Itoa(n)
	}
	ids.taken[name], ids.names[purpose] = true, name
	return name
}
