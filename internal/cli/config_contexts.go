package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
)

// contextRow is one context of headrace.yaml.
type contextRow struct {
	Name       string   `json:"name"`
	Chosen     bool     `json:"chosen"`
	Production bool     `json:"production,omitempty"`
	Brokers    []string `json:"brokers"`
	Registry   string   `json:"registry,omitempty"`
}

func (a *app) configContexts() *cobra.Command {
	var out format
	cmd := &cobra.Command{
		Use:     "contexts [flags]",
		Short:   "List the contexts of headrace.yaml",
		Long:    "List the contexts of headrace.yaml. The one marked * is used, by --context, HEADRACE_CONTEXT or the file's own choice.",
		Example: "  headrace config contexts",
		Args:    exactly(),
		RunE:    a.run(func(context.Context, []string) error { return a.runConfigContexts(out) }),
	}
	a.bindFile(cmd)
	out.bind(cmd)
	return cmd
}

func (a *app) runConfigContexts(out format) error {
	file, err := a.needProject()
	if err != nil {
		return err
	}
	chosen, _ := a.chosenContext() // none, where several are there: the list is what one needs then
	rows := make([]contextRow, 0, len(file.Contexts))
	for i := range file.Contexts {
		c := &file.Contexts[i]
		row := contextRow{Name: c.Name, Brokers: append([]string{}, c.Brokers...), Chosen: c == chosen, Production: c.Production}
		if c.Registry != nil {
			row.Registry = c.Registry.URL
		}
		rows = append(rows, row)
	}
	return print(a.Stdout, out, rows, "USED CONTEXT BROKERS REGISTRY", func(r contextRow) []any {
		mark := ""
		if r.Chosen {
			mark = "*"
		}
		return []any{mark, r.Name, strings.Join(r.Brokers, ","), r.Registry}
	})
}
