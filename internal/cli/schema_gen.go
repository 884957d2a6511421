package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/internal/codegen"
	"github.com/headrace/headrace/internal/disk"
	"github.com/headrace/headrace/schema"
)

// genOptions are the flags of schema gen.
type genOptions struct {
	pkg   string
	out   string
	maps  []string
	check bool
}

const schemaGenLong = `Generate Go event types, with encoder and decoder, from Avro schemas: one Go file for each .avsc file, found in
folders at any depth. Without arguments it reads the schema folder of headrace.yaml, or else the folder it runs
in. Schemas may use each other's types.

All types go to one package unless --map places namespaces: --map shop.money=money puts the types of shop.money,
and of namespaces beneath it, into the package money in the folder OUT/money. Packages import each other as
their types need it, which Go allows in one direction only.

A generated file whose schema is gone is removed. With --check nothing is written: files that are not what
would be generated are named, and the exit code is 100.`

func (a *app) schemaGen() *cobra.Command {
	var options genOptions
	cmd := &cobra.Command{
		Use:   "gen [FOLDER|FILE]... [flags]",
		Short: "Generate Go event types from Avro schemas",
		Long:  schemaGenLong,
		Example: "  headrace schema gen ./schemas --out events\n" +
			"  headrace schema gen ./schemas --out events --map shop.money=money --check",
		RunE: a.run(func(_ context.Context, args []string) error {
			return a.runSchemaGen(args, options)
		}),
	}
	cmd.Flags().StringVar(&options.pkg, "package", "", "`name` of the Go package (default $GOPACKAGE in the folder of go generate, else that of --out)")
	cmd.Flags().StringVar(&options.out, "out", ".", "`folder` to write to")
	cmd.Flags().StringSliceVar(&options.maps, "map", nil, "`NAMESPACE=FOLDER` below --out that is a package of its own; may be repeated")
	cmd.Flags().BoolVar(&options.check, "check", false, "compare instead of writing")
	return cmd
}

func (a *app) runSchemaGen(args []string, options genOptions) error {
	layout, err := options.layout()
	if err != nil {
		return err
	}
	project, err := a.project()
	if err != nil {
		return err
	}
	if len(args) == 0 {
		if args = library(project); args == nil {
			args = []string{"."}
		}
	}
	folder, err := schema.ReadFolder(disk.FS{}, args, library(project)...)
	if err != nil {
		return err
	}
	var names []string
	sources := make([]codegen.Source, 0, len(folder.Files))
	for _, file := range folder.Files {
		names = append(names, file.Path)
		sources = append(sources, codegen.Source{Name: file.Path, Text: []byte(file.Schema.String())})
	}
	files, err := codegen.Generate(layout, sources)
	if err != nil {
		return err
	}
	orphans, err := orphaned(options.out, layout, files, names)
	if err != nil {
		return err
	}
	if options.check {
		return a.checkGenerated(options.out, files, orphans)
	}
	return a.writeGenerated(options.out, files, orphans)
}

// layout says which package each namespace belongs to.
func (o genOptions) layout() (codegen.Layout, error) {
	pkg, err := o.packageName()
	if err != nil {
		return codegen.Layout{}, err
	}
	layout := codegen.Layout{Package: pkg, Namespaces: map[string]string{}}
	for _, m := range o.maps {
		namespace, folder, ok := strings.Cut(m, "=")
		if !ok || namespace == "" || folder == "" {
			return layout, usagef("--map %s: is not NAMESPACE=FOLDER, such as shop.money=money", m)
		}
		if other, twice := layout.Namespaces[namespace]; twice && other != folder {
			return layout, usagef("--map: namespace %s has two folders, %s and %s", namespace, other, folder)
		}
		layout.Namespaces[namespace] = filepath.ToSlash(folder)
	}
	if len(layout.Namespaces) > 0 {
		layout.ImportPath, err = importPath(o.out)
	}
	return layout, err
}

// importPath is that of a folder, by the go.mod above it; "" when there is none.
func importPath(folder string) (string, error) {
	path, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	for below := ""; ; {
		text, err := os.ReadFile(filepath.Join(path, "go.mod"))
		if err == nil {
			for line := range strings.Lines(string(text)) {
				if module, ok := strings.CutPrefix(strings.TrimSpace(line), "module "); ok {
					module, _, _ = strings.Cut(module, "//")
					return strings.Trim(strings.TrimSpace(module), `"`) + below, nil
				}
			}
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		above := filepath.Dir(path)
		if above == path {
			return "", nil
		}
		path, below = above, "/"+filepath.Base(path)+below
	}
}

// packageName is, unless it is given, what go generate says when its own folder is written to, else the name of the folder.
func (o genOptions) packageName() (string, error) {
	if o.pkg != "" {
		return o.pkg, nil
	}
	if pkg := os.Getenv("GOPACKAGE"); pkg != "" && filepath.Clean(o.out) == "." {
		return pkg, nil
	}
	path, err := filepath.Abs(o.out)
	return filepath.Base(path), err
}

// orphaned lists the generated files in the layout's folders whose schema is gone, or is another package's now: neither among those
// read nor beside one of them.
func orphaned(out string, layout codegen.Layout, files []codegen.File, schemas []string) ([]string, error) {
	wanted := map[string]bool{}
	for _, f := range files {
		wanted[filepath.Join(out, f.Name)] = true
	}
	folders := []string{out}
	for _, folder := range layout.Namespaces {
		folders = append(folders, filepath.Join(out, folder))
	}
	slices.Sort(folders)
	var orphans []string
	for _, folder := range slices.Compact(folders) {
		there, err := filepath.Glob(filepath.Join(folder, "*_avro.go"))
		if err != nil {
			return nil, err
		}
		for _, name := range there {
			if wanted[name] {
				continue
			}
			text, err := os.ReadFile(name)
			if err != nil {
				return nil, err
			}
			first, _, _ := strings.Cut(string(text), "\n")
			source, generated := strings.CutPrefix(first, codegen.Header)
			source, _, _ = strings.Cut(source, ". DO NOT EDIT.")
			moved := slices.ContainsFunc(schemas, func(s string) bool { return filepath.Base(s) == source })
			if generated && (moved || !beside(schemas, source)) {
				orphans = append(orphans, name)
			}
		}
	}
	return orphans, nil
}

func beside(schemas []string, source string) bool {
	return slices.ContainsFunc(schemas, func(name string) bool {
		_, err := os.Stat(filepath.Join(filepath.Dir(name), filepath.Base(source)))
		return err == nil
	})
}

// checkGenerated names what is stale. That is a finding, not a failure: scripts tell it from schemas that are broken.
func (a *app) checkGenerated(folder string, files []codegen.File, orphans []string) error {
	var stale []string
	for _, file := range files {
		name := filepath.Join(folder, filepath.FromSlash(file.Name))
		text, err := os.ReadFile(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			stale = append(stale, name+" is missing")
		case err != nil:
			return err
		case !bytes.Equal(text, file.Text):
			stale = append(stale, name+" differs")
		}
	}
	for _, name := range orphans {
		stale = append(stale, name+" no longer has a schema")
	}
	if len(stale) == 0 {
		return nil
	}
	for _, line := range stale {
		fmt.Fprintln(a.Stdout, line)
	}
	a.note("generated files are stale: run the same without --check")
	return errFindings
}

// writeGenerated writes what differs, so that unchanged files keep their time, and names it.
func (a *app) writeGenerated(folder string, files []codegen.File, orphans []string) error {
	for _, file := range files {
		name := filepath.Join(folder, filepath.FromSlash(file.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
			return err
		}
		if text, err := os.ReadFile(name); err == nil && bytes.Equal(text, file.Text) {
			continue
		}
		if err := os.WriteFile(name, file.Text, 0o644); err != nil { //nolint:gosec // source code is for everyone to read
			return err
		}
		fmt.Fprintln(a.Stdout, "wrote", name)
	}
	for _, name := range orphans {
		if err := os.Remove(name); err != nil {
			return err
		}
		fmt.Fprintln(a.Stdout, "removed", name)
	}
	return nil
}
