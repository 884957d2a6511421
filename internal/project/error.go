package project

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Position is a place in a file. Line and Column count from 1; Line 0 means that there is no place, as in a file that cannot be
// opened, and that value of a [File] which was made by code.
type Position struct {
	File   string
	Line   int
	Column int
}

// String returns "file:line:column", as editors and CI read it.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Error is one mistake in a file. It never holds what stands where a secret belongs.
type Error struct {
	Position
	Message string // what is wrong
	Hint    string // what was meant, or what to do; may be empty
	Err     error  // the cause, for a file that cannot be read
}

// Error returns "file:line:column: message: hint".
func (e *Error) Error() string {
	text := e.Position.String() + ": " + e.Message
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	if e.Hint != "" {
		text += ": " + e.Hint
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errors returns every mistake in what [Load] returned, in order of file and line.
func Errors(err error) []*Error {
	var found []*Error
	var walk func(error)
	walk = func(err error) {
		if several, ok := err.(interface{ Unwrap() []error }); ok {
			for _, inner := range several.Unwrap() {
				walk(inner)
			}
			return
		}
		var one *Error
		if errors.As(err, &one) {
			found = append(found, one)
		}
	}
	if err != nil {
		walk(err)
	}
	return found
}

// maxNodes bounds what aliases can make of a small file.
const maxNodes = 1 << 20

// mistakes collects what is wrong in one file.
type mistakes struct {
	file  string
	nodes int // seen so far
	list  []*Error
}

func (m *mistakes) add(at Position, hint, format string, args ...any) {
	m.list = append(m.list, &Error{Position: at, Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (m *mistakes) err() error {
	slices.SortStableFunc(m.list, func(a, b *Error) int {
		if a.File != b.File {
			return 0 // the order of the files is that of the includes
		}
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	errs := make([]error, len(m.list))
	for i, e := range m.list {
		errs[i] = e
	}
	return errors.Join(errs...)
}

// didYouMean is a hint that names the candidate nearest to what was written, or all of a few.
func didYouMean(written string, candidates []string) string {
	if near := nearest(written, candidates); near != "" {
		return "did you mean " + near + "?"
	}
	if len(candidates) == 0 || len(candidates) > 12 {
		return ""
	}
	return "want one of " + strings.Join(candidates, ", ")
}

// nearest returns the candidate that takes the fewest edits, at most a third of its letters.
func nearest(written string, candidates []string) string {
	if len(written) > 64 {
		return ""
	}
	best, edits := "", 1<<30
	for _, c := range candidates {
		if d := distance(strings.ToLower(written), strings.ToLower(c)); d < edits && d <= max(1, len(c)/3) {
			best, edits = c, d
		}
	}
	return best
}

// distance is the number of letters to insert, drop, replace or swap with their neighbour.
func distance(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		older, old, now := rows[(i+2)%3], rows[i%3], rows[(i+1)%3]
		now[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			now[j] = min(old[j]+1, now[j-1]+1, old[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				now[j] = min(now[j], older[j-2]+1)
			}
		}
	}
	return rows[(len(a)+1)%3][len(b)]
}
