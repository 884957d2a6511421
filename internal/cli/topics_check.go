package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/internal/project"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/topics"
)

func (a *app) topicsCheck() *cobra.Command {
	var out findingsFormat
	cmd := &cobra.Command{
		Use:   "check [flags]",
		Short: "Check headrace.yaml without a broker",
		Long: "Check headrace.yaml with what it includes and the schemas of its events, for every context. No broker and no\n" +
			"registry is asked.\n\nExit codes: 0 no mistakes, 100 there are some.",
		Example: "  headrace topics check\n  headrace topics check -o github-actions",
		Args:    exactly(),
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		a.started = true
		return a.runTopicsCheck(cmd, out)
	}
	a.bindFile(cmd)
	out.bind(cmd)
	return cmd
}

func (a *app) runTopicsCheck(cmd *cobra.Command, out findingsFormat) error {
	file, err := a.needProject()
	if isUsage(err) {
		return err
	}
	var findings []Finding
	if err != nil {
		findings = findingsOf(err)
		return printFindings(cmd, out, findings)
	}
	names := []string{""}
	for _, c := range file.Contexts {
		names = append(names, c.Name)
	}
	if len(file.Contexts) > 0 && a.context != "" {
		names = []string{a.context}
	}
	seen := map[Finding]bool{}
	for _, name := range names {
		_, err := topics.Load(file.Path, name)
		for _, f := range findingsOf(err) {
			if !seen[f] {
				seen[f] = true
				findings = append(findings, f)
			}
		}
	}
	if err := printFindings(cmd, out, findings); err != nil {
		return err
	}
	a.note("%s: %s, %s, %s, no mistakes", relative(file.Path), counted(len(file.Topics), "topic"), counted(len(file.Groups), "group"), counted(len(file.Accounts), "account"))
	return nil
}

// findingsOf turns everything that is wrong with a file and its schemas into findings.
func findingsOf(err error) []Finding {
	if err == nil {
		return nil
	}
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		var all []Finding
		for _, inner := range several.Unwrap() {
			all = append(all, findingsOf(inner)...)
		}
		return all
	}
	var inSchema *schema.FileError
	if errors.As(err, &inSchema) {
		return []Finding{{
			File: relative(inSchema.Path), Line: inSchema.Line, Column: inSchema.Column, Rule: "schema", Message: inSchema.Reason,
			Hint: inSchema.Hint, Pointer: inSchema.Pointer,
		}}
	}
	if found, ok := mistakesAsFindings(err); ok {
		return found
	}
	return []Finding{{File: project.FileName, Rule: "headrace-yaml", Message: err.Error()}}
}
