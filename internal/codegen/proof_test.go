package codegen

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var (
	schemaCount = flag.Int("schemas", 300, "how many random schemas to generate code for")
	valueCount  = flag.Int("values", 20, "how many random values each of them gets")
	schemaSeed  = flag.Int("seed", 1, "which random schemas")
)

const proofPath = "github.com/headrace/headrace/internal/codegen/testdata/proof"

// TestGeneratedCodeIsHambas generates code for random schemas and compiles it, all at once, into the test of testdata/proof, which
// holds it to hamba and to the guard. The packages exist in an overlay of this module only, so that they need no module of their
// own.
func TestGeneratedCodeIsHambas(t *testing.T) {
	t.Parallel()
	folder, err := filepath.Abs("testdata/proof")
	if err != nil {
		t.Fatal(err)
	}
	packages := group(t, *schemaCount, *schemaSeed)
	scratch := t.TempDir()
	overlay := map[string]string{}
	add := func(path, text string) {
		real := filepath.Join(scratch, strconv.Itoa(len(overlay))+".go")
		if err := os.WriteFile(real, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay[filepath.Join(folder, path)] = real
	}
	var imports, entries strings.Builder
	for i, p := range packages {
		name := fmt.Sprintf("p%d", i)
		files, err := Generate(Layout{Package: name}, p.sources)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			add(filepath.Join(name, f.Name), string(f.Text))
		}
		fmt.Fprintf(&imports, "import %q\n", proofPath+"/"+name)
		for _, root := range p.roots {
			fmt.Fprintf(&entries, "func() codec.Event { return new(%s.%s) },\n", name, goName(lastName(root)))
		}
	}
	add("types/types.go", "package types\n\n"+imports.String()+"import \"github.com/headrace/headrace/schema/codec\"\n\n"+
		"var All = []func() codec.Event{\n"+entries.String()+"}\n")
	text, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(scratch, "overlay.json")
	if err := os.WriteFile(list, text, 0o600); err != nil {
		t.Fatal(err)
	}
	// -gcflags=all would build the libraries again; these are the packages that are new in any case.
	cmd := exec.CommandContext(t.Context(), "go", "test", "-overlay", list, "-count", "1", "-vet", "off", "./testdata/proof",
		"-rapid.checks", strconv.Itoa(*valueCount), "-rapid.seed", strconv.Itoa(*schemaSeed), "-rapid.nofailfile")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%.20000s", err, out)
	}
}

// sourcePackage holds schemas whose types have different Go names.
type sourcePackage struct {
	sources []Source
	roots   []string
	taken   map[string]bool
}

func group(t *testing.T, count, seed int) []*sourcePackage {
	t.Helper()
	var packages []*sourcePackage
	for i := range count {
		s := randomSchemas.Example(seed*1_000_000 + i)
		source := Source{Name: fmt.Sprintf("s%d.avsc", i), Text: []byte(s.text)}
		if _, err := Generate(Layout{Package: "alone"}, []Source{source}); err != nil {
			t.Fatalf("%s: %v", s.text, err)
		}
		var home *sourcePackage
		for _, p := range packages {
			if len(p.sources) < 40 && disjoint(p.taken, s.types) {
				home = p
				break
			}
		}
		if home == nil {
			home = &sourcePackage{taken: map[string]bool{}}
			packages = append(packages, home)
		}
		for name := range s.types {
			home.taken[name] = true
		}
		home.sources, home.roots = append(home.sources, source), append(home.roots, s.root)
	}
	return packages
}

func disjoint(a, b map[string]bool) bool {
	for name := range b {
		if a[name] {
			return false
		}
	}
	return true
}
