package cli

import (
	"context"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/headrace/headrace/schema/registry"
)

const schemaSnapshotLong = `Write the schemas of the registry, with their ids, to a file from which services start and go on while the
registry is down: SCHEMA_REGISTRY_SNAPSHOT names it, or registry.WithSnapshot in code. Services that have one
keep it up to date themselves.

A file belongs to one registry. When services reach it by another URL than you do, --url says by which.
Deleted versions are taken too, since old events carry their ids. Versions that cannot be read are left out and named;
of subjects that --subject names they are an error.`

type schemaSnapshotFlags struct {
	out      string
	subjects []string
	url      string
}

func (a *app) schemaSnapshot() *cobra.Command {
	var f schemaSnapshotFlags
	cmd := &cobra.Command{
		Use:   "snapshot --out FILE [flags]",
		Short: "Write the registry's schemas to a file for outages",
		Long:  schemaSnapshotLong,
		Example: "  headrace schema snapshot --out registry.snapshot\n" +
			"  headrace schema snapshot --out delays.snapshot --subject flights-flights.FlightArrived --url http://registry:8081",
		Args: exactly(),
		RunE: a.run(func(ctx context.Context, _ []string) error { return a.runSchemaSnapshot(ctx, f) }),
	}
	cmd.Flags().StringVar(&f.out, "out", "", "`file` to write; replaced if it is there")
	cmd.Flags().StringSliceVarP(&f.subjects, "subject", "s", nil, "take only these `subjects` and what they refer to (default all)")
	cmd.Flags().StringVar(&f.url, "url", "", "`URL` by which the services reach the registry (default the same as here)")
	_ = cmd.RegisterFlagCompletionFunc("subject", a.completeSubject) // the flag exists
	return cmd
}

func (a *app) runSchemaSnapshot(ctx context.Context, f schemaSnapshotFlags) error {
	if f.out == "" {
		return usagef("--out is missing: the file to write")
	}
	reg, err := a.openRegistry(ctx)
	if err != nil {
		return err
	}
	defer reg.Close()
	state, err := reg.WriteSnapshot(ctx, f.out, registry.SnapshotScope{Subjects: f.subjects, URL: strings.TrimRight(f.url, "/")})
	if err != nil {
		return err
	}
	for _, why := range state.Unreadable {
		a.note("left out: %v", why)
	}
	a.note("wrote %s: %s versions of %s", f.out, humanize.Comma(int64(state.Entries)), reg.URL())
	return nil
}
