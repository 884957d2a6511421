// Package cache keeps what the system tests download or compile, once per checkout, however many test processes ask.
package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Root returns the directory of the systemtest module: the nearest one upwards from the working directory that
// holds both go.mod and the java folder.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("systemtest root: %w", err)
	}
	for {
		if exists(filepath.Join(dir, "go.mod")) && exists(filepath.Join(dir, "java")) {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("systemtest root: no folder with go.mod and java above the working directory")
		}
		dir = parent
	}
}

// Dir returns the folder .cache/name of the systemtest module, and calls fill to make its content when it is not
// there yet. Concurrent callers, in this process and in others, wait for one fill; a fill that fails or is killed
// leaves nothing behind.
func Dir(name string, fill func(dir string) error) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	target := filepath.Join(root, ".cache", filepath.FromSlash(name))
	if exists(target) {
		return target, nil
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o750); err != nil {
		return "", fmt.Errorf("cache %s: %w", name, err)
	}
	unlock, err := lock(target + ".lock")
	if err != nil {
		return "", fmt.Errorf("cache %s: %w", name, err)
	}
	defer unlock()
	if exists(target) {
		return target, nil
	}
	return target, fillAtomically(target, fill)
}

// fillAtomically makes target appear whole or not at all.
func fillAtomically(target string, fill func(dir string) error) error {
	partial := target + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return fmt.Errorf("cache %s: %w", target, err)
	}
	if err := os.MkdirAll(partial, 0o750); err != nil {
		return fmt.Errorf("cache %s: %w", target, err)
	}
	if err := fill(partial); err != nil {
		return fmt.Errorf("cache %s: %w", target, err)
	}
	if err := os.Rename(partial, target); err != nil {
		return fmt.Errorf("cache %s: %w", target, err)
	}
	return nil
}

// lock takes an exclusive lock that the kernel drops with the process, so a killed test leaves none behind.
func lock(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() { _ = file.Close() }, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
