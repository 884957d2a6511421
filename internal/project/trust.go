package project

import (
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
	"strings"
	"time"
)

// SecretUse is a place where a context names a secret or a client's key.
type SecretUse struct {
	At   Position
	Name string // password_env PROD_PASSWORD
}

// ClusterSecrets are the secrets that [Context.Cluster] uses.
func (c *Context) ClusterSecrets() []SecretUse {
	var uses []SecretUse
	if c.SASL != nil {
		uses = append(c.SASL.Password.use("password"), c.SASL.Token.use("token")...)
	}
	return append(uses, c.TLS.use(c.At)...)
}

// Secrets are the secrets that a client of the registry uses; those of nil are none.
func (r *Registry) Secrets(at Position) []SecretUse {
	if r == nil {
		return nil
	}
	return append(append(r.Password.use("password"), r.Token.use("token")...), r.TLS.use(at)...)
}

func (s SecretSource) use(what string) []SecretUse {
	switch {
	case s.Env != "":
		return []SecretUse{{s.At, what + "_env " + s.Env}}
	case s.File != "":
		return []SecretUse{{s.At, what + "_file " + s.File}}
	}
	return nil
}

func (t *TLS) use(at Position) []SecretUse {
	if t == nil || t.KeyFile == "" {
		return nil
	}
	return []SecretUse{{at, "key_file " + t.KeyFile}}
}

// Trust remembers which project files the user trusts with secrets: each by its path and by what was in it and in the files it
// includes. A file that changes is no longer trusted. Its records are small files in a folder of the user's own.
type Trust struct {
	Dir string
}

// TrustRecord says that a file was trusted as it was then.
type TrustRecord struct {
	Path   string    `json:"path"`
	Digest string    `json:"sha256"`
	At     time.Time `json:"at"`
}

// UserTrust keeps its records where the system has such state: in XDG_STATE_HOME, which is ~/.local/state unless set, or in the user's
// configuration folder on macOS and Windows.
func UserTrust() (Trust, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return Trust{filepath.Join(dir, "headrace", "trust")}, nil
	}
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		dir, err := os.UserConfigDir()
		return Trust{filepath.Join(dir, "headrace", "trust")}, err
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return Trust{}, fmt.Errorf("there is no folder for what is trusted: set HOME or XDG_STATE_HOME: %w", err)
	}
	return Trust{filepath.Join(home, ".local", "state", "headrace", "trust")}, nil
}

// Trusts reports whether the file is trusted as it is, and whether it was trusted as it was before a change.
func (t Trust) Trusts(f *File) (now, before bool, err error) {
	record, err := readTrust(t.place(f.Path))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, false, nil
	case err != nil:
		return false, false, err
	}
	now = record.Path == f.Path && record.Digest == f.Digest && f.Digest != ""
	return now, !now, nil
}

// Add remembers the file as it is.
func (t Trust) Add(f *File, now time.Time) error {
	text, err := json.Marshal(TrustRecord{Path: f.Path, Digest: f.Digest, At: now.UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(t.Dir, 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(t.Dir, ".new-*") // only its owner may read or write it
	if err != nil {
		return err
	}
	_, err = file.Write(append(text, '\n'))
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), t.place(f.Path))
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

// Remove forgets the file of that absolute path, which need not exist any more; false when it was not trusted.
func (t Trust) Remove(path string) (bool, error) {
	err := os.Remove(t.place(path))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// List returns all records, in order of the names of their files, which is none that means anything.
func (t Trust) List() ([]TrustRecord, error) {
	entries, err := os.ReadDir(t.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var records []TrustRecord
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), trustSuffix) {
			continue
		}
		record, err := readTrust(filepath.Join(t.Dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		records = append(records, record)
	}
	return records, nil
}

const trustSuffix = ".json"

// place is where the record of a file is.
func (t Trust) place(path string) string {
	sum := sha256.Sum256([]byte(path))
	return filepath.Join(t.Dir, hex.EncodeToString(sum[:])+trustSuffix)
}

func readTrust(name string) (TrustRecord, error) {
	file, err := os.Open(name)
	if err != nil {
		return TrustRecord{}, err
	}
	defer func() { _ = file.Close() }() // only read from
	var record TrustRecord
	if err := json.NewDecoder(io.LimitReader(file, 64<<10)).Decode(&record); err != nil {
		return TrustRecord{}, fmt.Errorf("%s is not a record of trust: remove it: %w", name, err)
	}
	return record, nil
}
