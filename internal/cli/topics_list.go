package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/topics"
)

// topicRow is one topic in a list.
type topicRow struct {
	Name       string `json:"name"`
	Partitions int    `json:"partitions"`
	Replicas   int    `json:"replicas"`
	Internal   bool   `json:"internal,omitempty"`
}

func (a *app) topicsList() *cobra.Command {
	var out format
	var all bool
	cmd := &cobra.Command{
		Use:     "list [flags]",
		Short:   "List topics",
		Example: "  headrace topics list\n  headrace topics list -o json",
		Args:    exactly(),
		RunE:    a.run(func(ctx context.Context, _ []string) error { return a.runTopicsList(ctx, out, all) }),
	}
	cmd.Flags().BoolVarP(&all, "all", "a", false, "also list the cluster's internal topics")
	out.bind(cmd)
	return cmd
}

func (a *app) runTopicsList(ctx context.Context, out format, all bool) error {
	cluster, err := a.cluster()
	if err != nil {
		return err
	}
	ctx, cancel := a.within(ctx)
	defer cancel()
	found, err := topics.List(ctx, cluster)
	if err != nil {
		return err
	}
	var rows []topicRow
	for _, topic := range found {
		if all || !topic.Internal {
			rows = append(rows, topicRow{topic.Name, len(topic.Partitions), replicas(topic), topic.Internal})
		}
	}
	if len(rows) == 0 && out == "table" {
		a.note("no topics yet: create one with `headrace topics create NAME`")
		return nil
	}
	return print(a.Stdout, out, rows, "TOPIC PARTITIONS REPLICAS", func(r topicRow) []any {
		return []any{r.Name, r.Partitions, r.Replicas}
	})
}

// replicas is how many copies of its first partition a topic has.
func replicas(topic topics.Topic) int {
	if len(topic.Partitions) == 0 {
		return 0
	}
	return len(topic.Partitions[0].Replicas)
}
