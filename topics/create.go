package topics

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/internal/project"
)

// Create creates the topics of specs and returns when they can be used. Topics are created independently: the error
// joins those of the topics that were not, and names each; one that exists already is an *[ExistsError].
func Create(ctx context.Context, cluster headrace.Cluster, specs ...Spec) error {
	wanted, err := newTopics(specs)
	if err != nil {
		return err
	}
	client, err := open(ctx, cluster)
	if err != nil {
		return err
	}
	defer client.Close()
	answers, err := client.CreateTopics(ctx, false, wanted...)
	if answers == nil {
		return err
	}
	var errs []error
	for i, err := range answers {
		name := specs[i].Name
		switch {
		case errors.Is(err, kerr.TopicAlreadyExists):
			errs = append(errs, &ExistsError{Topic: name})
		case err != nil:
			errs = append(errs, err)
		default:
			if err := awaitKnown(ctx, client, name); err != nil {
				errs = append(errs, fmt.Errorf("topic %s is created but not known to the brokers yet: %w", name, err))
			}
		}
	}
	return errors.Join(errs...)
}

// hearsayLimit is how long a broker may take to hear of a topic that the controller has created; a loaded one takes seconds.
const hearsayLimit = 30 * time.Second

// awaitKnown waits until the broker a client asks next has heard of a topic that the controller has created.
func awaitKnown(ctx context.Context, client *kafka.Client, name string) error {
	ctx, cancel := context.WithTimeout(ctx, hearsayLimit)
	defer cancel()
	for {
		_, err := client.Topic(ctx, name) // which asks several times itself, with pauses
		if err == nil || !errors.Is(err, kafka.ErrUnknownTopic) || ctx.Err() != nil {
			return err
		}
	}
}

// newTopics checks specs before anything is asked of the cluster.
func newTopics(specs []Spec) ([]kafka.NewTopic, error) {
	wanted := make([]kafka.NewTopic, len(specs))
	var errs []error
	for i, s := range specs {
		wanted[i] = kafka.NewTopic{Name: s.Name, Partitions: -1, ReplicationFactor: -1, Configs: s.Configs}
		errs = append(errs, project.CheckTopicName(s.Name))
		if s.Partitions < 0 || s.Partitions > math.MaxInt32 {
			errs = append(errs, fmt.Errorf("topic %s: %d partitions: at least 1 is needed", s.Name, s.Partitions))
		} else if s.Partitions > 0 {
			wanted[i].Partitions = int32(s.Partitions)
		}
		if s.Replicas < 0 || s.Replicas > math.MaxInt16 {
			errs = append(errs, fmt.Errorf("topic %s: %d replicas: at least 1 is needed", s.Name, s.Replicas))
		} else if s.Replicas > 0 {
			wanted[i].ReplicationFactor = int16(s.Replicas)
		}
	}
	return wanted, errors.Join(errs...)
}
