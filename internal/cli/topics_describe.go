package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/topics"
)

// topicDetail is one topic in full.
type topicDetail struct {
	Name       string            `json:"name"`
	Internal   bool              `json:"internal,omitempty"`
	Configs    map[string]string `json:"configs,omitempty"`
	Partitions []partitionRow    `json:"partitions"`
}

type partitionRow struct {
	Partition int32   `json:"partition"`
	Leader    int32   `json:"leader"`
	Replicas  []int32 `json:"replicas"`
	InSync    []int32 `json:"in_sync"`
	Start     int64   `json:"start"`
	End       int64   `json:"end"`
}

func (a *app) topicsDescribe() *cobra.Command {
	var out format
	cmd := &cobra.Command{
		Use:   "describe TOPIC [flags]",
		Short: "Show a topic's partitions, offsets and settings",
		Long: "Show a topic's partitions, their offsets (the first one kept and the next one to be given), and the settings\n" +
			"that differ from the broker's defaults.",
		Example:           "  headrace topics describe flights\n  headrace topics describe flights -o yaml",
		Args:              exactly("TOPIC"),
		ValidArgsFunction: a.completeTopic,
		RunE:              a.run(func(ctx context.Context, args []string) error { return a.runTopicsDescribe(ctx, args[0], out) }),
	}
	out.bind(cmd)
	return cmd
}

func (a *app) runTopicsDescribe(ctx context.Context, name string, out format) error {
	cluster, err := a.cluster()
	if err != nil {
		return err
	}
	ctx, cancel := a.within(ctx)
	defer cancel()
	topic, err := topics.Describe(ctx, cluster, name)
	if err != nil {
		return err
	}
	detail := detailOf(topic)
	if out != "table" {
		return printOne(a.Stdout, out, detail)
	}
	if err := print(a.Stdout, out, detail.Partitions, "PARTITION LEADER REPLICAS IN-SYNC START END",
		func(p partitionRow) []any {
			return []any{p.Partition, p.Leader, nodes(p.Replicas), nodes(p.InSync), p.Start, p.End}
		}); err != nil {
		return err
	}
	for _, config := range topic.Configs {
		if _, err := fmt.Fprintf(a.Stdout, "%s=%s\n", config.Name, cell(config.Value)); err != nil {
			return err
		}
	}
	return nil
}

func detailOf(topic topics.Topic) topicDetail {
	detail := topicDetail{Name: topic.Name, Internal: topic.Internal}
	for _, p := range topic.Partitions {
		detail.Partitions = append(detail.Partitions, partitionRow{p.ID, p.Leader, p.Replicas, p.InSync, p.Start, p.End})
	}
	for _, config := range topic.Configs {
		if detail.Configs == nil {
			detail.Configs = map[string]string{}
		}
		detail.Configs[config.Name] = config.Value
	}
	return detail
}

// nodes prints broker ids as Kafka's own tools do: 1,2,3.
func nodes(ids []int32) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(ids), " ", ","), "[]")
}
