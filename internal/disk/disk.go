// Package disk is the disk as a file system whose paths are those of a command line.
package disk

import (
	"io/fs"
	"os"
)

// FS is the whole disk. Unlike what os.DirFS returns, it takes absolute paths, and relative ones with "..", from the working folder.
type FS struct{}

// Open is [os.Open].
func (FS) Open(name string) (fs.File, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err // and not a nil *os.File
	}
	return file, nil
}

// Stat is [os.Stat].
func (FS) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

// ReadDir is [os.ReadDir].
func (FS) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }
