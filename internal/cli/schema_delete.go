package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/schema/registry"
)

const schemaDeleteLong = `Delete a subject or one of its versions, softly: it is no longer listed, and events that were written with it
can still be read. Registering the same schema again brings it back.

For good is another matter: events that carry the schema's id can then no longer be decoded, by anybody.
--permanently wants the subject's name a second time. "headrace schema scan" tells whether a topic still
holds such events.

In a context with "production: true" either needs --yes and the subject's name, which --permanently gives already, else
typed or with --confirm.`

type schemaDeleteFlags struct {
	version     int
	permanently string
	confirmed   string
	yes         bool
}

func (a *app) schemaDelete() *cobra.Command {
	var f schemaDeleteFlags
	cmd := &cobra.Command{
		Use:   "delete SUBJECT [flags]",
		Short: "Delete a subject or a version",
		Long:  schemaDeleteLong,
		Example: "  headrace schema delete orders-value --version 3\n" +
			"  headrace schema delete orders-value --permanently orders-value",
		Args:              exactly("SUBJECT"),
		ValidArgsFunction: completeFirst(a.completeSubject),
		RunE:              a.run(func(ctx context.Context, args []string) error { return a.runSchemaDelete(ctx, args[0], f) }),
	}
	cmd.Flags().IntVar(&f.version, "version", 0, "delete only this `version`")
	cmd.Flags().StringVar(&f.permanently, "permanently", "", "delete for good; the `subject`, typed again")
	bindYes(cmd, &f.yes)
	bindConfirm(cmd, &f.confirmed, "the subject")
	return cmd
}

func (a *app) runSchemaDelete(ctx context.Context, subject string, f schemaDeleteFlags) error {
	switch {
	case f.permanently != "" && f.permanently != subject:
		return usagef("--permanently says %s and SUBJECT says %s: type the same name twice", f.permanently, subject)
	case f.version < 0:
		return usagef("--version %d: the first is 1", f.version)
	}
	reg, err := a.openRegistry(ctx)
	if err != nil {
		return err
	}
	defer reg.Close()
	what := "subject " + subject
	if f.version != 0 {
		what = fmt.Sprintf("%s version %d", what, f.version)
	}
	how := "softly: its ids can still be read"
	if f.permanently != "" {
		how = "for good: events with its ids can no longer be decoded"
	}
	given := confirmed(f.yes, cmp.Or(f.confirmed, f.permanently))
	question := fmt.Sprintf("Delete %s of %s %s?", what, reg.URL(), how)
	if err := a.agree(ctx, given, writing{by: a, registry: reg.URL()}, question, subject); err != nil {
		return err
	}
	ctx, cancel := a.within(ctx)
	defer cancel()
	deletion := registry.Deletion{Subject: subject, Version: f.version}
	gone, err := reg.Delete(ctx, deletion)
	// What was deleted softly before may now be deleted for good.
	var answer *registry.Error
	if err != nil && (f.permanently == "" || !errors.As(err, &answer) || answer.Status != http.StatusNotFound || answer.Code == 0) {
		return err
	}
	if f.permanently != "" {
		deletion.Permanent = true
		if gone, err = reg.Delete(ctx, deletion); err != nil {
			return err
		}
	}
	numbers := make([]string, len(gone))
	for i, n := range gone {
		numbers[i] = fmt.Sprint(n)
	}
	_, err = fmt.Fprintf(a.Stdout, "deleted %s: versions %s\n", subject, strings.Join(numbers, ", "))
	return err
}
