package schema

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/headrace/headrace/internal/avroname"
	"github.com/headrace/headrace/internal/printable"
)

// NewFolder parses asked together, in whatever order they come: a type that one of them defines may be used by name in any other.
// A name that none of them defines is looked for in library, of which the files that are needed join the folder, and no others.
//
// The folder holds every file that is right. The error, a [*FolderError], holds everything that is wrong with the others: what is no
// JSON and no Avro, names that are defined twice or nowhere, and files that need each other in a circle.
func NewFolder(asked []Source, library ...Source) (*Folder, error) {
	return link(asked, func() []Source { return library })
}

// link is NewFolder with a library that is fetched when it is needed.
func link(asked []Source, library func() []Source) (*Folder, error) {
	l := linker{names: map[string]*unit{}}
	for _, s := range slices.SortedFunc(slices.Values(asked), byPath) {
		l.add(&unit{Source: s})
	}
	l.importFrom(library)
	folder := &Folder{}
	for _, u := range l.units {
		l.link(u)
	}
	for _, u := range l.units {
		l.parse(u, folder)
	}
	if len(l.problems) == 0 {
		return folder, nil
	}
	slices.SortStableFunc(l.problems, func(a, b *FileError) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return folder, &FolderError{Problems: l.problems}
}

func byPath(a, b Source) int { return strings.Compare(a.Path, b.Path) }

// linker turns sources into files.
type linker struct {
	units    []*unit
	names    map[string]*unit // full names to what defines them
	trail    []*unit          // being parsed, each needed by the one before
	garbled  string           // a file that is no JSON, of whose names nothing is known
	problems []*FileError
}

// add reads a source's names. A file that repeats a name of another is left out: which of the two is meant nobody can tell.
func (l *linker) add(u *unit) {
	l.units = append(l.units, u)
	u.state = failed
	source, bad := locate(u.Text)
	if bad != nil {
		l.garbled = u.Path
		l.problems = append(l.problems, &FileError{Path: u.Path, Position: bad.Position, Reason: bad.Reason, Hint: bad.Hint, Err: bad})
		return
	}
	u.source, u.defines, u.aliases = source, map[string]string{}, map[string]bool{}
	u.scan(&source.root, "", "")
	for _, name := range slices.Sorted(maps.Keys(u.defines)) {
		other, taken := l.names[name]
		if !taken {
			continue
		}
		at := other.source.place(other.defines[name])
		l.problems = append(l.problems, u.problem(u.defines[name],
			fmt.Sprintf("%s is defined twice: %s:%d:%d defines it already", printable.Clip(name), other.Path, at.Line, at.Column),
			"define it in one file, and use its name in the others", nil))
		return
	}
	for name := range u.defines {
		l.names[name] = u
	}
	u.state = waiting
}

// importFrom adds what is needed of a library, and what that needs in turn. A library file that is no JSON defines nothing.
func (l *linker) importFrom(library func() []Source) {
	var defined map[string]*unit
	for i := 0; i < len(l.units); i++ {
		for _, w := range l.units[i].missing() {
			if l.names[w.name] != nil {
				continue
			}
			if defined == nil {
				defined = l.scan(slices.SortedFunc(slices.Values(library()), byPath))
			}
			if u := defined[w.name]; u != nil {
				l.add(u)
			}
		}
	}
}

// scan finds what the files of a library define.
func (l *linker) scan(library []Source) map[string]*unit {
	defined := map[string]*unit{}
	for _, s := range library {
		if slices.ContainsFunc(l.units, func(u *unit) bool { return u.Path == s.Path }) {
			continue
		}
		source, bad := locate(s.Text)
		if bad != nil {
			continue
		}
		u := &unit{Source: s, imported: true, defines: map[string]string{}, aliases: map[string]bool{}}
		u.scan(&source.root, "", "")
		for name := range u.defines {
			if defined[name] == nil {
				defined[name] = u
			}
		}
	}
	return defined
}

// maxMeant bounds for how many problems of a folder what was meant is looked for, among all names.
const maxMeant = 50

// link finds the units that u needs.
func (l *linker) link(u *unit) {
	if u.state == failed {
		return
	}
	for _, w := range u.missing() {
		other := l.names[w.name]
		if other == nil {
			u.state = failed
			hint := "define it, or name the file that does"
			if len(l.problems) < maxMeant {
				hint = meant(avroname.Unqualified(w.name), slices.Collect(maps.Keys(l.names)))
			}
			if l.garbled != "" {
				hint = "it may be in " + l.garbled + ", which is no JSON: mend that first"
			}
			l.problems = append(l.problems, u.problem(w.pointer, fmt.Sprintf("type %q is not defined in this file nor in another", printable.Clip(w.name)), hint, nil))
			continue
		}
		if !slices.Contains(u.needs, other) {
			u.needs = append(u.needs, other)
		}
	}
}

// parse parses u after what it needs, and reports whether that went well.
func (l *linker) parse(u *unit, folder *Folder) bool {
	switch u.state {
	case done:
		return true
	case failed:
		return false
	case underway:
		l.circle(u)
		return false
	}
	u.state = underway
	l.trail = append(l.trail, u)
	ok := true
	file := &File{Path: u.Path, Imported: u.imported, source: u.source}
	refs := make([]*Schema, 0, len(u.needs))
	// A name has one place in a folder, and u needs the files of all that it names: what these need themselves is not gathered again.
	names := map[string]*node{}
	for _, other := range u.needs {
		if !l.parse(other, folder) {
			ok = false
			continue
		}
		file.References, refs = append(file.References, other.file), append(refs, other.file.Schema)
		maps.Copy(names, other.file.Schema.names)
	}
	l.trail = l.trail[:len(l.trail)-1]
	u.state = failed
	if !ok {
		return false
	}
	parsed, err := parseLocated(u.source, refs, names)
	if err != nil {
		l.problems = append(l.problems, u.refused(err))
		return false
	}
	file.Schema = parsed
	u.state, u.file = done, file
	folder.Files = append(folder.Files, file)
	return true
}

// refused is why a text that is JSON is no schema.
func (u *unit) refused(err error) *FileError {
	var bad *InvalidSchemaError
	if !errors.As(err, &bad) {
		return u.problem("", err.Error(), "", err)
	}
	problem := u.problem(bad.Path, bad.Reason, bad.Hint, bad)
	if i := slices.IndexFunc(u.uses, func(w use) bool { return w.pointer == bad.Path }); i >= 0 {
		if at, later := u.defines[u.uses[i].name]; later {
			place := u.source.place(at)
			problem.Hint = fmt.Sprintf("it is defined below, at %d:%d: Avro wants the definition at the first use, and the name after", place.Line, place.Column)
		}
	}
	return problem
}

// circle reports that u needs itself by way of the units on the trail.
func (l *linker) circle(u *unit) {
	round := l.trail[slices.Index(l.trail, u):]
	var steps []string
	var first use
	for i, from := range round {
		to := round[(i+1)%len(round)]
		for _, w := range from.missing() {
			if l.names[w.name] == to {
				at := from.source.place(w.pointer)
				steps = append(steps, fmt.Sprintf("%s:%d:%d uses %s of %s", from.Path, at.Line, at.Column, printable.Clip(w.name), to.Path))
				if i == 0 {
					first = w
				}
				break
			}
		}
	}
	l.problems = append(l.problems, round[0].problem(first.pointer, "files need each other in a circle: "+strings.Join(steps, ", "),
		"define the types that need each other in one file", nil))
}
