package schema

import (
	"fmt"

	"github.com/headrace/headrace/internal/printable"
)

// Level is a compatibility level of a subject: which schemas must be able to read what others wrote before a new version may join
// them. The names and meanings are the Confluent registry's.
type Level string

// The compatibility levels. Backward means that the new schema reads old data, Forward that old schemas read new data, Full both;
// the plain ones compare with the newest version only, the transitive ones with all. A topic that is replayed from its beginning
// needs a transitive level.
const (
	None               Level = "NONE"
	Backward           Level = "BACKWARD"
	BackwardTransitive Level = "BACKWARD_TRANSITIVE"
	Forward            Level = "FORWARD"
	ForwardTransitive  Level = "FORWARD_TRANSITIVE"
	Full               Level = "FULL"
	FullTransitive     Level = "FULL_TRANSITIVE"
)

// ParseLevel reads a level's name, as registries spell it.
func ParseLevel(name string) (Level, error) {
	switch l := Level(name); l {
	case None, Backward, BackwardTransitive, Forward, ForwardTransitive, Full, FullTransitive:
		return l, nil
	}
	return "", fmt.Errorf("compatibility level %q is none of NONE, BACKWARD, FORWARD, FULL and their _TRANSITIVE forms", printable.Clip(name))
}

func (l Level) backward() bool {
	return l == Backward || l == BackwardTransitive || l == Full || l == FullTransitive
}

func (l Level) forward() bool {
	return l == Forward || l == ForwardTransitive || l == Full || l == FullTransitive
}

func (l Level) transitive() bool {
	return l == BackwardTransitive || l == ForwardTransitive || l == FullTransitive
}

// CheckLevel lists every reason why next may not follow olds, oldest first, in a subject of the given level. A subject without
// versions takes any schema, and so does [None]. The messages say which old version is meant, counted from 1, and which of the two is
// the reader: paths point into its text. The hints are about next.
func CheckLevel(level Level, next *Schema, olds ...*Schema) []Incompatibility {
	found := checkLevel(level, next, olds...)
	for i := range found {
		p := &found[i]
		if p.Forward {
			p.Message = fmt.Sprintf("version %d reading data of the new schema: %s", p.Version, p.Message)
		} else {
			p.Message = fmt.Sprintf("new schema reading data of version %d: %s", p.Version, p.Message)
		}
	}
	return found
}

func checkLevel(level Level, next *Schema, olds ...*Schema) []Incompatibility {
	first := len(olds) - 1
	if level.transitive() {
		first = 0
	}
	var found []Incompatibility
	for i := max(first, 0); i < len(olds); i++ {
		before := len(found)
		if level.backward() {
			found = append(found, incompatibilities(next, olds[i], false)...)
		}
		if level.forward() {
			found = append(found, incompatibilities(olds[i], next, true)...)
		}
		for j := before; j < len(found); j++ {
			found[j].Version = i + 1
		}
	}
	return found
}
