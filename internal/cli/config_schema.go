package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/internal/project"
)

func (a *app) configSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of headrace.yaml",
		Long: "Print the JSON Schema of headrace.yaml, with which editors complete and check it. Point them to it in the file's\n" +
			"first line: # yaml-language-server: $schema=headrace.schema.json",
		Example: "  headrace config schema > headrace.schema.json",
		Args:    exactly(),
		RunE: a.run(func(context.Context, []string) error {
			text, err := project.JSONSchema()
			if err != nil {
				return err
			}
			_, err = a.Stdout.Write(text)
			return err
		}),
	}
}
