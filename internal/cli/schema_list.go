package cli

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

// subjectRow is a version of a subject.
type subjectRow struct {
	Subject string `json:"subject"`
	Version int    `json:"version"`
	ID      int    `json:"id"`
	Type    string `json:"type"`
	Event   string `json:"event,omitempty"`
	Problem string `json:"problem,omitempty"` // why an Avro schema cannot be read
}

// rowOf is the row of a version, also of one that is not Avro, or not as headrace takes it: others register in the same registry.
func rowOf(v registry.Version, err error) (subjectRow, error) {
	row := subjectRow{Subject: v.Subject, Version: v.Version, ID: v.ID, Type: "AVRO"}
	bad, unread := errors.AsType[*schema.InvalidSchemaError](err)
	switch {
	case unread && v.Version > 0 && bad.Format != "":
		row.Type = bad.Format
	case unread && v.Version > 0:
		row.Problem = bad.Error()
	case err != nil:
		return row, err
	default:
		row.Event = v.Schema.FullName()
	}
	return row, nil
}

// event is the event of a row, or why it has none.
func (r subjectRow) event() string {
	return cmp.Or(r.Event, r.Problem, "-")
}

func (a *app) schemaList() *cobra.Command {
	var out format
	cmd := &cobra.Command{
		Use:   "list [flags]",
		Short: "List subjects with their newest schema",
		Long: "List the registry's subjects with their newest schema. One that is not Avro has its type and no event; an Avro schema\n" +
			"that cannot be read says why. Neither is a failure.",
		Example: "  headrace schema list\n  headrace schema list -o jsonl",
		Args:    exactly(),
		RunE:    a.run(func(ctx context.Context, _ []string) error { return a.runSchemaList(ctx, out) }),
	}
	out.bind(cmd)
	return cmd
}

func (a *app) runSchemaList(ctx context.Context, out format) error {
	reg, err := a.openRegistry(ctx)
	if err != nil {
		return err
	}
	defer reg.Close()
	ctx, cancel := a.within(ctx)
	defer cancel()
	subjects, err := reg.Subjects(ctx)
	if err != nil {
		return err
	}
	rows, err := newest(ctx, reg, subjects)
	if err != nil {
		return err
	}
	if len(rows) == 0 && out == "table" {
		a.note("no schemas yet: register one with `headrace schema register FILE --subject SUBJECT`")
		return nil
	}
	return print(a.Stdout, out, rows, "SUBJECT VERSION ID TYPE EVENT", func(r subjectRow) []any {
		return []any{r.Subject, r.Version, r.ID, r.Type, r.event()}
	})
}

// newest asks for the newest version of each subject, a few at a time. Subjects that are deleted meanwhile are left out.
func newest(ctx context.Context, reg *registry.Client, subjects []string) ([]subjectRow, error) {
	rows := make([]subjectRow, len(subjects))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i, subject := range subjects {
		group.Go(func() error {
			row, err := rowOf(reg.Latest(ctx, subject))
			if answer, ok := errors.AsType[*registry.Error](err); ok && answer.Status == http.StatusNotFound && answer.Code == codeSubjectNotFound {
				return nil
			}
			rows[i] = row
			return err
		})
	}
	err := group.Wait()
	return slices.DeleteFunc(rows, func(r subjectRow) bool { return r.Version == 0 }), err
}
