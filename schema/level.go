package schema

import "fmt"

// Level is a compatibility level of a subject.
type Level string

// The compatibility levels of the Confluent API.
const (
	None               Level = "NONE"
	Backward           Level = "BACKWARD"
	BackwardTransitive Level = "BACKWARD_TRANSITIVE"
	Forward            Level = "FORWARD"
	ForwardTransitive  Level = "FORWARD_TRANSITIVE"
	Full               Level = "FULL"
	FullTransitive     Level = "FULL_TRANSITIVE"
)

// ParseLevel reads a level's name.
func ParseLevel(name string) (Level, error) {
	switch l := Level(name); l {
	case None, Backward, BackwardTransitive, Forward, ForwardTransitive, Full, FullTransitive:
		return l, nil
	}
	return "", fmt.Errorf("compatibility level %q is not known", name)
}

// CheckLevel lists every reason why next may not follow olds (oldest first) at a level.
func CheckLevel(level Level, next *Schema, olds ...*Schema) []Incompatibility { return nil }
