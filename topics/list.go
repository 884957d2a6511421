package topics

import (
	"context"
	"errors"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/kafka"
)

// List returns the named topics in the order asked, or without names every topic of the cluster in order of name, the
// cluster's own among them. It fills neither configs nor offsets, and asks the cluster for nothing but metadata. Each
// name without a topic is a *[MissingError] in the joined error.
func List(ctx context.Context, cluster headrace.Cluster, names ...string) ([]Topic, error) {
	client, err := open(ctx, cluster)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return list(ctx, client, names)
}

// open fails at once when no broker answers: the caller is a person or a start-up check, and a wrong address does not
// get better by waiting.
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

func list(ctx context.Context, client *kafka.Client, names []string) ([]Topic, error) {
	found, err := client.Topics(ctx, names...)
	if err != nil {
		return nil, err
	}
	all := make([]Topic, 0, len(found))
	var errs []error
	for _, topic := range found {
		if topic.Err != nil {
			errs = append(errs, missing(topic.Name, topic.Err))
			continue
		}
		all = append(all, fromKafka(topic))
	}
	return all, errors.Join(errs...)
}

// missing turns the answer for a topic that is not there into a *MissingError.
func missing(name string, err error) error {
	if errors.Is(err, kafka.ErrUnknownTopic) {
		return &MissingError{Topic: name}
	}
	return err
}

func fromKafka(t kafka.Topic) Topic {
	topic := Topic{Name: t.Name, Internal: t.Internal, Partitions: make([]Partition, len(t.Partitions))}
	for i, p := range t.Partitions {
		topic.Partitions[i] = Partition{ID: p.ID, Leader: p.Leader, Replicas: p.Replicas, InSync: p.ISR}
	}
	return topic
}
