package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/internal/project"
	"github.com/headrace/headrace/topics"
)

const topicsExportLong = `Print a headrace.yaml that declares what the cluster has: the named topics, or all but the cluster's own, with their
partitions, replicas and the settings made for them. A plan made from it at once is empty.

--schemas also finds the events that topics carry, by the names of subjects, and writes their schemas into a folder.
--into adds the topics that an existing file does not name yet to it, and keeps all else and its comments.`

type exportFlags struct {
	schemas string
	into    string
}

func (a *app) topicsExport() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export [TOPIC...] [flags]",
		Short: "Write headrace.yaml from a live cluster",
		Long:  topicsExportLong,
		Example: "  headrace topics export > headrace.yaml\n  headrace topics export flights --schemas schemas\n" +
			"  headrace topics export --into headrace.yaml",
		ValidArgsFunction: a.completeTopic,
		RunE:              a.run(func(ctx context.Context, names []string) error { return a.runTopicsExport(ctx, names, f) }),
	}
	flags := cmd.Flags()
	flags.StringVar(&f.schemas, "schemas", "", "`folder` to write the events' schemas into")
	flags.StringVar(&f.into, "into", "", "`file` to add the topics to, instead of printing them")
	return cmd
}

func (a *app) runTopicsExport(ctx context.Context, names []string, f exportFlags) error {
	conn, closeRegistry, err := a.connection(ctx, f.schemas != "")
	if err != nil {
		return err
	}
	defer closeRegistry()
	ctx, cancel := a.within(ctx)
	defer cancel()
	exported, err := topics.Export(ctx, conn, names...)
	if err != nil {
		return err
	}
	if err := writeSchemas(f.schemas, exported.Schemas); err != nil {
		return err
	}
	if f.into != "" {
		return a.exportInto(f.into, exported)
	}
	text, err := exported.File()
	if err != nil {
		return err
	}
	if f.schemas != "" {
		text = fmt.Appendf(text, "schemas: {folder: %q}\n", f.schemas)
	}
	_, err = a.Stdout.Write(text)
	return err
}

// exportInto adds what a file does not name yet to it.
func (a *app) exportInto(path string, exported *topics.Exported) error {
	file, err := project.Load(path)
	if err != nil {
		return err
	}
	named := make([]string, len(file.Topics))
	for i, t := range file.Topics {
		named[i] = t.Name
	}
	wanted, err := topics.Load(path, "")
	if err != nil {
		return err
	}
	for _, t := range wanted.Topics { // those that groups make
		named = append(named, t.Name)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	added, err := exported.AddTo(text, named)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if string(added) == string(text) {
		a.note("%s names every topic already", path)
		return nil
	}
	return writeWhole(path, added)
}

// writeSchemas writes each schema into a file of its full name. One that is there already must say the same.
func writeSchemas(folder string, schemas map[string]string) error {
	if folder == "" {
		return nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // sources are for everybody to read
		return err
	}
	for name, text := range schemas {
		if name != filepath.Base(name) {
			return fmt.Errorf("event %q has no name for a file", name)
		}
		if err := writeWhole(filepath.Join(folder, name+".avsc"), []byte(text+"\n")); err != nil {
			return err
		}
	}
	return nil
}

// writeWhole writes a file so that a reader finds either the old one or the whole new one.
func writeWhole(path string, text []byte) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name()) // the error that matters is err
		}
	}()
	if _, err := file.Write(text); err != nil {
		_ = file.Close() // the same
		return err
	}
	if err := file.Chmod(0o644); err != nil {
		_ = file.Close() // the same
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
