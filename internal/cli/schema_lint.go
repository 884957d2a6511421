package cli

import (
	"cmp"
	"errors"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/internal/project"
	"github.com/headrace/headrace/schema/lint"
)

func (a *app) schemaLint() *cobra.Command {
	var out findingsFormat
	var rules bool
	cmd := &cobra.Command{
		Use:   "lint [FILE|FOLDER]... [flags]",
		Short: "Find schemas that are valid Avro and will cause trouble",
		Long: "Find schemas that are valid Avro and will cause trouble: names, missing docs and defaults, money in floating point, times\n" +
			"without a unit, unions of anything. Without arguments it looks at the schemas of headrace.yaml, else at ./schemas;\n" +
			"- is standard input. docs/lint.md describes each rule, --rules lists them.\n\n" +
			"Which rules hold, and what to ignore, is set under schemas.lint in headrace.yaml, and in a schema by the property\n" +
			`"headrace.lint.ignore": ["RULE"] of a type or a field. What is no schema at all is found as SCHEMA_INVALID.` + "\n\n" +
			"The exit code is 100 when something was found that is no mere warning.",
		Example: "  headrace schema lint\n  headrace schema lint schemas/Order.avsc -o github-actions",
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		a.started = true
		if rules {
			return a.listRules(out)
		}
		return a.runSchemaLint(cmd, args, out)
	}
	out.bind(cmd)
	cmd.Flags().BoolVar(&rules, "rules", false, "list the rules and their categories instead")
	return cmd
}

func (a *app) runSchemaLint(cmd *cobra.Command, args []string, out findingsFormat) error {
	config, err := a.lintConfig()
	if err != nil {
		return err
	}
	folder, err := a.readSchemas(args)
	findings, err := problemFindings(err)
	if err != nil {
		return err
	}
	for _, f := range lint.Check(folder, config) {
		findings = append(findings, Finding{f.File, f.Line, f.Column, f.Rule, f.Severity, f.Message, f.Hint, f.Pointer})
	}
	if err := printFindings(cmd, out, findings); err != nil {
		return err
	}
	a.note("%s: no problems", counted(len(folder.Asked()), "schema file"))
	return nil
}

// lintConfig is what headrace.yaml says under schemas.lint. A rule that there is not is an error at its line.
func (a *app) lintConfig() (lint.Config, error) {
	file, err := a.project()
	if err != nil || file == nil {
		return lint.Config{}, err
	}
	from := file.Schemas.Lint
	config := lint.Config{Root: file.Schemas.Folder, Severity: map[string]string{}}
	var problems []error
	known := func(name string, at project.Position) string {
		var unknown *lint.UnknownRuleError
		if name != "" && errors.As(lint.Known(name), &unknown) {
			problems = append(problems, &project.Error{Position: at, Message: "schemas.lint: " + unknown.Error()})
		}
		return name
	}
	for _, n := range from.Use {
		config.Use = append(config.Use, known(n.Name, n.At))
	}
	for _, n := range from.Except {
		config.Except = append(config.Except, known(n.Name, n.At))
	}
	for _, s := range from.Severity {
		config.Severity[known(s.Rule, s.At)] = s.Severity
	}
	for _, i := range from.Ignore {
		if _, err := filepath.Match(i.Path, ""); err != nil {
			problems = append(problems, &project.Error{Position: i.At, Message: "schemas.lint: path " + i.Path + " is no pattern", Hint: "* stands for any part of a name"})
		}
		config.Ignore = append(config.Ignore, lint.Ignore{Rule: known(i.Rule, i.At), Schema: i.Schema, Field: i.Field, Path: i.Path})
	}
	return config, errors.Join(problems...)
}

// lintRule is a row of --rules.
type lintRule struct {
	ID       string `json:"id"`
	Category string `json:"category"`
	Severity string `json:"severity"`
	Wants    string `json:"wants"`
	Because  string `json:"because"`
}

func (a *app) listRules(out findingsFormat) error {
	config, err := a.lintConfig()
	if err != nil {
		return err
	}
	var rows []lintRule
	for _, r := range lint.Rules() {
		severity := cmp.Or(config.Severity[r.ID], config.Severity[r.Category], lint.Error)
		rows = append(rows, lintRule{r.ID, r.Category, severity, r.Wants, r.Because})
	}
	switch out {
	case "json":
		return printJSON(a.Stdout, rows)
	case "text":
		return print(a.Stdout, "table", rows, "RULE CATEGORY SEVERITY WANTS", func(r lintRule) []any {
			return []any{r.ID, r.Category, r.Severity, r.Wants}
		})
	}
	return usagef("--rules prints text or json: -o %s is for findings", out)
}
