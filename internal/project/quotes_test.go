package project

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNameThatYAMLTakesForANumberIsToBeQuoted(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"2024", "1.10", "true"} {
		path := filepath.Join(t.TempDir(), "headrace.yaml")
		if err := os.WriteFile(path, []byte("topics: [{name: "+name+", partitions: 1}]\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), `put it in quotes: "`+name+`"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
