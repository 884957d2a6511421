package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/groups"
)

// groupDetail is a group as it is printed.
type groupDetail struct {
	Group       string              `json:"group"`
	State       string              `json:"state"`
	Type        string              `json:"type,omitempty"`
	Protocol    string              `json:"protocol,omitempty"`
	Coordinator int32               `json:"coordinator"`
	Lag         int64               `json:"lag"`
	Members     []groupMemberRow    `json:"members"`
	Partitions  []groupPartitionRow `json:"partitions"`
}

type groupMemberRow struct {
	Member     string `json:"member"`
	Instance   string `json:"instance,omitempty"`
	Client     string `json:"client"`
	Host       string `json:"host"`
	Partitions int    `json:"partitions"`
}

type groupPartitionRow struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Committed *int64 `json:"committed"` // null before the first commit
	Start     int64  `json:"start"`
	End       int64  `json:"end"`
	Lag       int64  `json:"lag"`
	Member    string `json:"member,omitempty"`
}

func (a *app) groupsDescribe() *cobra.Command {
	var out format
	cmd := &cobra.Command{
		Use:   "describe GROUP [flags]",
		Short: "Show a group's members, committed offsets and lag",
		Long: "Show the members of a consumer group and, for each partition that it has committed an offset of or that a\n" +
			"member is assigned, the committed offset, the log's bounds and the lag between commit and end.\n\n" +
			"A share group (KIP-932) commits no offsets: kafka-share-groups.sh shows it. Of a Kafka Streams application\n" +
			"of KIP-1071 the offsets are shown and not the members.",
		Example:           "  headrace groups describe delays\n  headrace groups describe delays -o json",
		Args:              exactly("GROUP"),
		ValidArgsFunction: a.completeGroup,
		RunE:              a.run(func(ctx context.Context, args []string) error { return a.runGroupsDescribe(ctx, args[0], out) }),
	}
	out.bind(cmd)
	return cmd
}

func (a *app) runGroupsDescribe(ctx context.Context, name string, out format) error {
	cluster, err := a.cluster()
	if err != nil {
		return err
	}
	ctx, cancel := a.within(ctx)
	defer cancel()
	group, err := groups.Describe(ctx, cluster, name)
	if err != nil {
		return err
	}
	detail := groupDetailOf(group)
	if out != "table" {
		return printOne(a.Stdout, out, detail)
	}
	of := ""
	if detail.Type != "" && detail.Type != "classic" {
		of = ", a group of type " + cell(detail.Type)
	}
	fmt.Fprintf(a.Stdout, "%s is %s%s, coordinated by broker %d, lag %d\n", cell(detail.Group), cell(detail.State), of, detail.Coordinator, detail.Lag)
	if detail.Type == "streams" {
		a.note("its members are not shown: kafka-streams-groups.sh --bootstrap-server HOST:PORT --describe --group %s does", detail.Group)
	}
	if len(detail.Members) > 0 {
		fmt.Fprintln(a.Stdout)
		if err := print(a.Stdout, out, detail.Members, "MEMBER INSTANCE CLIENT HOST PARTITIONS", func(m groupMemberRow) []any {
			return []any{m.Member, m.Instance, m.Client, m.Host, m.Partitions}
		}); err != nil {
			return err
		}
	}
	fmt.Fprintln(a.Stdout)
	return print(a.Stdout, out, detail.Partitions, "TOPIC PARTITION COMMITTED START END LAG MEMBER", func(p groupPartitionRow) []any {
		return []any{p.Topic, p.Partition, offsetOrDash(p.Committed), p.Start, p.End, p.Lag, p.Member}
	})
}

func groupDetailOf(group groups.Group) groupDetail {
	detail := groupDetail{
		Group: group.Name, State: group.State, Type: group.Type, Protocol: group.Protocol, Coordinator: group.Coordinator,
		Members: []groupMemberRow{}, Partitions: []groupPartitionRow{},
	}
	for _, m := range group.Members {
		detail.Members = append(detail.Members, groupMemberRow{m.ID, m.InstanceID, m.ClientID, m.Host, m.Partitions})
	}
	for _, p := range group.Partitions {
		detail.Lag += p.Lag()
		detail.Partitions = append(detail.Partitions, groupPartitionRow{
			Topic: p.Topic, Partition: p.ID, Committed: committedOrNil(p.Committed), Start: p.Start, End: p.End, Lag: p.Lag(), Member: p.Member,
		})
	}
	return detail
}

func committedOrNil(offset int64) *int64 {
	if offset == groups.None {
		return nil
	}
	return &offset
}

func offsetOrDash(offset *int64) any {
	if offset == nil {
		return "-"
	}
	return *offset
}
