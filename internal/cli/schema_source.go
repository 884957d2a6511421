package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/disk"
	"github.com/headrace/headrace/schema"
)

// ruleInvalid is the rule of findings about files that are no schema at all.
const ruleInvalid = "SCHEMA_INVALID"

// schemaFolder is the project's folder of schemas: headrace.yaml's, else ./schemas. There may be no such folder.
func (a *app) schemaFolder() (string, error) {
	file, err := a.project()
	if err != nil {
		return "", err
	}
	if file == nil {
		return "schemas", nil
	}
	return here(file.Schemas.Folder), nil
}

// here is a path as seen from the working directory when it is below that, so that findings name files as people and CI do.
func here(name string) string {
	dir, err := os.Getwd()
	if err != nil {
		return name
	}
	if inner, err := filepath.Rel(dir, name); err == nil && filepath.IsLocal(inner) {
		return inner
	}
	return name
}

// readSchemas reads the files and folders that args name, "-" being standard input; without args the project's folder. What they use is
// looked for in the project's folder too. Beside an error there is a folder with what is right.
func (a *app) readSchemas(args []string) (*schema.Folder, error) {
	folder, err := a.schemaFolder()
	if err != nil {
		return &schema.Folder{}, err
	}
	if len(args) == 0 {
		if _, err := os.Stat(folder); err != nil {
			return &schema.Folder{}, usagef("name files or folders: there is no folder %s, which is where schemas are looked for otherwise", folder)
		}
		args = []string{folder}
	}
	if len(args) != 1 || args[0] != "-" {
		return schema.ReadFolder(disk.FS{}, args, folder)
	}
	text, err := a.readFile("-")
	if err != nil {
		return &schema.Folder{}, err
	}
	var library []schema.Source
	if _, err := os.Stat(folder); err == nil {
		around, _ := schema.ReadFolder(disk.FS{}, []string{folder}) // what is wrong there is not what was asked about
		for _, file := range around.Files {
			library = append(library, schema.Source{Path: file.Path, Text: file.Schema.String()})
		}
	}
	return schema.NewFolder([]schema.Source{{Path: "-", Text: text}}, library...)
}

// problemFindings turns what is wrong in files into findings, and returns every other error as it is, that a file cannot be read among
// them.
func problemFindings(err error) ([]Finding, error) {
	var bad *schema.FolderError
	if !errors.As(err, &bad) {
		return nil, err
	}
	findings := make([]Finding, len(bad.Problems))
	for i, p := range bad.Problems {
		if p.Line == 0 && p.Err == nil || errors.As(p.Err, new(*fs.PathError)) {
			return nil, err
		}
		findings[i] = Finding{
			File: p.Path, Line: p.Line, Column: p.Column, Rule: ruleInvalid, Severity: severityError,
			Message: p.Reason, Hint: p.Hint, Pointer: p.Pointer,
		}
	}
	return findings, nil
}

// counted is "1 schema" or "2 schemas".
func counted(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// origin is where older versions are read: files, a revision of git, or a registry.
type origin struct {
	kind string // "files", "git" or "registry"
	path string // of files; of git, "" for that of the new schemas
	rev  string // of git
	// subject and version are those of a registry; "" and 0 when they are to be found.
	subject string
	version int
}

// parseOrigin reads PATH, git:REVISION, git:REVISION:PATH, registry, registry:SUBJECT and registry:SUBJECT:VERSION.
func parseOrigin(text string) (origin, error) {
	kind, rest, _ := strings.Cut(text, ":")
	switch kind {
	case "git":
		rev, path, _ := strings.Cut(rest, ":")
		if rev == "" || strings.HasPrefix(rev, "-") {
			return origin{}, usagef("%s names no revision: write git:main, or git:main:schemas for another path", text)
		}
		return origin{kind: "git", rev: rev, path: path}, nil
	case "registry":
		o := origin{kind: "registry", subject: rest}
		if i := strings.LastIndexByte(rest, ':'); i >= 0 {
			if n, err := strconv.Atoi(rest[i+1:]); err == nil && n > 0 {
				o.subject, o.version = rest[:i], n
			}
		}
		return o, nil
	}
	if text == "" {
		return origin{}, usagef("an empty path names nothing to compare with")
	}
	return origin{kind: "files", path: text}, nil
}

func (o origin) String() string {
	switch o.kind {
	case "git":
		return "git:" + o.rev
	case "registry":
		return "the registry"
	}
	return cmp.Or(o.path, ".")
}
