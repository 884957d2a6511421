package cli

import (
	"context"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
)

func (a *app) schemaVersions() *cobra.Command {
	var out format
	cmd := &cobra.Command{
		Use:               "versions SUBJECT [flags]",
		Short:             "List the versions of a subject",
		Example:           "  headrace schema versions orders-value",
		Args:              exactly("SUBJECT"),
		ValidArgsFunction: completeFirst(a.completeSubject),
		RunE:              a.run(func(ctx context.Context, args []string) error { return a.runSchemaVersions(ctx, args[0], out) }),
	}
	out.bind(cmd)
	return cmd
}

func (a *app) runSchemaVersions(ctx context.Context, subject string, out format) error {
	registry, err := a.openRegistry(ctx)
	if err != nil {
		return err
	}
	defer registry.Close()
	ctx, cancel := a.within(ctx)
	defer cancel()
	versions, err := registry.Versions(ctx, subject)
	if err != nil {
		return err
	}
	rows := make([]subjectRow, len(versions))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i, n := range versions {
		group.Go(func() error {
			row, err := rowOf(registry.Version(ctx, subject, n))
			rows[i] = row
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return print(a.Stdout, out, rows, "VERSION ID TYPE EVENT", func(r subjectRow) []any { return []any{r.Version, r.ID, r.Type, r.event()} })
}
