package headrace_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/headrace/headrace"

// Arrows says which of our packages each of our packages may import; docs/design.md draws it. "..." stands for a package and
// those under it. What only a test imports is free, except where a rule below says more.
var (
	base     = []string{".", "internal/batch", "internal/kafka", "internal/sender", "schema", "schema/codec", "schema/registry"}
	clients  = []string{"producer", "consumer", "groups", "reader", "topics"}
	parts    = []string{"internal/glob", "internal/headers", "internal/phrase", "internal/runid", "internal/schemacache", "internal/topicstate"}
	services = []string{"deadletter", "replay", "replay/filter", "replay/shadow"}
	arrows   = map[string][]string{
		".":                    {},
		"internal/avroname":    {},
		"internal/batch":       {"."},
		"internal/capture":     {},
		"internal/disk":        {},
		"internal/draft":       {"internal/avroname", "internal/printable", "schema"},
		"internal/glob":        {},
		"internal/headers":     {"."},
		"internal/kafka":       {".", "internal/batch"},
		"internal/fetch":       {"internal/batch", "internal/kafka"},
		"internal/phrase":      {},
		"internal/printable":   {},
		"internal/project":     {"."},
		"internal/runid":       {},
		"internal/schemacache": {"schema", "schema/registry"},
		"internal/sample":      {"schema", "schema/codec"},
		"internal/sender":      {".", "internal/batch", "internal/kafka"},
		"internal/topicstate":  {"internal/kafka", "reader"},
		"replay/shadow":        {".", "consumer", "internal/schemacache", "reader", "replay", "schema", "schema/registry"},
		"schema":               {"internal/avroname", "internal/printable", "schema/codec"},
		"schema/codec":         {},
		"schema/lint":          {"schema"},
		"schema/registry":      {".", "internal/printable", "schema"},
		"producer":             base,
		"consumer":             slices.Concat(base, []string{"internal/fetch", "reader"}),
		"deadletter":           slices.Concat(base, clients, parts, []string{"replay/filter"}),
		"groups":               base,
		"reader":               slices.Concat(base, []string{"internal/fetch", "internal/headers"}),
		"topics":               slices.Concat(base, []string{"internal/disk", "internal/project"}),
		"replay/filter":        slices.Concat(base, []string{"reader", "internal/glob", "internal/schemacache"}),
		"replay":               slices.Concat(base, clients, parts, []string{"deadletter", "replay/filter"}),
		"internal/codegen":     {".", "schema", "schema/codec"},
		"internal/devserver":   {".", "schema", "schema/codec"},
		"internal/cli":         slices.Concat(base, clients, services, []string{"internal/codegen", "internal/devserver", "internal/disk", "internal/draft", "internal/project", "internal/sample", "schema/lint"}),
		"cmd/headrace":         {"internal/cli"},
		"headracetest":         {".", "schema", "schema/registry", "producer", "reader", "topics", "internal/devserver"},
		"examples/flights/...": slices.Concat([]string{".", "schema", "schema/codec", "schema/registry", "headracetest", "examples/flights/..."}, clients, services),
	}
)

// Borders names the packages that may import a library that the others must not know of, tests included unless it says
// otherwise.
var borders = []struct {
	library  string
	packages []string
	tests    bool // tests anywhere may import it too
}{
	{library: "github.com/hamba/avro", packages: []string{"schema", "internal/codegen"}},
	{library: "github.com/riferrei/srclient", packages: []string{"schema/registry"}},
	{library: "github.com/segmentio/kafka-go", packages: []string{"internal/kafka"}},
	{library: "github.com/twmb/franz-go/pkg/kfake", packages: []string{"internal/devserver"}, tests: true},
	{library: "github.com/twmb/franz-go/pkg/sr", packages: []string{"internal/devserver"}, tests: true},
	{library: "github.com/spf13/cobra", packages: []string{"internal/cli"}},
	{library: "testing", packages: []string{"headracetest"}, tests: true},
	{library: "go.uber.org/goleak", packages: nil, tests: true},
	{library: "pgregory.net/rapid", packages: nil, tests: true},
	{library: "github.com/stretchr/testify", packages: nil},
}

// Modules of their own, where the borders do not hold because they compare us with what is on the other side.
var otherModules = []string{"bench", "systemtest", "tools"}

func TestImportsPointOneWay(t *testing.T) {
	t.Parallel()
	for _, file := range sources(t) {
		if file.module != "." {
			continue
		}
		allowed, known := arrowsOf(owner(file.pkg))
		if !known {
			t.Errorf("%s: package %s has no place in the arrows of imports_test.go", file.name, file.pkg)
			continue
		}
		for _, imported := range file.imports {
			ours, isOurs := within(imported)
			if !isOurs || owner(ours) == owner(file.pkg) || file.test && !strings.HasPrefix(file.pkg, "examples/") {
				continue
			}
			if !slices.ContainsFunc(allowed, func(pattern string) bool { return matches(pattern, ours) }) {
				t.Errorf("%s: %s must not import %s", file.name, file.pkg, ours)
			}
		}
	}
}

// A rule about a package that is gone, or that is still to come, holds nothing.
func TestArrowsNamePackagesThatExist(t *testing.T) {
	t.Parallel()
	folders := map[string]bool{}
	for _, file := range sources(t) {
		for folder := file.pkg; ; folder = path.Dir(folder) {
			folders[folder] = true
			if folder == "." {
				break
			}
		}
	}
	named := []string{}
	for from, to := range arrows {
		named = append(append(named, from), to...)
	}
	for _, border := range borders {
		named = append(named, border.packages...)
	}
	for _, name := range named {
		if !folders[strings.TrimSuffix(name, "/...")] {
			t.Errorf("the arrows or borders of imports_test.go name %s, and there is no such package", name)
		}
	}
}

func TestLibrariesStayBehindTheirBorders(t *testing.T) {
	t.Parallel()
	for _, file := range sources(t) {
		if file.module != "." {
			continue
		}
		for _, border := range borders {
			if slices.Contains(border.packages, owner(file.pkg)) || file.test && border.tests {
				continue
			}
			for _, imported := range file.imports {
				if imported == border.library || strings.HasPrefix(imported, border.library+"/") {
					t.Errorf("%s: %s must not import %s", file.name, file.pkg, imported)
				}
			}
		}
	}
}

// Schemas are plain values: what reads them from a disk or a registry is elsewhere.
func TestSchemaDoesNoIO(t *testing.T) {
	t.Parallel()
	looked := 0
	for _, file := range sources(t) {
		if file.test || !slices.Contains([]string{"internal/avroname", "internal/printable", "schema", "schema/codec", "schema/lint"}, owner(file.pkg)) {
			continue
		}
		looked++
		for _, imported := range file.imports {
			if top, _, _ := strings.Cut(imported, "/"); slices.Contains([]string{"net", "os", "syscall"}, top) {
				t.Errorf("%s: %s must not import %s", file.name, file.pkg, imported)
			}
		}
	}
	if looked == 0 {
		t.Error("looked at no file")
	}
}

// kafka-go's Reader and Writer lose data, so that nothing but the benchmarks, which measure them, may name them.
func TestKafkaGoReaderAndWriterAreNotUsed(t *testing.T) {
	t.Parallel()
	forbidden := []string{"Reader", "ReaderConfig", "NewReader", "Writer", "WriterConfig", "NewWriter", "ConsumerGroup", "NewConsumerGroup"}
	for _, file := range sources(t) {
		if file.module == "bench" {
			continue
		}
		for _, name := range file.kafkaGo {
			if slices.Contains(forbidden, name) {
				t.Errorf("%s: uses kafka-go's %s", file.name, name)
			}
		}
	}
}

func TestNoFolderIsADrawer(t *testing.T) {
	t.Parallel()
	for _, file := range sources(t) {
		for folder := range strings.SplitSeq(path.Dir(file.name), "/") {
			if slices.Contains([]string{"pkg", "util", "utils", "common", "types", "helpers", "misc"}, folder) {
				t.Errorf("%s: name the folder %s for what it holds", file.name, folder)
			}
		}
	}
}

// source is what the rules ask of one Go file.
type source struct {
	name    string // from the top of the repository, with slashes
	module  string // "." or the folder of another module
	pkg     string // folder within the repository
	test    bool
	imports []string
	kafkaGo []string // names it uses of kafka-go's package kafka
}

func sources(t *testing.T) []source {
	t.Helper()
	var found []source
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if base := entry.Name(); name != "." && (strings.HasPrefix(base, ".") || base == "testdata" || base == "out" || base == "bin") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		file, err := parse(name)
		found = append(found, file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 10 {
		t.Fatalf("found %d Go files: the rules looked at nothing", len(found))
	}
	return found
}

func parse(name string) (source, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return source{}, err
	}
	tree, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
	if err != nil {
		return source{}, err
	}
	slashed := filepath.ToSlash(name)
	file := source{name: slashed, module: ".", pkg: path.Dir(slashed), test: strings.HasSuffix(name, "_test.go")}
	if top, _, _ := strings.Cut(slashed, "/"); slices.Contains(otherModules, top) {
		file.module = top
	}
	kafka := ""
	for _, spec := range tree.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return source{}, err
		}
		file.imports = append(file.imports, imported)
		if imported == "github.com/segmentio/kafka-go" {
			kafka = "kafka"
			if spec.Name != nil {
				kafka = spec.Name.Name
			}
		}
	}
	if kafka == "" {
		return file, nil
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok {
			if name, ok := selector.X.(*ast.Ident); ok && name.Name == kafka {
				file.kafkaGo = append(file.kafkaGo, selector.Sel.Name)
			}
		}
		return true
	})
	return file, nil
}

func arrowsOf(pkg string) (allowed []string, known bool) {
	for pattern, packages := range arrows {
		if matches(pattern, pkg) {
			return packages, true
		}
	}
	return nil, false
}

// owner is the package whose arrows hold for pkg: consumer's for consumer/internal/assign, which only it can import.
func owner(pkg string) string {
	before, _, inner := strings.Cut(pkg, "/internal/")
	if inner {
		return before
	}
	return pkg
}

// within says which of our packages an import path names.
func within(imported string) (string, bool) {
	if imported == module {
		return ".", true
	}
	return strings.CutPrefix(imported, module+"/")
}

// matches reports whether pattern, a folder or a folder and what is under it, covers the package.
func matches(pattern, pkg string) bool {
	folder, tree := strings.CutSuffix(pattern, "/...")
	return pkg == folder || tree && strings.HasPrefix(pkg, folder+"/")
}
