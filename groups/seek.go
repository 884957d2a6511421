package groups

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/kafka"
)

// Seek is what a seek would do: the moves, by topic and partition. It is a value, to show before it is applied.
type Seek struct {
	Group string
	Moves []Move
}

// Move is a new committed offset for one partition.
type Move struct {
	Topic     string
	Partition int32
	From      int64 // what is committed now; [None] when nothing is
	To        int64 // offset of the next event to handle
	Start     int64 // first offset that the partition holds
	End       int64 // offset that the next event will get
}

// Target is an offset to move a partition's commit to.
type Target struct {
	Topic     string
	Partition int32
	Offset    int64
}

// RangeError says that a target does not lie in its partition's log.
type RangeError struct {
	Target     Target
	Start, End int64 // the log holds the offsets from Start up to End, and a commit of End waits for new events
}

func (e *RangeError) Error() string {
	return fmt.Sprintf("topic %s partition %d: offset %d is outside of its log, which goes from %d to %d",
		e.Target.Topic, e.Target.Partition, e.Target.Offset, e.Start, e.End)
}

// ChangedError says that a group has committed something between [PlanSeek] and [Apply].
type ChangedError struct {
	Group     string
	Topic     string
	Partition int32
	Planned   int64 // what was committed when the seek was planned
	Now       int64
}

func (e *ChangedError) Error() string {
	return fmt.Sprintf("group %s has committed offset %d of topic %s partition %d since the seek was planned, when it was %d: plan it again",
		e.Group, e.Now, e.Topic, e.Partition, e.Planned)
}

// PlanSeek works out the moves to the targets and changes nothing. A group with members is a *[LiveError], one that is not of consumers a *[TypeError]; targets outside
// of their logs are *[RangeError], all of them joined. A group that does not exist yet may be given offsets. Partitions
// that are at their target already, with nothing beside it, are left out.
func PlanSeek(ctx context.Context, cluster headrace.Cluster, group string, targets ...Target) (Seek, error) {
	client, err := open(ctx, cluster)
	if err != nil {
		return Seek{}, err
	}
	defer client.Close()
	now, err := idle(ctx, client, group)
	if err != nil {
		return Seek{}, err
	}
	bounds := make([]Partition, len(targets))
	for i, t := range targets {
		bounds[i] = Partition{Topic: t.Topic, ID: t.Partition}
	}
	if err := addBounds(ctx, client, bounds); err != nil {
		return Seek{}, err
	}
	seek := Seek{Group: group}
	var errs []error
	for i, t := range targets {
		b := bounds[i]
		if t.Offset < b.Start || t.Offset > b.End {
			errs = append(errs, &RangeError{Target: t, Start: b.Start, End: b.End})
			continue
		}
		at := now.partition(t.Topic, t.Partition)
		if at.Committed != t.Offset || at.Metadata != "" {
			seek.Moves = append(seek.Moves, Move{Topic: t.Topic, Partition: t.Partition, From: at.Committed, To: t.Offset, Start: b.Start, End: b.End})
		}
	}
	slices.SortFunc(seek.Moves, func(a, b Move) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return seek, errors.Join(errs...)
}

// Apply commits the moves of a seek, in one request. It refuses, with nothing changed, a group that has members by now (a
// *[LiveError]) and one whose commits are not what they were when the seek was planned (a *[ChangedError]); the broker
// refuses it too while the group has members. What the group remembers beside the offsets, such as which later events are
// done, is dropped: every event from the new offset on is handled again.
func Apply(ctx context.Context, cluster headrace.Cluster, seek Seek) error {
	client, err := open(ctx, cluster)
	if err != nil {
		return err
	}
	defer client.Close()
	now, err := idle(ctx, client, seek.Group)
	if err != nil {
		return err
	}
	commits := make([]kafka.OffsetCommit, len(seek.Moves))
	for i, m := range seek.Moves {
		if at := now.partition(m.Topic, m.Partition).Committed; at != m.From {
			return &ChangedError{Group: seek.Group, Topic: m.Topic, Partition: m.Partition, Planned: m.From, Now: at}
		}
		commits[i] = kafka.OffsetCommit{Topic: m.Topic, Partition: m.Partition, Offset: m.To}
	}
	if len(commits) == 0 {
		return nil
	}
	outside := kafka.Member{Group: seek.Group, Generation: -1}
	return client.Retry(ctx, func(ctx context.Context) error {
		_, err := client.CommitOffsets(ctx, outside, commits...)
		return err
	})
}

// idle returns what a group has committed, once it is sure that nobody is in it.
func idle(ctx context.Context, client *kafka.Client, name string) (Group, error) {
	group, d, err := describe(ctx, client, name)
	var missing *NotFoundError
	if errors.As(err, &missing) {
		return Group{Name: name}, nil
	}
	if err == nil {
		err = foreign(d)
	}
	if err != nil {
		return Group{}, err
	}
	if len(group.Members) > 0 || group.State != stateEmpty && group.State != stateDead {
		return Group{}, &LiveError{Group: name, State: group.State, Members: group.Members}
	}
	return group, nil
}

// partition returns what the group has of a partition, or [None] of one that it has nothing of.
func (g Group) partition(topic string, id int32) Partition {
	for _, p := range g.Partitions {
		if p.Topic == topic && p.ID == id {
			return p
		}
	}
	return Partition{Topic: topic, ID: id, Committed: None}
}
