package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/groups"
)

type groupRow struct {
	Group       string `json:"group"`
	State       string `json:"state"`
	Type        string `json:"type,omitempty"`
	Coordinator int32  `json:"coordinator"`
}

func (a *app) groupsList() *cobra.Command {
	var out format
	cmd := &cobra.Command{
		Use:     "list [flags]",
		Short:   "List consumer groups",
		Long:    "List the consumer groups of the cluster, with the state each is in and the broker that coordinates it.",
		Example: "  headrace groups list\n  headrace groups list -o json",
		Args:    exactly(),
		RunE:    a.run(func(ctx context.Context, _ []string) error { return a.runGroupsList(ctx, out) }),
	}
	out.bind(cmd)
	return cmd
}

func (a *app) runGroupsList(ctx context.Context, out format) error {
	cluster, err := a.cluster()
	if err != nil {
		return err
	}
	ctx, cancel := a.within(ctx)
	defer cancel()
	listed, err := groups.List(ctx, cluster)
	if err != nil {
		return err
	}
	if len(listed) == 0 && out == "table" {
		a.note("no groups yet: a worker makes its group when it runs")
		return nil
	}
	rows := make([]groupRow, len(listed))
	for i, g := range listed {
		rows[i] = groupRow{g.Name, g.State, g.Type, g.Coordinator}
	}
	return print(a.Stdout, out, rows, "GROUP STATE TYPE COORDINATOR", func(r groupRow) []any {
		return []any{r.Group, r.State, r.Type, r.Coordinator}
	})
}

// completeGroup completes the first argument with the cluster's groups, silently, as completeTopic does.
func (a *app) completeGroup(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := a.completionContext(cmd)
	defer cancel()
	cluster, err := a.cluster()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	listed, err := groups.List(ctx, cluster)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names := make([]string, len(listed))
	for i, g := range listed {
		names[i] = g.Name
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
