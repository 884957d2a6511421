package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/internal/disk"
	"github.com/headrace/headrace/internal/draft"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/lint"
)

// newFlags are the flags of schema new.
type newFlags struct {
	fields []string
	doc    string
	folder string
	print  bool
}

func (a *app) schemaNew() *cobra.Command {
	var f newFlags
	cmd := &cobra.Command{
		Use:   "new NAMESPACE.NAME [flags]",
		Short: "Write a new event schema",
		Long: "Write the schema of a new event into the schemas' folder of headrace.yaml, else into ./schemas, as NAME.avsc. A file\n" +
			"that is there is not overwritten.\n\n" +
			"A field is name:type, with =DEFAULT and ' # doc' after it if wanted. Types:\n\n" +
			"  boolean int long float double bytes string    as in Avro\n" +
			"  uuid date time timestamp local-timestamp      logical types, in milliseconds; or timestamp-micros, time-micros, ...\n" +
			"  decimal(12,2)                                 precision and scale\n" +
			"  enum(OPEN,CLOSED) fixed(16) duration          named after event and field; the first symbol is the enum's default\n" +
			"  []T  map(T)                                   list and map, empty by default\n" +
			"  shop.Money  Money                             a type of another file in the folder\n" +
			"  A|B                                           a union, of records for instance\n" +
			"  T?                                            T or null, null by default\n\n" +
			"What is written passes `headrace schema lint`; docs that are not given are made from names and types.",
		Example: "  headrace schema new shop.OrderPlaced --doc \"A customer has paid an order.\" \\\n" +
			"    --field 'id:uuid # the order' --field 'total:decimal(12,2) # in euros, with tax' --field note:string?",
		Args: exactly("NAMESPACE.NAME"),
	}
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		a.started = true
		return a.runSchemaNew(args[0], f)
	}
	cmd.Flags().StringArrayVar(&f.fields, "field", nil, "`name:type` of a field; may be repeated")
	cmd.Flags().StringVar(&f.doc, "doc", "", "`text` that describes the event")
	cmd.Flags().StringVar(&f.folder, "folder", "", "`folder` to write to")
	cmd.Flags().BoolVar(&f.print, "print", false, "print the schema and write nothing")
	return cmd
}

func (a *app) runSchemaNew(name string, f newFlags) error {
	made := draft.Schema{Name: name, Doc: f.doc}
	for _, text := range f.fields {
		field, err := draft.ParseField(text)
		if err != nil {
			return &usageError{fmt.Errorf("--field: %w", err)}
		}
		made.Fields = append(made.Fields, field)
	}
	into, err := a.schemaFolder()
	if err != nil {
		return err
	}
	if f.folder != "" {
		into = f.folder
	}
	there := &schema.Folder{}
	if _, err := os.Stat(into); err == nil {
		// What is wrong in other files is theirs: the new one fails only when it needs them.
		there, _ = schema.ReadFolder(disk.FS{}, []string{into})
	}
	if file, ok := there.Named(name); ok {
		at := file.Position("")
		return fmt.Errorf("%s is defined already, in %s:%d:%d", name, file.Path, at.Line, at.Column)
	}
	text, err := made.Text(there)
	if err != nil {
		return &usageError{err}
	}
	path := filepath.Join(into, name[strings.LastIndexByte(name, '.')+1:]+".avsc")
	if err := a.lintNew(path, text, there); err != nil {
		return err
	}
	if f.print {
		_, err := fmt.Fprint(a.Stdout, text)
		return err
	}
	if err := writeNew(path, text); err != nil {
		return err
	}
	fmt.Fprintln(a.Stdout, "wrote", path)
	if f.doc == "" {
		a.note("The docs were made from the names: describe in %s what a name does not say.", path)
	}
	return nil
}

// lintNew refuses what is no schema, such as a default that does not fit, and tells what the lint rules say of the rest.
func (a *app) lintNew(path, text string, there *schema.Folder) error {
	var library []schema.Source
	for _, file := range there.Files {
		library = append(library, schema.Source{Path: file.Path, Text: file.Schema.String()})
	}
	folder, err := schema.NewFolder([]schema.Source{{Path: path, Text: text}}, library...)
	var bad *schema.FolderError
	if errors.As(err, &bad) {
		p := bad.Problems[0]
		reason := p.Reason
		if p.Hint != "" {
			reason += "; " + p.Hint
		}
		return usagef("%s at %s", reason, p.Pointer)
	}
	if err != nil {
		return err
	}
	config, err := a.lintConfig()
	if err != nil {
		return err
	}
	for _, f := range lint.Check(folder, config) {
		a.note("%s: %s: %s; %s", path, f.Rule, f.Message, f.Hint)
	}
	return nil
}

// writeNew writes a file that is not there yet.
func writeNew(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // schemas are for everyone to read
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already and is not overwritten: choose another name or --folder, or edit it", path)
	}
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}
