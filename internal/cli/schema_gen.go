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
)

// genOptions are the flags of schema gen.
type genOptions struct {
	pkg   string
	out   string
	check bool
}

func (a *app) schemaGen() *cobra.Command {
	var options genOptions
	cmd := &cobra.Command{
		Use:   "gen [FOLDER|FILE]... [flags]",
		Short: "Generate Go event types from Avro schemas",
		Long: "Generate Go event types, with encoder and decoder, from Avro schemas: one Go file for each .avsc file, found in\n" +
			"folders at any depth. Without arguments it reads the folder it runs in. Schemas may use each other's types.\n\n" +
			"A generated file whose schema is gone is removed. With --check nothing is written: files that are not what\n" +
			"would be generated are named, and the exit code is 1.",
		Example: "  headrace schema gen ./schemas --out events",
		RunE: a.run(func(_ context.Context, args []string) error {
			return a.runSchemaGen(args, options)
		}),
	}
	cmd.Flags().StringVar(&options.pkg, "package", "", "`name` of the Go package (default $GOPACKAGE in the folder of go generate, else that of --out)")
	cmd.Flags().StringVar(&options.out, "out", ".", "`folder` to write to")
	cmd.Flags().BoolVar(&options.check, "check", false, "compare instead of writing")
	return cmd
}

func (a *app) runSchemaGen(args []string, options genOptions) error {
	if len(args) == 0 {
		args = []string{"."}
	}
	pkg, err := options.packageName()
	if err != nil {
		return err
	}
	names, err := schemaFiles(args)
	if err != nil {
		return err
	}
	sources := make([]codegen.Source, len(names))
	for i, name := range names {
		text, err := a.readFile(name)
		if err != nil {
			return err
		}
		sources[i] = codegen.Source{Name: name, Text: []byte(text)}
	}
	files, err := codegen.Generate(pkg, sources)
	if err != nil {
		return err
	}
	orphans, err := orphaned(options.out, files, names)
	if err != nil {
		return err
	}
	if options.check {
		return checkGenerated(options.out, files, orphans)
	}
	return a.writeGenerated(options.out, files, orphans)
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

// schemaFiles lists the files that args name and those in the folders that they name, each once, sorted.
func schemaFiles(args []string) ([]string, error) {
	var names []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			names = append(names, filepath.Clean(arg))
			continue
		}
		before := len(names)
		err = filepath.WalkDir(arg, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() && filepath.Ext(path) == ".avsc" {
				names = append(names, filepath.Clean(path))
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(names) == before {
			return nil, fmt.Errorf("folder %s holds no .avsc file", arg)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// orphaned lists the generated files in a folder whose schema is gone: neither among those read nor beside one of them.
func orphaned(folder string, files []codegen.File, schemas []string) ([]string, error) {
	there, err := filepath.Glob(filepath.Join(folder, "*_avro.go"))
	if err != nil {
		return nil, err
	}
	var orphans []string
	for _, name := range there {
		if slices.ContainsFunc(files, func(f codegen.File) bool { return f.Name == filepath.Base(name) }) {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		first, _, _ := strings.Cut(string(text), "\n")
		source, generated := strings.CutPrefix(first, codegen.Header)
		source, _, _ = strings.Cut(source, ". DO NOT EDIT.")
		if generated && !beside(schemas, source) {
			orphans = append(orphans, name)
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

func checkGenerated(folder string, files []codegen.File, orphans []string) error {
	var stale []string
	for _, file := range files {
		name := filepath.Join(folder, file.Name)
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
		stale = append(stale, name+" has no schema any more")
	}
	if len(stale) == 0 {
		return nil
	}
	return fmt.Errorf("generated files are stale, run the same without --check:\n  %s", strings.Join(stale, "\n  "))
}

// writeGenerated writes what differs, so that unchanged files keep their time, and names it.
func (a *app) writeGenerated(folder string, files []codegen.File, orphans []string) error {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	for _, file := range files {
		name := filepath.Join(folder, file.Name)
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
