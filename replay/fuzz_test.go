package replay

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzCheckpoint reads the file of a copy, which may be anything.
func FuzzCheckpoint(f *testing.F) {
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"version":1,"plan":"x","lanes":[{"partition":0,"next":1}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "checkpoint")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if found, err := readCheckpoint(path); err == nil && found == nil {
			t.Fatal("a file that is there is not found")
		}
	})
}
