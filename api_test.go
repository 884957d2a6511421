package headrace_test

import (
	"bytes"
	"flag"
	"go/ast"
	"go/build"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var updateAPI = flag.Bool("update", false, "write docs/api.txt anew")

// stable are the packages whose API does not change once v1 is out.
var stable = []string{".", "producer", "consumer", "reader", "schema", "schema/registry", "headracetest"}

// TestAPIIsAsWritten compares the API of the stable packages with docs/api.txt, so that a change of it is seen in review.
func TestAPIIsAsWritten(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for _, folder := range stable {
		declarations := exported(t, folder)
		if len(declarations) < 4 {
			t.Fatalf("%d declarations in %s: the rule looked at nothing", len(declarations), folder)
		}
		text.WriteString("package " + strings.Replace(folder, ".", "headrace", 1) + "\n\n" + strings.Join(declarations, "\n") + "\n\n")
	}
	const file = "docs/api.txt"
	if *updateAPI {
		if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(content(t, file), text.String()); diff != "" {
		t.Errorf("the API has changed: where that is meant, run `go test . -run TestAPI -update` and tell of it in CHANGELOG.md (-written +now):\n%s", diff)
	}
}

var blankLines = regexp.MustCompile(`\n\s*\n`)

// exported returns the exported declarations of a package, in order, without comments and function bodies.
func exported(t *testing.T, folder string) (declarations []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		here, err := build.Default.MatchFile(folder, entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		if !here || !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, filepath.Join(folder, entry.Name()), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.FileExports(file)
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.GenDecl:
				if d.Tok == token.IMPORT {
					continue
				}
			case *ast.FuncDecl:
				if d.Recv != nil && !token.IsExported(receiver(d.Recv.List[0].Type)) {
					continue
				}
				d.Body = nil
			}
			var text bytes.Buffer
			if err := printer.Fprint(&text, files, d); err != nil {
				t.Fatal(err)
			}
			declarations = append(declarations, blankLines.ReplaceAllString(text.String(), "\n")) // where comments were
		}
	}
	slices.Sort(declarations)
	return declarations
}

// receiver is the name of the type that a method belongs to.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
