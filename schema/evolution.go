package schema

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
)

// Ancestor is an older version of a schema.
type Ancestor struct {
	// Name is what findings call it: its file, its revision, its version in a subject.
	Name   string
	Schema *Schema
	// Folder holds its text and those of its references as files. It may be nil.
	Folder *Folder
}

// Break is an [Incompatibility] of a new schema with an older version, and where in the new files it can be mended.
type Break struct {
	Incompatibility
	Ancestor Ancestor
	// File and Position are the place in the new schema, or in one of its references, and Pointer its JSON pointer.
	File *File
	Position
	Pointer string
	// Old is the place in the older version: its name, with line and column where they are known.
	Old string
}

// Follows lists every reason why file may not follow olds, oldest first, in a subject of the given level, as [CheckLevel] does. A file
// without olds may follow. f is the folder that file is of.
func (f *Folder) Follows(level Level, file *File, olds ...Ancestor) []Break {
	schemas := make([]*Schema, len(olds))
	for i, old := range olds {
		schemas[i] = old.Schema
	}
	var breaks []Break
	for _, p := range checkLevel(level, file.Schema, schemas...) {
		b := Break{Incompatibility: p, Ancestor: olds[p.Version-1], File: file}
		mine, other := p.Reader, p.Writer
		if p.Forward {
			mine, other = p.Writer, p.Reader
		}
		if home, ok := f.Of(mine.Schema); ok {
			b.File = home
		}
		b.Pointer, b.Position = mine.Pointer, b.File.Position(mine.Pointer)
		b.Old = b.Ancestor.place(other)
		breaks = append(breaks, b)
	}
	return breaks
}

func (a Ancestor) place(side Side) string {
	if a.Folder == nil {
		return a.Name
	}
	file, ok := a.Folder.Of(side.Schema)
	if !ok {
		return a.Name
	}
	at := file.Position(side.Pointer)
	return fmt.Sprintf("%s:%d:%d", file.Path, at.Line, at.Column)
}

// Ancestor returns the file of an old folder that a new file is the next version of: the one with the same full name, else one whose
// name the new type has as an alias. What has no name of its own goes by the name of the file, and two files that are alone in
// their folders belong together whatever their names.
func (f *Folder) Ancestor(next *File, alone bool) (*File, bool) {
	named := next.Schema.root.kind.named()
	for _, file := range f.Files {
		if file.Schema.FullName() == next.Schema.FullName() && (named || base(file.Path) == base(next.Path)) {
			return file, true
		}
	}
	for _, file := range f.Files {
		if slices.Contains(next.Schema.root.aliases, file.Schema.FullName()) {
			return file, true
		}
	}
	asked := f.Asked()
	if alone && len(asked) == 1 {
		return asked[0], true
	}
	return nil, false
}

func base(name string) string { return path.Base(filepath.ToSlash(name)) }

// Asked returns the files that are not imported.
func (f *Folder) Asked() []*File {
	return slices.DeleteFunc(slices.Clone(f.Files), func(file *File) bool { return file.Imported })
}
