package devserver

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// change is one accepted request that altered the registry. Replaying every change in order through the registry
// rebuilds it; ID lets a replay notice that a schema would get another id than the one events were written with.
type change struct {
	Method string          `json:"method"`
	Target string          `json:"target"`
	Body   json.RawMessage `json:"body,omitempty"`
	ID     int             `json:"id,omitempty"`
}

// journal is the registry's memory on disk: one change as JSON per line, appended and synced before the client is
// answered. A nil journal keeps nothing.
type journal struct{ file *os.File }

// openJournal replays the changes in path, which is created when missing. A last line cut short by a crash was never
// answered: it is dropped.
func openJournal(path string, replay func(change) error) (*journal, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("registry journal: %w", err)
	}
	size, err := readJournal(file, replay)
	if err == nil {
		err = errors.Join(file.Truncate(size), seekTo(file, size))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("registry journal %s: %w", path, err), file.Close())
	}
	return &journal{file: file}, nil
}

// readJournal returns the length of the part that holds whole lines.
func readJournal(r io.Reader, replay func(change) error) (size int64, err error) {
	lines := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return size, nil
		}
		if err != nil {
			return size, err
		}
		var c change
		if err := json.Unmarshal(line, &c); err != nil {
			return size, fmt.Errorf("line %d: %w", n, err)
		}
		if err := replay(c); err != nil {
			return size, fmt.Errorf("line %d: %w", n, err)
		}
		size += int64(len(line))
	}
}

func (j *journal) append(c change) error {
	if j == nil {
		return nil
	}
	line, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return err
	}
	return j.file.Sync()
}

func (j *journal) close() error {
	if j == nil {
		return nil
	}
	return j.file.Close()
}

func seekTo(file *os.File, offset int64) error {
	_, err := file.Seek(offset, io.SeekStart)
	return err
}
