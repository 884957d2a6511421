package cli

import (
	"context"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/headrace/headrace/schema"
)

// subjectRow is the newest version of a subject.
type subjectRow struct {
	Subject string `json:"subject"`
	Version int    `json:"version"`
	ID      int    `json:"id"`
	Event   string `json:"event"`
}

func (a *app) schemaList() *cobra.Command {
	var out format
	cmd := &cobra.Command{
		Use:     "list [flags]",
		Short:   "List subjects with their newest schema",
		Example: "  headrace schema list\n  headrace schema list -o jsonl",
		Args:    exactly(),
		RunE:    a.run(func(ctx context.Context, _ []string) error { return a.runSchemaList(ctx, out) }),
	}
	out.bind(cmd)
	return cmd
}

func (a *app) runSchemaList(ctx context.Context, out format) error {
	registry, err := a.openRegistry(ctx)
	if err != nil {
		return err
	}
	defer registry.Close()
	ctx, cancel := a.within(ctx)
	defer cancel()
	subjects, err := registry.Subjects(ctx)
	if err != nil {
		return err
	}
	rows, err := newest(ctx, registry, subjects)
	if err != nil {
		return err
	}
	if len(rows) == 0 && out == "table" {
		a.note("no schemas yet: register one with `headrace schema register FILE --subject SUBJECT`")
		return nil
	}
	return print(a.Stdout, out, rows, "SUBJECT VERSION ID EVENT", func(r subjectRow) []any {
		return []any{r.Subject, r.Version, r.ID, r.Event}
	})
}

// newest asks for the newest version of each subject, a few at a time.
func newest(ctx context.Context, registry *schema.Registry, subjects []string) ([]subjectRow, error) {
	rows := make([]subjectRow, len(subjects))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i, subject := range subjects {
		group.Go(func() error {
			v, err := registry.Latest(ctx, subject)
			if err != nil {
				return err
			}
			rows[i] = subjectRow{subject, v.Version, v.ID, v.Schema.FullName()}
			return nil
		})
	}
	return rows, group.Wait()
}
