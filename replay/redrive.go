package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/internal/kafka"
)

// Redrive is the plan of returning the dead letters of a topic to the topics they came from: those that it holds when the plan is
// made, and that no redrive has returned yet.
type Redrive struct {
	Topic      string // of the dead letters
	Partitions []RedrivePartition
	Returns    []Return // in order of topic
	Left       []Left   // in order of reason
}

// RedrivePartition is what a redrive looks at of one partition of the dead-letter topic.
type RedrivePartition struct {
	Partition int32
	From      int64 // where the last redrive ended, or the start
	To        int64 // the end, not included
	Committed int64 // offset that the last redrive noted, -1 for none
}

// Return is how many dead letters go back to one topic.
type Return struct {
	Topic  string
	Events int64
}

// Left is how many dead letters stay where they are, and why. A later redrive does not come back to them.
type Left struct {
	Reason string
	Events int64
}

// Events is how many dead letters the redrive returns.
func (r Redrive) Events() (n int64) {
	for _, to := range r.Returns {
		n += to.Events
	}
	return n
}

// ErrStale says that a plan no longer fits, because another redrive of the topic has gone on since it was made.
var ErrStale = errors.New("another redrive has gone on since the plan was made: make a new plan")

// PlanRedrive reads the dead letters of a topic and plans to return them. It changes nothing. A topic that does not exist, the
// dead-letter topic or one that dead letters came from, is a *[consumer.MissingTopicError].
func PlanRedrive(ctx context.Context, cluster headrace.Cluster, topic string) (Redrive, error) {
	ranges, err := consumer.Resolve(ctx, cluster, topic, nil, consumer.Range{To: consumer.AtEnd()})
	if err != nil {
		return Redrive{}, err
	}
	client, err := kafka.Open(cluster)
	if err != nil {
		return Redrive{}, err
	}
	defer client.Close()
	committed, err := goOn(ctx, client, topic, ranges)
	if err != nil {
		return Redrive{}, err
	}
	plan := Redrive{Topic: topic}
	for i, r := range ranges {
		plan.Partitions = append(plan.Partitions, RedrivePartition{Partition: r.Partition, From: r.From, To: r.To, Committed: committed[i]})
	}
	returns, left := map[string]int64{}, map[string]int64{}
	err = read(ctx, cluster, topic, ranges, func(letter DeadLetter) error {
		if why := letter.unreturnable(); why != "" {
			left[why]++
			return nil
		}
		returns[letter.Origin.Topic]++
		return nil
	})
	if err != nil {
		return Redrive{}, err
	}
	for _, name := range slices.Sorted(maps.Keys(returns)) {
		plan.Returns = append(plan.Returns, Return{Topic: name, Events: returns[name]})
	}
	for _, why := range slices.Sorted(maps.Keys(left)) {
		plan.Left = append(plan.Left, Left{Reason: why, Events: left[why]})
	}
	return plan, plan.checkTopics(ctx, client)
}

// checkTopics reports every topic that events are to go to and that does not exist.
func (r Redrive) checkTopics(ctx context.Context, client *kafka.Client) error {
	var errs []error
	for _, to := range r.Returns {
		err := client.Retry(ctx, func(ctx context.Context) error {
			_, err := client.Topic(ctx, to.Topic)
			return err
		})
		if errors.Is(err, kafka.ErrUnknownTopic) {
			err = fmt.Errorf("%d dead letters of %s: %w", to.Events, r.Topic, &consumer.MissingTopicError{Topic: to.Topic})
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (r Redrive) ranges() []consumer.PartitionRange {
	ranges := make([]consumer.PartitionRange, len(r.Partitions))
	for i, p := range r.Partitions {
		ranges[i] = consumer.PartitionRange{Partition: p.Partition, From: p.From, To: p.To}
	}
	slices.SortFunc(ranges, func(a, b consumer.PartitionRange) int { return cmp.Compare(a.Partition, b.Partition) })
	return ranges
}
