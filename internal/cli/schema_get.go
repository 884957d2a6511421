package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

type schemaGetFlags struct{ version, id int }

func (a *app) schemaGet() *cobra.Command {
	var f schemaGetFlags
	cmd := &cobra.Command{
		Use:   "get SUBJECT | --id ID [flags]",
		Short: "Print a schema",
		Long:  "Print a schema as JSON: the newest version of a subject, one version of it, or the schema with an id.",
		Example: "  headrace schema get orders-value\n" +
			"  headrace schema get orders-value --version 2\n" +
			"  headrace schema get --id 7",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("%q is one argument too many", args[1])
			}
			return nil
		},
		ValidArgsFunction: completeFirst(a.completeSubject),
		RunE:              a.run(func(ctx context.Context, args []string) error { return a.runSchemaGet(ctx, args, f) }),
	}
	cmd.Flags().IntVar(&f.version, "version", 0, "`version` of the subject (default the newest)")
	cmd.Flags().IntVar(&f.id, "id", 0, "`id` of the schema, as events carry it")
	return cmd
}

func (a *app) runSchemaGet(ctx context.Context, args []string, f schemaGetFlags) error {
	if (len(args) == 1) == (f.id != 0) {
		return usagef("name either SUBJECT or --id")
	}
	if f.id != 0 && f.version != 0 {
		return usagef("--version is a version of SUBJECT: it does not go with --id")
	}
	if f.id < 0 || f.version < 0 {
		return usagef("--id and --version are at least 1")
	}
	reg, err := a.openRegistry(ctx)
	if err != nil {
		return err
	}
	defer reg.Close()
	ctx, cancel := a.within(ctx)
	defer cancel()
	found, err := lookUp(ctx, reg, args, f)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := json.Indent(&text, []byte(found.String()), "", "  "); err != nil {
		return fmt.Errorf("schema is not JSON: %w", err)
	}
	_, err = fmt.Fprintf(a.Stdout, "%s\n", text.Bytes())
	return err
}

func lookUp(ctx context.Context, reg *registry.Client, args []string, f schemaGetFlags) (*schema.Schema, error) {
	if f.id != 0 {
		return reg.Schema(ctx, f.id)
	}
	if f.version != 0 {
		v, err := reg.Version(ctx, args[0], f.version)
		return v.Schema, err
	}
	v, err := reg.Latest(ctx, args[0])
	return v.Schema, err
}
