package groups

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/kafka"
)

// States and protocol types by the names Kafka has for them.
const (
	stateDead    = "Dead"
	stateEmpty   = "Empty"
	typeConsumer = "consumer"
)

// List returns every consumer group of the cluster in order of name, without members, protocol and partitions. Groups of
// other protocols, such as those of Kafka Connect's workers, are left out. When a broker cannot be asked, the groups that
// the others coordinate are returned together with the error.
func List(ctx context.Context, cluster headrace.Cluster) ([]Group, error) {
	client, err := open(ctx, cluster)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	listed, err := client.ListGroups(ctx)
	var groups []Group
	for _, g := range listed {
		// A group that only commits, such as one whose offsets were set by hand, has no protocol type.
		if g.ProtocolType == typeConsumer || g.ProtocolType == "" || g.Type == kafka.ShareGroup || g.Type == kafka.StreamsGroup {
			groups = append(groups, Group{Name: g.Group, State: g.State, Type: g.Type, Coordinator: g.Coordinator})
		}
	}
	return groups, err
}

// Describe returns one group with its members, and with every partition that it has committed an offset of or that a
// member is assigned. A group that does not exist is a *[NotFoundError], one that commits no offsets, such as a share group, a
// *[TypeError]. The members of a Kafka Streams application (KIP-1071) are left out. Partitions of topics that are gone keep their
// committed offset and have bounds of 0.
func Describe(ctx context.Context, cluster headrace.Cluster, name string) (Group, error) {
	client, err := open(ctx, cluster)
	if err != nil {
		return Group{}, err
	}
	defer client.Close()
	group, d, err := describe(ctx, client, name)
	if err == nil && d.Type != kafka.StreamsGroup {
		err = foreign(d)
	}
	if err != nil {
		return Group{}, err
	}
	return group, addBounds(ctx, client, group.Partitions)
}

// open fails at once when no broker answers: the caller is a person, and a wrong address does not get better by waiting.
func open(ctx context.Context, cluster headrace.Cluster) (*kafka.Client, error) {
	client, err := kafka.Open(cluster)
	if err != nil {
		return nil, err
	}
	if err := client.Ping(ctx); err != nil {
		client.Close()
		return nil, err
	}
	return client, nil
}

// describe returns a group without the bounds of its partitions, as the coordinator has it too.
func describe(ctx context.Context, client *kafka.Client, name string) (group Group, d kafka.DescribedGroup, err error) {
	var described []kafka.DescribedGroup
	var committed []kafka.CommittedOffset
	err = client.Retry(ctx, func(ctx context.Context) error {
		if described, err = client.DescribeGroups(ctx, name); err != nil {
			return err
		}
		committed, err = client.FetchOffsets(ctx, name)
		return err
	})
	if err != nil {
		return Group{}, d, err
	}
	d = described[0]
	if d.State == stateDead && len(committed) == 0 {
		return Group{}, d, &NotFoundError{Group: name}
	}
	group = Group{Name: name, State: d.State, Type: d.Type, Protocol: d.Protocol, Coordinator: d.Coordinator}
	known := make(map[kafka.TopicPartition]Partition)
	for _, o := range committed {
		known[kafka.TopicPartition{Topic: o.Topic, Partition: o.Partition}] = Partition{Committed: o.Offset, Metadata: o.Metadata}
	}
	for _, m := range d.Members {
		group.Members = append(group.Members, Member{
			ID: m.ID, InstanceID: m.InstanceID, ClientID: m.ClientID, Host: m.Host, Partitions: len(m.Partitions),
		})
		for _, tp := range m.Partitions {
			p, ok := known[tp]
			if !ok {
				p.Committed = None
			}
			p.Member = m.ID
			known[tp] = p
		}
	}
	for tp, p := range known {
		p.Topic, p.ID = tp.Topic, tp.Partition
		group.Partitions = append(group.Partitions, p)
	}
	slices.SortFunc(group.Partitions, func(a, b Partition) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.ID, b.ID))
	})
	return group, d, nil
}

// addBounds fills in where the logs start and end.
func addBounds(ctx context.Context, client *kafka.Client, partitions []Partition) error {
	queries := make([]kafka.OffsetQuery, 0, 2*len(partitions))
	for _, p := range partitions {
		queries = append(queries,
			kafka.OffsetQuery{Topic: p.Topic, Partition: p.ID, Timestamp: kafka.Earliest},
			kafka.OffsetQuery{Topic: p.Topic, Partition: p.ID, Timestamp: kafka.Latest})
	}
	return client.Retry(ctx, func(ctx context.Context) error {
		// What open transactions have written is no event yet.
		answers, _ := client.ListOffsets(ctx, true, queries...)
		var errs []error
		for i := range partitions {
			start, end := answers[2*i], answers[2*i+1]
			err := cmp.Or(start.Err, end.Err)
			if errors.Is(err, kafka.ErrUnknownTopic) {
				continue
			}
			errs = append(errs, err)
			partitions[i].Start, partitions[i].End = start.Offset, end.Offset
		}
		return errors.Join(errs...)
	})
}
