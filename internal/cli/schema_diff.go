package cli

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/schema"
)

// changed is one difference as data.
type changed struct {
	Schema  string `json:"schema"`       // full name of the event or of what the file holds
	File    string `json:"file"`         // the new one
	Against string `json:"against"`      // the old one
	In      string `json:"in,omitempty"` // the record, enum or fixed that differs
	What    string `json:"what"`
	Words   string `json:"words"`
	Old     string `json:"old,omitempty"`
	New     string `json:"new,omitempty"`
	Pointer string `json:"pointer,omitempty"`
}

func (a *app) schemaDiff() *cobra.Command {
	var out format
	cmd := &cobra.Command{
		Use:   "diff OLD NEW [flags]",
		Short: "Show in words what differs between two versions of schemas",
		Long: "Show what differs between two versions of schemas, the old and the new types side by side. NEW is a file or a\n" +
			"folder. OLD is one too, or git:REVISION[:PATH], or registry[:SUBJECT[:VERSION]], the newest version unless\n" +
			"one is named.\n\n" +
			"Types in short: string? may be null, []T is an array, map(T) a map, decimal(12,2) a decimal.\n" +
			"`headrace schema check` says whether the difference is compatible.",
		Example: "  headrace schema diff git:main schemas\n  headrace schema diff registry:orders-value:1 Order.avsc",
		Args:    exactly("OLD", "NEW"),
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		a.started = true
		return a.runSchemaDiff(cmd, args[0], args[1], out)
	}
	out.bind(cmd)
	return cmd
}

func (a *app) runSchemaDiff(cmd *cobra.Command, old, next string, out format) error {
	o, err := parseOrigin(old)
	if err != nil {
		return err
	}
	p, err := a.newPast([]string{next})
	if err != nil {
		return err
	}
	defer p.close()
	p.fetch(cmd.Context(), o)
	folder, err := a.readSchemas([]string{next})
	if err != nil {
		return err
	}
	p.next = folder
	var rows []changed
	for _, file := range folder.Asked() {
		var olds []schema.Ancestor
		if o.kind == "registry" {
			subjects, err := p.lineages(cmd.Context(), o, file, schema.Backward)
			if err != nil {
				return err
			}
			for _, l := range subjects {
				olds = append(olds, l.olds...)
			}
		} else {
			ancestor, ok, err := p.of(o, file)
			if err != nil {
				return err
			}
			if ok {
				olds = append(olds, ancestor)
			}
		}
		if len(olds) == 0 {
			a.note("%s: %s is new: there is no older version to compare with", file.Path, file.Schema.FullName())
		}
		for _, before := range olds {
			for _, c := range schema.Diff(before.Schema, file.Schema) {
				if home, ok := folder.Named(c.In); ok && home != file && !home.Imported {
					continue // it is told of that file
				}
				rows = append(rows, changed{file.Schema.FullName(), file.Path, before.Name, c.In, c.What, c.Words, c.Old, c.New, c.Pointer})
			}
		}
	}
	for _, gone := range p.gone(o) {
		a.note("%s: %s is not among the new schemas", gone.Path, gone.Schema.FullName())
	}
	if len(rows) == 0 {
		a.note("%s: no difference", counted(len(folder.Asked()), "schema file"))
	}
	if out == "table" {
		return writeDiff(a.Stdout, rows)
	}
	return print(a.Stdout, out, rows, "", nil)
}

// gone are the files of an old folder that no new file is the next version of.
func (p *past) gone(o origin) []*schema.File {
	f := p.folders[o]
	if f == nil || p.alone {
		return nil
	}
	if <-f.ready; f.err != nil {
		return nil
	}
	old := f.folder
	used := map[*schema.File]bool{}
	for _, file := range p.next.Files {
		if before, ok := old.Ancestor(file, false); ok {
			used[before] = true
		}
	}
	var gone []*schema.File
	for _, file := range old.Asked() {
		if !used[file] {
			gone = append(gone, file)
		}
	}
	return gone
}

// writeDiff prints the differences of each schema under its name, old beside new.
func writeDiff(w io.Writer, rows []changed) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, r := range rows {
		if i == 0 || r.Schema != rows[i-1].Schema || r.Against != rows[i-1].Against {
			if i > 0 {
				fmt.Fprintln(table)
			}
			// A line without cells has the columns begin anew.
			fmt.Fprintf(table, "%s: %s -> %s\n  CHANGE\tOLD\tNEW\n", r.Schema, printable(r.Against), printable(r.File))
		}
		within := ""
		if r.In != r.Schema && r.In != "" {
			within = r.In + " "
		}
		fmt.Fprintf(table, "  %s%s: %s\t%s\t%s\n", within, r.What, printable(r.Words), cell(dash(r.Old)), cell(dash(r.New)))
	}
	return table.Flush()
}
