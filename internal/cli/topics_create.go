package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/topics"
)

func (a *app) topicsCreate() *cobra.Command {
	var spec topics.Spec
	cmd := &cobra.Command{
		Use:   "create TOPIC... [flags]",
		Short: "Create topics",
		Long: "Create topics, all with the same settings. A topic that exists already is an error, and does not keep the\n" +
			"others from being created.",
		Example: "  headrace topics create flights --partitions 3\n" +
			"  headrace topics create alerts --partitions 1 --config retention.ms=86400000",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("TOPIC is missing")
			}
			return nil
		},
		RunE: a.run(func(ctx context.Context, names []string) error { return a.runTopicsCreate(ctx, names, spec) }),
	}
	flags := cmd.Flags()
	flags.IntVarP(&spec.Partitions, "partitions", "p", 0, "`number` of partitions (default the broker's num.partitions)")
	flags.IntVarP(&spec.Replicas, "replicas", "r", 0, "`copies` of each partition (default the broker's default.replication.factor)")
	flags.StringToStringVarP(&spec.Configs, "config", "c", nil, "`setting=value`, may be repeated")
	return cmd
}

func (a *app) runTopicsCreate(ctx context.Context, names []string, spec topics.Spec) error {
	if spec.Partitions < 0 || spec.Replicas < 0 {
		return usagef("--partitions and --replicas are at least 1")
	}
	cluster, err := a.cluster()
	if err != nil {
		return err
	}
	ctx, cancel := a.within(ctx)
	defer cancel()
	specs := make([]topics.Spec, len(names))
	for i, name := range names {
		specs[i] = spec
		specs[i].Name = name
	}
	if err := topics.Create(ctx, cluster, specs...); err != nil {
		return err
	}
	for _, name := range names {
		a.note("created topic %s", name)
	}
	return nil
}
