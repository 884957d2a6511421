package headrace_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var inBackticks = regexp.MustCompile("`([^`\n]+)`")

// The maps in the documents name files and folders, which move.
func TestDocumentsNameFilesThatExist(t *testing.T) {
	t.Parallel()
	named := 0
	for _, document := range []string{"README.md", "CONTRIBUTING.md", "docs/design.md"} {
		folder := "."
		for _, match := range inBackticks.FindAllStringSubmatch(content(t, document), -1) {
			name := match[1]
			if strings.ContainsAny(name, " ()<>$:{}=") || !regexp.MustCompile(`/$|/[a-z]+$|\.(go|md|yml|mod)$|^\.ci/run$`).MatchString(name) {
				continue
			}
			named++
			if exists(t, name) {
				folder = filepath.Dir(name)
				continue
			}
			// A list of files in one folder names the folder once.
			if !exists(t, filepath.Join(folder, name)) {
				t.Errorf("%s names %s, which does not exist", document, name)
			}
		}
	}
	if named < 30 {
		t.Errorf("found %d names: the rule looked at nothing", named)
	}
}

// The map in README.md has a row for each folder a newcomer sees, and for none that is gone.
func TestReadmeMapsTheFolders(t *testing.T) {
	t.Parallel()
	_, table, _ := strings.Cut(content(t, "README.md"), "## Where things are")
	mapped := map[string]bool{}
	for line := range strings.SplitSeq(table, "\n") {
		if cells := strings.Split(line, "|"); len(cells) > 2 {
			for _, match := range inBackticks.FindAllStringSubmatch(cells[1], -1) {
				mapped[strings.TrimSuffix(match[1], "/")] = true
			}
		}
	}
	if len(mapped) < 15 {
		t.Fatalf("found %d rows: the rule looked at nothing", len(mapped))
	}
	for _, parent := range []string{".", "internal"} {
		entries, err := os.ReadDir(parent)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			name := filepath.ToSlash(filepath.Join(parent, entry.Name()))
			if built := name == "out" || name == "bin"; !entry.IsDir() || strings.HasPrefix(name, ".") || built {
				continue
			}
			under := false // a row of a folder below it is enough
			for row := range mapped {
				under = under || strings.HasPrefix(row, name+"/")
			}
			if !mapped[name] && !under {
				t.Errorf("README.md has no row for the folder %s", name)
			}
		}
	}
}

// docs/design.md accepts what the vulnerability database says of hamba/avro because of tests it names.
func TestAcceptedRisksAreHeldOffByTests(t *testing.T) {
	t.Parallel()
	var tests strings.Builder
	files, err := filepath.Glob("schema/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		tests.WriteString(content(t, file))
	}
	risks := 0
	for line := range strings.SplitSeq(content(t, "docs/design.md"), "\n") {
		if !strings.HasPrefix(line, "| GO-") {
			continue
		}
		risks++
		guarded := false
		for _, match := range inBackticks.FindAllStringSubmatch(line, -1) {
			guarded = true
			if !strings.Contains(tests.String(), "func "+match[1]+"(t *testing.T)") && !strings.Contains(tests.String(), "func "+match[1]+"(f *testing.F)") {
				t.Errorf("%s\nnames the test %s, which schema does not have", line, match[1])
			}
		}
		if !guarded {
			t.Errorf("%s\nnames no test", line)
		}
	}
	if risks != 3 {
		t.Errorf("%d accepted risks, want 3", risks)
	}
}

func content(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func exists(t *testing.T, name string) bool {
	t.Helper()
	found, err := filepath.Glob(name)
	if err != nil {
		t.Fatal(err)
	}
	return len(found) > 0
}

// TestEveryExampleRuns wants of each example an output that go test compares, or a test that runs it and what it calls.
func TestEveryExampleRuns(t *testing.T) {
	t.Parallel()
	declared := regexp.MustCompile(`(?ms)^func (Example\w*)\(\) \{\n(.*?)^\}`)
	tests := map[string]string{} // by folder, all of them
	found := 0
	walk := func(visit func(folder, text string)) {
		err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			visit(filepath.Dir(path), string(text))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	walk(func(folder, text string) { tests[folder] += text })
	walk(func(folder, text string) {
		for _, example := range declared.FindAllStringSubmatch(text, -1) {
			found++
			name, body := example[1], example[2]
			called := regexp.MustCompile(`(?:[({,\s]` + name + `[,)])`)
			if helper := regexp.MustCompile(`_ = (test\w+)`).FindStringSubmatch(body); helper != nil {
				called = regexp.MustCompile(`\n\t` + helper[1] + `\(t\)`)
			}
			if !strings.Contains(body, "// Output:") && !called.MatchString(tests[folder]) {
				t.Errorf("%s of %s has no output, and no test runs it", name, folder)
			}
		}
	})
	if found < 15 {
		t.Errorf("%d examples found", found)
	}
}
