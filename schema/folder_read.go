package schema

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

const (
	// maxFolderFiles and maxFolderText bound what is read: more is no folder of schemas.
	maxFolderFiles = 1 << 16
	maxFolderText  = 256 << 20
)

// ReadFolder reads the files of disk that paths name, and the .avsc files at any depth in the folders that they name, as [NewFolder]
// does. Hidden folders are left out. What a file uses and paths do not define is looked for beside the file, and in the folders of
// library. disk may be what os.DirFS returns, or an embed.FS.
func ReadFolder(disk fs.FS, paths []string, library ...string) (*Folder, error) {
	asked, more := reading{disk: disk}, reading{disk: disk}
	var beside []string
	for _, path := range paths {
		info, err := fs.Stat(disk, path)
		switch {
		case err != nil:
			asked.fail(path, err)
		case info.IsDir():
			before := len(asked.files)
			asked.folder(path, true)
			if len(asked.files) == before && len(asked.problems) == 0 {
				asked.problems = append(asked.problems, &FileError{Path: path, Reason: "the folder holds no .avsc file", Hint: "`headrace schema new` writes one"})
			}
		default:
			asked.files = append(asked.files, filepath.Clean(path))
			beside = append(beside, filepath.Dir(path))
		}
	}
	slices.Sort(asked.files)
	asked.files = slices.Compact(asked.files)
	folder, err := link(asked.read(), func() []Source {
		for _, path := range beside {
			more.folder(path, false)
		}
		for _, path := range library {
			more.folder(path, true)
		}
		slices.Sort(more.files)
		more.files = slices.Compact(more.files)
		return more.read()
	})
	var bad *FolderError
	if !errors.As(err, &bad) {
		bad = &FolderError{}
	}
	if bad.Problems = append(asked.problems, bad.Problems...); len(bad.Problems) > 0 {
		return folder, bad
	}
	return folder, nil
}

// reading is a list of files and what was wrong on the way.
type reading struct {
	disk     fs.FS
	files    []string
	size     int
	problems []*FileError
}

func (r *reading) fail(path string, err error) {
	problem := &FileError{Path: filepath.Clean(path), Reason: "it cannot be read: " + err.Error(), Err: err}
	var at *fs.PathError
	if errors.As(err, &at) {
		problem.Reason = "it cannot be read: " + at.Err.Error()
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		problem.Hint = "check the path; it is relative to the folder the command runs in"
	case errors.Is(err, fs.ErrPermission):
		problem.Hint = "check who may read it"
	}
	r.problems = append(r.problems, problem)
}

// folder lists the schema files of a folder.
func (r *reading) folder(path string, deep bool) {
	err := fs.WalkDir(r.disk, path, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			r.fail(name, err)
			return nil
		case entry.IsDir() && name != path && (!deep || strings.HasPrefix(entry.Name(), ".")):
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(name) != ".avsc":
			return nil
		case len(r.files) >= maxFolderFiles:
			r.problems = append(r.problems, &FileError{Path: path, Reason: fmt.Sprintf("more than %d schema files", maxFolderFiles), Hint: "name a folder further down"})
			return filepath.SkipAll
		}
		if info, err := fs.Stat(r.disk, name); err != nil {
			r.fail(name, err)
		} else if info.Mode().IsRegular() {
			r.files = append(r.files, filepath.Clean(name))
		}
		return nil
	})
	if err != nil {
		r.fail(path, err)
	}
}

func (r *reading) read() []Source {
	sources := make([]Source, 0, len(r.files))
	for _, name := range r.files {
		text, err := readText(r.disk, name)
		if err != nil {
			r.fail(name, err)
			continue
		}
		if r.size += len(text); r.size > maxFolderText {
			r.problems = append(r.problems, &FileError{Path: name, Reason: fmt.Sprintf("the files before it and it hold over %d bytes", maxFolderText), Hint: "name fewer folders"})
			break
		}
		sources = append(sources, Source{Path: name, Text: text})
	}
	return sources
}

// readText reads a file, of which one byte more than a schema may have is enough to refuse it.
func readText(disk fs.FS, name string) (string, error) {
	file, err := disk.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }() // only read from
	text, err := io.ReadAll(io.LimitReader(file, MaxSchemaBytes+1))
	return string(text), err
}
