package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

const compatLong = `Read or set the compatibility level: which schemas must be able to read what others wrote before a new version
may join a subject. BACKWARD: the new one reads old events. FORWARD: old ones read new events. FULL: both. The
plain levels compare with the newest version, the _TRANSITIVE ones with all; a topic that is replayed from its
beginning needs a transitive one.`

// levelRow is the level of a subject; an empty subject is the registry itself.
type levelRow struct {
	Subject string       `json:"subject,omitempty"`
	Level   schema.Level `json:"compatibility"`
}

func (a *app) schemaCompat() *cobra.Command {
	cmd := group("compat", "Read or set compatibility levels", "  headrace schema compat get orders-value", a.compatGet(), a.compatSet())
	cmd.Long = compatLong
	return cmd
}

func (a *app) compatGet() *cobra.Command {
	var out format
	cmd := &cobra.Command{
		Use:               "get [SUBJECT] [flags]",
		Short:             "Print the level in force for a subject, or the registry's own",
		Long:              "Print the level in force for a subject: its own, or else the registry's. Without SUBJECT, the registry's.",
		Example:           "  headrace schema compat get\n  headrace schema compat get orders-value",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeFirst(a.completeSubject),
		RunE: a.run(func(ctx context.Context, args []string) error {
			row := levelRow{}
			if len(args) == 1 {
				row.Subject = args[0]
			}
			return a.runCompatGet(ctx, row, out)
		}),
	}
	out.bind(cmd)
	return cmd
}

func (a *app) runCompatGet(ctx context.Context, row levelRow, out format) error {
	reg, err := a.openRegistry(ctx)
	if err != nil {
		return err
	}
	defer reg.Close()
	ctx, cancel := a.within(ctx)
	defer cancel()
	if row.Level, err = reg.Compatibility(ctx, row.Subject); err != nil {
		return err
	}
	return printLevel(a, out, row)
}

func printLevel(a *app, out format, row levelRow) error {
	if out == "table" {
		_, err := fmt.Fprintln(a.Stdout, row.Level)
		return err
	}
	return printOne(a.Stdout, out, row)
}

func (a *app) compatSet() *cobra.Command {
	var out format
	var yes bool
	cmd := &cobra.Command{
		Use:   "set [SUBJECT] LEVEL [flags]",
		Short: "Set the level of a subject, or the registry's own",
		Long:  compatLong + "\n\nWithout SUBJECT it is the level of every subject that has none of its own.",
		Example: "  headrace schema compat set orders-value FULL_TRANSITIVE --yes\n" +
			"  headrace schema compat set BACKWARD_TRANSITIVE",
		Args: cobra.RangeArgs(1, 2),
		RunE: a.run(func(ctx context.Context, args []string) error {
			level, err := schema.ParseLevel(args[len(args)-1])
			if err != nil {
				return &usageError{err}
			}
			row := levelRow{Level: level}
			if len(args) == 2 {
				row.Subject = args[0]
			}
			return a.runCompatSet(ctx, row, out, yes)
		}),
	}
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return levelNames(), cobra.ShellCompDirectiveNoFileComp
		}
		return a.completeSubject(cmd, args, typed)
	}
	bindYes(cmd, &yes)
	out.bind(cmd)
	return cmd
}

func (a *app) runCompatSet(ctx context.Context, row levelRow, out format, yes bool) error {
	reg, err := a.openRegistry(ctx)
	if err != nil {
		return err
	}
	defer reg.Close()
	before, err := a.levelOf(ctx, reg, row.Subject)
	if err != nil {
		return err
	}
	if before != row.Level {
		who := "subject " + row.Subject
		if row.Subject == "" {
			who = "the registry " + reg.URL()
		}
		if err := a.confirm(ctx, yes, fmt.Sprintf("Set the level of %s: %s -> %s?", who, before, row.Level)); err != nil {
			return err
		}
	}
	asking, cancel := a.within(ctx)
	defer cancel()
	// Also when it is the one in force: it may be the registry's, and is to stay when that changes.
	if err := reg.SetCompatibility(asking, row.Subject, row.Level); err != nil {
		return err
	}
	now, err := a.levelOf(ctx, reg, row.Subject)
	if err != nil {
		return err
	}
	if now != row.Level {
		return errors.New("the registry took the level and says another now: " + string(now))
	}
	return printLevel(a, out, row)
}

func (a *app) levelOf(ctx context.Context, reg *registry.Client, subject string) (schema.Level, error) {
	ctx, cancel := a.within(ctx)
	defer cancel()
	return reg.Compatibility(ctx, subject)
}
