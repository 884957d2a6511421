package registry

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/riferrei/srclient"

	"github.com/headrace/headrace/internal/printable"
)

const snapshotFormat = "headrace registry snapshot 1"

// snapshotHeader is the first line of a snapshot file. The lines after it are entries, then misses.
type snapshotHeader struct {
	Format   string    `json:"format"`
	Registry string    `json:"registry"`
	Written  time.Time `json:"written"`
	// Complete says that the file was made of all subjects there were, so that a subject it lacks was not there.
	Complete bool   `json:"complete"`
	Entries  int    `json:"entries"`
	Misses   int    `json:"misses"`
	SHA256   string `json:"sha256"` // of the lines after this one
}

// snapshotEntry is a schema as the registry gave it, and the place where it is known: an id, a GUID, a version of a subject. Version
// is 0 where only the id under a subject was asked for.
type snapshotEntry struct {
	ID         int                  `json:"id,omitempty"`
	GUID       string               `json:"guid,omitempty"`
	Subject    string               `json:"subject,omitempty"`
	Version    int                  `json:"version,omitempty"`
	Deleted    bool                 `json:"deleted,omitempty"` // softly: old events carry the id, new ones do not
	Schema     string               `json:"schema"`
	References []srclient.Reference `json:"references,omitempty"`
}

// snapshotMiss says that a subject lacked a schema. A producer looks under two subjects and takes the second only when it knows that
// the first has nothing.
type snapshotMiss struct {
	Subject  string `json:"subject"`
	Identity string `json:"identity"` // registrationIdentity, in hexadecimal
}

// snapshotFile is what such a file holds.
type snapshotFile struct {
	header  snapshotHeader
	entries []snapshotEntry
	misses  []snapshotMiss
}

// readSnapshot reads a file of the registry at url. It returns nil when there is none.
func readSnapshot(path, url string) (*snapshotFile, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // no file is no error and no snapshot
	}
	if err != nil {
		return nil, &SnapshotError{Path: path, Reason: "it cannot be read", Err: err}
	}
	defer func() { _ = file.Close() }() // only read from
	info, err := file.Stat()
	if err != nil {
		return nil, &SnapshotError{Path: path, Reason: "it cannot be read", Err: err}
	}
	if reason := distrust(info); reason != "" {
		return nil, &SnapshotError{Path: path, Reason: reason}
	}
	text, err := io.ReadAll(io.LimitReader(file, maxSnapshotBytes+1))
	if err != nil {
		return nil, &SnapshotError{Path: path, Reason: "it cannot be read", Err: err}
	}
	s, reason := parseSnapshot(text)
	if reason == "" && s.header.Registry != url {
		reason = fmt.Sprintf("it is of the registry %s, and this client's is %s: ids belong to one registry", printable.Clip(s.header.Registry), url)
	}
	if reason != "" {
		return nil, &SnapshotError{Path: path, Reason: reason}
	}
	return s, nil
}

// distrust says why a file may not be what this program wrote.
func distrust(info fs.FileInfo) string {
	switch {
	case !info.Mode().IsRegular():
		return "it is not a regular file"
	case info.Size() > maxSnapshotBytes:
		return fmt.Sprintf("its %d bytes are more than the %d allowed", info.Size(), maxSnapshotBytes)
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o022 != 0:
		return fmt.Sprintf("others may write it (mode %04o): make it 0600 if you trust what it holds", info.Mode().Perm())
	}
	return ""
}

// parseSnapshot returns what is wrong with a text, or "".
func parseSnapshot(text []byte) (s *snapshotFile, reason string) {
	first, rest, _ := bytes.Cut(text, []byte("\n"))
	s = &snapshotFile{}
	if len(text) > maxSnapshotBytes || strictJSON(first, &s.header) != nil || s.header.Format != snapshotFormat {
		return nil, fmt.Sprintf("its first line is not that of a %q", snapshotFormat)
	}
	if sum := sha256.Sum256(rest); s.header.SHA256 != hex.EncodeToString(sum[:]) {
		return nil, "its checksum does not match: it is damaged or was edited"
	}
	h := &s.header
	if h.Entries < 0 || h.Entries > maxSnapshotEntries || h.Misses < 0 || h.Misses > maxSnapshotMisses {
		return nil, fmt.Sprintf("it says it has %d entries and %d misses, of %d and %d allowed", h.Entries, h.Misses, maxSnapshotEntries, maxSnapshotMisses)
	}
	lines := bytes.Split(bytes.TrimSuffix(rest, []byte("\n")), []byte("\n"))
	if len(rest) == 0 {
		lines = nil
	}
	if len(lines) != h.Entries+h.Misses {
		return nil, fmt.Sprintf("it says it has %d entries and %d misses, and has %d lines", h.Entries, h.Misses, len(lines))
	}
	s.entries, s.misses = make([]snapshotEntry, h.Entries), make([]snapshotMiss, h.Misses)
	for i, line := range lines {
		var err error
		if i < h.Entries {
			err = strictJSON(line, &s.entries[i])
		} else {
			err = strictJSON(line, &s.misses[i-h.Entries])
		}
		if err != nil {
			return nil, fmt.Sprintf("line %d is not an entry: %s", i+2, printable.Clip(err.Error()))
		}
	}
	return s, ""
}

func strictJSON(line []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	return decoder.Decode(v)
}

// append writes the file's text.
func (s *snapshotFile) append() ([]byte, error) {
	var rest bytes.Buffer
	lines := json.NewEncoder(&rest)
	lines.SetEscapeHTML(false)
	for i := range s.entries {
		if err := lines.Encode(&s.entries[i]); err != nil {
			return nil, err
		}
	}
	for i := range s.misses {
		if err := lines.Encode(&s.misses[i]); err != nil {
			return nil, err
		}
	}
	sum := sha256.Sum256(rest.Bytes())
	s.header.Format, s.header.Entries, s.header.Misses = snapshotFormat, len(s.entries), len(s.misses)
	s.header.SHA256 = hex.EncodeToString(sum[:])
	first, err := json.Marshal(&s.header)
	if err != nil {
		return nil, err
	}
	return append(append(first, '\n'), rest.Bytes()...), nil
}

// write replaces the file at path. A reader sees the old one or the new one; a crash leaves one of them.
func (s *snapshotFile) write(path string) (err error) {
	text, err := s.append()
	if err != nil {
		return err
	}
	if len(text) > maxSnapshotBytes {
		return fmt.Errorf("registry snapshot %s: %d bytes are more than the %d allowed: name fewer subjects", path, len(text), maxSnapshotBytes)
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("registry snapshot %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = temporary.Close()           // closed already, or about to be lost
			_ = os.Remove(temporary.Name()) // nothing else can be done about it
			err = fmt.Errorf("registry snapshot %s: %w", path, err)
		}
	}()
	out := bufio.NewWriter(temporary)
	if _, err := out.Write(text); err != nil {
		return err
	}
	if err := errors.Join(out.Flush(), temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}
