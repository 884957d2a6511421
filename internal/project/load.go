package project

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	maxFileBytes = 8 << 20
	maxFiles     = 1000
)

// Load reads a file of the form of headrace.yaml, with the files it includes. The error joins every mistake, each an [*Error]; see
// [Errors].
func Load(path string) (*File, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, &Error{Position: Position{File: path}, Message: "it has no absolute path", Err: err}
	}
	l := &loader{all: &File{Path: path}, digest: sha256.New()}
	l.load(path, Position{File: path})
	l.across()
	if err := errors.Join(l.errs...); err != nil {
		return nil, err
	}
	l.all.Digest = hex.EncodeToString(l.digest.Sum(nil))
	if l.all.Schemas.Folder == "" {
		l.all.Schemas.Folder = defaultFolder(filepath.Dir(path))
	}
	return l.all, nil
}

// defaultFolder is where schemas are when nobody says it: in schemas beside the file, or else beside the file itself.
func defaultFolder(dir string) string {
	folder := filepath.Join(dir, "schemas")
	if info, err := os.Stat(folder); err == nil && info.IsDir() {
		return folder
	}
	return dir
}

// loader puts the files of one project together.
type loader struct {
	all     *File
	context Position // where the default context is named
	errs    []error
	digest  hash.Hash // of every file read
}

func (l *loader) add(at Position, hint, format string, args ...any) {
	l.errs = append(l.errs, &Error{Position: at, Message: fmt.Sprintf(format, args...), Hint: hint})
}

// load reads one file, which stands at the given place in another.
func (l *loader) load(path string, from Position) {
	if slices.Contains(l.all.Files, path) {
		return // two files may need the same third one
	}
	l.all.Files = append(l.all.Files, path)
	if len(l.all.Files) > maxFiles {
		if len(l.all.Files) == maxFiles+1 {
			l.add(from, "", "more than %d files are included", maxFiles)
		}
		return
	}
	text, err := l.read(path, from)
	if err != nil {
		l.errs = append(l.errs, err)
		return
	}
	root, err := parse(path, text)
	if err != nil {
		l.errs = append(l.errs, err)
		return
	}
	m := &mistakes{file: path}
	if root == nil {
		return
	}
	if m.check(root, layout(), "the file"); len(m.list) > 0 {
		l.errs = append(l.errs, m.err())
		return
	}
	r := &reader{mistakes: m, dir: filepath.Dir(path)}
	one := r.file(root)
	if len(m.list) > 0 {
		l.errs = append(l.errs, m.err())
	}
	l.join(one, r, root)
	for _, item := range items(child(root, "include")) {
		l.include(r, item)
	}
}

func (l *loader) join(one *File, r *reader, root *yaml.Node) {
	all := l.all
	all.Contexts = append(all.Contexts, one.Contexts...)
	all.Topics = append(all.Topics, one.Topics...)
	all.Groups = append(all.Groups, one.Groups...)
	all.Accounts = append(all.Accounts, one.Accounts...)
	if one.Schemas.At.Line > 0 {
		if all.Schemas.At.Line > 0 {
			l.add(one.Schemas.At, "keep one", "schemas are set at %v already", all.Schemas.At)
		}
		all.Schemas = one.Schemas
	}
	if one.Context != "" {
		if all.Context != "" {
			l.add(r.at(child(root, "context")), "keep one", "the context is named at %v already", l.context)
		}
		all.Context, l.context = one.Context, r.at(child(root, "context"))
	}
}

func (l *loader) include(r *reader, item *yaml.Node) {
	pattern := item.Value
	if err := checkPattern(pattern); err != nil {
		l.add(r.at(item), "", "include %q: %v", pattern, err)
		return
	}
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(r.dir, pattern)
	}
	paths, err := filepath.Glob(pattern)
	switch {
	case err != nil:
		l.add(r.at(item), "", "include %q: %v", item.Value, err)
	case len(paths) == 0:
		l.add(r.at(item), "it is relative to the file that names it", "include %q: there is no such file", item.Value)
	}
	for _, path := range paths {
		l.load(path, r.at(item))
	}
}

// maxWild bounds the folders that a pattern walks: the file may be anybody's, and is read before a person has looked at it.
const maxWild = 3

// checkPattern lets a pattern with wildcards look below the file that names it only.
func checkPattern(pattern string) error {
	if !strings.ContainsAny(pattern, `*?[`) {
		return nil
	}
	if !filepath.IsLocal(pattern) {
		return errors.New("a pattern is relative to the file that names it, and looks below it only")
	}
	wild := 0
	for part := range strings.SplitSeq(filepath.ToSlash(pattern), "/") {
		if strings.ContainsAny(part, `*?[`) {
			wild++
		}
	}
	if wild > maxWild {
		return fmt.Errorf("it has wildcards in more than %d parts", maxWild)
	}
	return nil
}

// read returns what is in a file, which stands at the given place in another.
func (l *loader) read(path string, from Position) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() && from.Line > 0 {
		return nil, &Error{Position: from, Message: fmt.Sprintf("include: %s is not a regular file", path)} // opening a pipe may never end
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, &Error{Position: Position{File: path}, Message: "it cannot be read", Err: err}
	}
	defer func() { _ = file.Close() }() // only read from
	text, err := io.ReadAll(io.LimitReader(file, maxFileBytes+1))
	if err != nil {
		return nil, &Error{Position: Position{File: path}, Message: "it cannot be read", Err: err}
	}
	if len(text) > maxFileBytes {
		return nil, &Error{Position: Position{File: path}, Message: fmt.Sprintf("it has more than %d bytes", maxFileBytes)}
	}
	fmt.Fprintf(l.digest, "%d %s %d ", len(path), path, len(text))
	l.digest.Write(text)
	return text, nil
}

// parse returns the only document of a file's text; nil is an empty one.
func parse(path string, text []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document, second yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, syntaxError(path, err)
	}
	if err := decoder.Decode(&second); err == nil {
		at := Position{File: path, Line: second.Line, Column: second.Column}
		return nil, &Error{Position: at, Message: "a second document begins here", Hint: "put it into a file of its own and name it under include"}
	} else if !errors.Is(err, io.EOF) {
		return nil, syntaxError(path, err)
	}
	if len(document.Content) == 0 || document.Content[0].ShortTag() == "!!null" {
		return nil, nil
	}
	return document.Content[0], nil
}

var yamlQuoted = regexp.MustCompile("['\"`].*['\"`]")

var yamlLine = regexp.MustCompile(`^yaml: line (\d+): (.*)$`)

// syntaxError finds the line in the words of the YAML parser, which knows no column.
func syntaxError(path string, err error) error {
	at := Position{File: path, Line: 1, Column: 1}
	message := err.Error()
	if found := yamlLine.FindStringSubmatch(message); found != nil {
		if n, err := strconv.Atoi(found[1]); err == nil {
			at.Line = n
		}
		message = found[2]
	}
	message = yamlQuoted.ReplaceAllString(message, "…") // `password_env: *hunter2` names an anchor to the parser
	return &Error{Position: at, Message: "this is not YAML: " + message}
}

func itoa(n int) string { return strconv.Itoa(n) }
