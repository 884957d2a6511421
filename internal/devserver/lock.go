package devserver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// LockedError says that another server is using the data directory.
type LockedError struct{ Dir string }

func (e *LockedError) Error() string {
	return fmt.Sprintf("data directory %s is in use by another server: stop it or choose another directory", e.Dir)
}

// dirLock holds a data directory for this process. The system drops it when the process ends, however it ends.
type dirLock struct{ file *os.File }

func lockDir(dir string) (*dirLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	// The directory stands in a project's working tree by default: its data should not end in a commit.
	ignore := filepath.Join(dir, ".gitignore")
	if _, err := os.Stat(ignore); errors.Is(err, os.ErrNotExist) {
		if err := os.WriteFile(ignore, []byte("*\n"), 0o600); err != nil {
			return nil, fmt.Errorf("data directory: %w", err)
		}
	}
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	held, err := tryLock(file)
	if err == nil && !held {
		err = &LockedError{Dir: dir}
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &dirLock{file: file}, nil
}

func (l *dirLock) release() error { return l.file.Close() }
