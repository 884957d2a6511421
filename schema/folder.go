package schema

import (
	"fmt"
	"strings"
)

// Source is a schema file: its path, for messages, and its text.
type Source struct {
	Path string
	Text string
}

// Folder is a set of schema files that may use each other's named types. It is immutable and safe for concurrent use.
type Folder struct {
	// Files are in dependency order: after a file's references comes the file, else they are in the order of their paths.
	Files []*File
}

// File is a file of a [Folder].
type File struct {
	Path   string
	Schema *Schema
	// References are the files whose types this one uses by name, itself, in the order of their first use. Their schemas are
	// Schema's references.
	References []*File
	// Imported reports that nobody asked for the file: it is here because another one uses its types.
	Imported bool

	source *located
}

// Position returns where in the file the value begins that a JSON pointer leads to, or else the last value on the way there.
func (f *File) Position(pointer string) Position { return f.source.place(pointer) }

// Named returns the file that defines a record, enum or fixed under a full name, at its root or within.
func (f *Folder) Named(fullName string) (*File, bool) {
	for _, file := range f.Files {
		if n, ok := file.Schema.names[fullName]; ok && n.name == fullName && n.home == file.Schema {
			return file, true
		}
	}
	return nil, false
}

// Of returns the file whose text s was parsed from: the place of an [Incompatibility], for one.
func (f *Folder) Of(s *Schema) (*File, bool) {
	for _, file := range f.Files {
		if file.Schema == s {
			return file, true
		}
	}
	return nil, false
}

// FileError says what is wrong with a schema file, and where.
type FileError struct {
	Path string
	// Position is zero when the file as a whole is meant.
	Position
	Pointer string // JSON pointer to the place
	Reason  string
	Hint    string // what may mend it; may be ""
	Err     error  // what Reason tells of, when there is an error behind it
}

// Error returns "path:line:column: reason; hint".
func (e *FileError) Error() string {
	text := e.Path
	if e.Line > 0 {
		text += fmt.Sprintf(":%d:%d", e.Line, e.Column)
	}
	text += ": " + e.Reason
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// Unwrap returns Err.
func (e *FileError) Unwrap() error { return e.Err }

// FolderError holds everything that is wrong with the files of a folder, in the order of their paths.
type FolderError struct{ Problems []*FileError }

func (e *FolderError) Error() string {
	texts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		texts[i] = p.Error()
	}
	return strings.Join(texts, "\n")
}

// Unwrap returns the problems.
func (e *FolderError) Unwrap() []error {
	errs := make([]error, len(e.Problems))
	for i, p := range e.Problems {
		errs[i] = p
	}
	return errs
}
