package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/schema"
)

// checkFlags are the flags of schema check.
type checkFlags struct {
	against []string
	level   string
	out     findingsFormat
}

func (a *app) schemaCheck() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check [FILE|FOLDER]... --against OLD [flags]",
		Short: "Check that new schemas and old events go together",
		Long: "Check that new schemas may follow older versions of themselves, by a compatibility level. Without arguments the\n" +
			"schemas of headrace.yaml are the new ones, else those in ./schemas. OLD is\n\n" +
			"  PATH                    a file or a folder; --against may be repeated, oldest first\n" +
			"  git:REVISION[:PATH]     the same files, or those of PATH, at a branch, tag or commit\n" +
			"  registry[:SUBJECT]      the versions of the event's subject\n\n" +
			"Types are matched by full name, or by an alias of the new one. One without an older version passes, with a note.\n\n" +
			"BACKWARD: new readers read old events. FORWARD: old readers read new events. FULL: both. NONE: anything goes. These\n" +
			"look at the newest older version only, their _TRANSITIVE forms at all; a topic that is replayed from its beginning\n" +
			"needs one of those. The default is the subject's own level against a registry, else BACKWARD.\n\n" +
			"Every incompatibility is listed with its place, both types, and what fixes it. The exit code is 100 when there is one.",
		Example: "  headrace schema check --against git:main\n" +
			"  headrace schema check v3.avsc --against v1.avsc --against v2.avsc --level FULL_TRANSITIVE\n" +
			"  headrace schema check schemas --against registry -o junit",
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		a.started = true
		return a.runSchemaCheck(cmd, args, f)
	}
	cmd.Flags().StringArrayVar(&f.against, "against", nil, "older `version` to compare with; may be repeated, oldest first")
	cmd.Flags().StringVar(&f.level, "level", "", "compatibility `level` (default the subject's own, else BACKWARD)")
	_ = cmd.RegisterFlagCompletionFunc("level", cobra.FixedCompletions(levelNames(), cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	f.out.bind(cmd)
	return cmd
}

func levelNames() []string {
	levels := []schema.Level{
		schema.Backward, schema.BackwardTransitive, schema.Forward, schema.ForwardTransitive, schema.Full, schema.FullTransitive, schema.None,
	}
	names := make([]string, len(levels))
	for i, l := range levels {
		names[i] = string(l)
	}
	return names
}

func (a *app) runSchemaCheck(cmd *cobra.Command, args []string, f checkFlags) error {
	if len(f.against) == 0 {
		return usagef("--against is missing: name older files, git:main or registry")
	}
	var origins []origin
	for _, text := range f.against {
		o, err := parseOrigin(text)
		if err != nil {
			return err
		}
		origins = append(origins, o)
	}
	var level schema.Level
	if f.level != "" {
		var err error
		if level, err = schema.ParseLevel(strings.ToUpper(strings.ReplaceAll(f.level, "-", "_"))); err != nil {
			return &usageError{err}
		}
	}
	p, err := a.newPast(args)
	if err != nil {
		return err
	}
	defer p.close()
	p.fetch(cmd.Context(), origins...)
	next, err := a.readSchemas(args)
	findings, err := problemFindings(err)
	if err != nil {
		return err
	}
	p.next = next
	c := check{past: p, origins: origins, level: level, findings: findings}
	if err := c.run(cmd.Context()); err != nil {
		return err
	}
	if err := printFindings(cmd, f.out, c.findings); err != nil {
		return err
	}
	a.note("%s checked: compatible", counted(len(next.Asked()), "schema file"))
	return nil
}

// check compares each new file with all that came before it.
type check struct {
	*past
	origins  []origin
	level    schema.Level // "" is the subject's own, else BACKWARD
	findings []Finding
}

func (c *check) run(ctx context.Context) error {
	for _, file := range c.next.Asked() {
		var olds []schema.Ancestor
		compared := false
		for _, o := range c.origins {
			if o.kind == "registry" {
				subjects, err := c.lineages(ctx, o, file, c.level)
				if err != nil {
					return err
				}
				for _, l := range subjects {
					c.compare(l.level, file, l.olds)
					compared = compared || len(l.olds) > 0
				}
				continue
			}
			old, ok, err := c.of(o, file)
			if err != nil {
				return err
			}
			if ok {
				olds = append(olds, old)
			}
		}
		level := c.level
		if level == "" {
			level = schema.Backward
		}
		c.compare(level, file, olds)
		if !compared && len(olds) == 0 {
			c.note("%s: %s is new: there is no older version to compare with", file.Path, file.Schema.FullName())
		}
	}
	return nil
}

func (c *check) compare(level schema.Level, file *schema.File, olds []schema.Ancestor) {
	if len(olds) > 1 && level != schema.None && !strings.HasSuffix(string(level), "_TRANSITIVE") {
		c.note("%s: %s compares with the newest of %d older versions only, %s_TRANSITIVE with all", file.Path, level, len(olds), level)
	}
	for _, b := range c.next.Follows(level, file, olds...) {
		f := Finding{
			File: b.File.Path, Line: b.Line, Column: b.Column, Rule: string(b.Kind), Severity: severityError,
			Message: breakMessage(b), Hint: b.Hint, Pointer: b.Pointer,
		}
		// A type that several files share is wrong once.
		if !slices.Contains(c.findings, f) {
			c.findings = append(c.findings, f)
		}
	}
}

// breakMessage says what cannot read what: the reason, the two types, and the place in the older version.
func breakMessage(b schema.Break) string {
	switch {
	case b.Kind == schema.TooComplex:
		return b.Message
	case b.Kind == schema.ReaderFieldMissingDefaultValue && b.Forward:
		return fmt.Sprintf("%s: old field of type %s at %s", b.Message, b.Reader.Type, b.Old)
	case b.Kind == schema.ReaderFieldMissingDefaultValue:
		return fmt.Sprintf("%s: new field of type %s, old record at %s", b.Message, b.Reader.Type, b.Old)
	case b.Forward:
		return fmt.Sprintf("%s: old %s of %s reads new %s", b.Message, b.Reader.Type, b.Old, b.Writer.Type)
	}
	return fmt.Sprintf("%s: new %s reads old %s of %s", b.Message, b.Reader.Type, b.Writer.Type, b.Old)
}
