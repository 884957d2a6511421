package project

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// FileName is the name of the file that [Find] looks for.
const FileName = "headrace.yaml"

// Find looks for headrace.yaml in dir and in the folders above it, up to the root, and returns the nearest one's path.
func Find(dir string) (path string, found bool, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return "", false, err
	}
	for {
		path = filepath.Join(dir, FileName)
		info, err := os.Stat(path)
		switch {
		case err == nil && info.Mode().IsRegular():
			return path, true, nil
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return "", false, err
		}
		above := filepath.Dir(dir)
		if above == dir {
			return "", false, nil
		}
		dir = above
	}
}
