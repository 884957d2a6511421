package cli

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

// maxSchemaBytes bounds a schema file; a larger one is something else.
const maxSchemaBytes = 1 << 20

const schemaRegisterLong = `Register Avro schemas. What would happen is shown first: new, unchanged, changed or incompatible, for each
subject; a schema comes after those it refers to, which are registered under their full names. Nothing is
written when one of them is incompatible (exit code 100). --dry-run ends there: 3 says that there is
something to do.

The subject of a topic's events is TOPIC-value when the topic carries one type of event, and
TOPIC-FULL.NAME when it carries several. Three ways to say it:

  FILE --subject S      one schema under this subject, without asking; FILE may be - for standard input
  PATH... --topic T     the records in these files and folders are the events of one topic; those that others
                        refer to are not, unless their file is named
  nothing               the events of every topic in headrace.yaml, from its schema folder

The registry is asked to normalise each text, so that formatting makes no new version. It has no
transactions: when a write fails half-way, what was registered is named and stays, and the same command
goes on from there.`

type schemaRegisterFlags struct {
	subject string
	topic   string
	level   string
	dryRun  bool
	yes     bool
	out     format
}

func (a *app) schemaRegister() *cobra.Command {
	var f schemaRegisterFlags
	cmd := &cobra.Command{
		Use:   "register [FILE|FOLDER]... [flags]",
		Short: "Register Avro schemas: a file, a topic's folder, or what headrace.yaml says",
		Long:  schemaRegisterLong,
		Example: "  headrace schema register order.avsc --subject orders-value\n" +
			"  headrace schema register schemas --topic flights --compatibility FULL_TRANSITIVE --dry-run\n" +
			"  headrace schema register --yes",
		RunE: a.run(func(ctx context.Context, args []string) error { return a.runSchemaRegister(ctx, args, f) }),
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.subject, "subject", "s", "", "`subject` to register the one FILE under")
	flags.StringVarP(&f.topic, "topic", "t", "", "`topic` whose events these are")
	flags.StringVar(&f.level, "compatibility", "", "`level` that the subjects are to have (default as they are, or as headrace.yaml says)")
	flags.BoolVar(&f.dryRun, "dry-run", false, "show what would happen and write nothing")
	bindYes(cmd, &f.yes)
	a.bindFile(cmd)
	f.out.bind(cmd)
	cmd.MarkFlagsMutuallyExclusive("subject", "topic")
	_ = cmd.RegisterFlagCompletionFunc("subject", a.completeSubject) // the flags exist
	_ = cmd.RegisterFlagCompletionFunc("topic", a.completeTopic)
	_ = cmd.RegisterFlagCompletionFunc("compatibility", cobra.FixedCompletions(levelNames(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) runSchemaRegister(ctx context.Context, args []string, f schemaRegisterFlags) error {
	wanted, err := a.wantedSchemas(args, f)
	if err != nil {
		return err
	}
	reg, err := a.openRegistry(ctx)
	if err != nil {
		return err
	}
	defer reg.Close()
	planning, cancel := a.withinEach(ctx, len(wanted))
	defer cancel()
	plan, err := reg.Plan(planning, wanted...)
	if err != nil {
		return err
	}
	if plan.Incompatible() != nil {
		if err := printSteps(a.Stdout, f.out, plan); err != nil {
			return err
		}
		a.tellIncompatible(plan)
		return errFindings
	}
	if f.dryRun {
		if err := printSteps(a.Stdout, f.out, plan); err != nil {
			return err
		}
		if plan.Changes() > 0 {
			return errChanges
		}
		return nil
	}
	if changes := plan.Changes(); changes > 0 && f.subject == "" && !f.yes {
		if err := printSteps(a.Stderr, "table", plan); err != nil {
			return err
		}
		if err := a.confirm(ctx, false, fmt.Sprintf("Write %d of %d to %s?", changes, len(plan.Steps), reg.URL())); err != nil {
			return err
		}
	}
	applying, cancel := a.withinEach(ctx, len(wanted)) // a person may have taken a while
	defer cancel()
	done, err := reg.Apply(applying, plan)
	if err != nil {
		return err
	}
	for i := range done {
		plan.Steps[i].ID = done[i].ID
	}
	return printSteps(a.Stdout, f.out, plan)
}

// tellIncompatible says why, subject by subject.
func (a *app) tellIncompatible(plan *registry.Plan) {
	for i := range plan.Steps {
		if s := &plan.Steps[i]; s.State == registry.StateIncompatible {
			level := s.Current
			if s.Level != "" {
				level = s.Level
			}
			a.note("%s is incompatible with subject %s, whose level is %s:", s.Schema.FullName(), s.Subject, level)
			for _, reason := range s.Reasons {
				a.note("  %s", printable(reason))
			}
		}
	}
	a.note("nothing was registered")
}

// stepRow is a step of a plan as it is printed.
type stepRow struct {
	Subject string         `json:"subject"`
	Event   string         `json:"event"`
	State   registry.State `json:"state"`
	ID      int            `json:"id,omitempty"`
	Level   schema.Level   `json:"compatibility"`
	Set     schema.Level   `json:"set_compatibility,omitempty"`
	Reasons []string       `json:"reasons,omitempty"`
}

func printSteps(w io.Writer, out format, plan *registry.Plan) error {
	rows := make([]stepRow, len(plan.Steps))
	for i := range plan.Steps {
		s := &plan.Steps[i]
		rows[i] = stepRow{Subject: s.Subject, Event: s.Schema.FullName(), State: s.State, ID: s.ID, Level: s.Current, Reasons: s.Reasons}
		if s.Relevel() {
			rows[i].Set = s.Level
		}
	}
	return print(w, out, rows, "SUBJECT EVENT STATE ID COMPATIBILITY", func(r stepRow) []any {
		id, level := any("-"), string(r.Level)
		if r.ID != 0 {
			id = r.ID
		}
		if r.Set != "" {
			level += " -> " + string(r.Set)
		}
		return []any{r.Subject, r.Event, r.State, id, level}
	})
}

// readFile reads a whole schema file, or standard input for "-".
func (a *app) readFile(name string) (string, error) {
	in := a.Stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return "", err
		}
		defer func() { _ = file.Close() }() // only read from
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, maxSchemaBytes+1))
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	if len(text) > maxSchemaBytes {
		return "", fmt.Errorf("%s: larger than %d bytes, the limit for a schema", name, maxSchemaBytes)
	}
	return string(text), nil
}
