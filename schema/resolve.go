package schema

import (
	"fmt"
	"strings"
)

// ResolveError says that an event type cannot be decoded from what a writer's schema wrote: the schemas are incompatible. No retry
// mends it; a new version of the event type may.
type ResolveError struct {
	Event    string // full name of the reader's schema
	Writer   Ref    // the writer's schema; zero where it was given and not looked up
	Problems []Incompatibility
}

func (e *ResolveError) Error() string {
	texts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		texts[i] = p.String()
	}
	from := "the writer's schema"
	if e.Writer != (Ref{}) {
		from = e.Writer.String()
	}
	return fmt.Sprintf("event %s cannot be read from data of %s: %s", e.Event, from, strings.Join(texts, "; "))
}
