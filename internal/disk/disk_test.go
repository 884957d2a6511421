package disk

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headrace/headrace/schema"
)

func TestSchemaFoldersAreReadByAnyPath(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	name := filepath.Join(top, "money.avsc")
	if err := os.WriteFile(name, []byte(`{"type":"fixed","name":"shop.Money","size":8}`), 0o600); err != nil {
		t.Fatal(err)
	}
	working, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	relative, err := filepath.Rel(working, top)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{top, relative, name} {
		if folder, err := schema.ReadFolder(FS{}, []string{path}); err != nil || len(folder.Files) != 1 {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := schema.ReadFolder(FS{}, []string{filepath.Join(top, "gone.avsc")}); err == nil || !strings.Contains(err.Error(), "gone.avsc: it cannot be read: no such file") {
		t.Errorf("a file that is not there: %v", err)
	}
}
