package flights

import (
	"context"
	"errors"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/examples/flights/events"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/topics"
)

// Partitions is how many partitions Setup gives each topic. Retry and dead-letter topics have as many as the topic they serve.
const Partitions = 12

// Subjects are the registry's names for the pipeline's schemas: one for each type on flights, which carries several, and one
// for alerts.
func Subjects() map[string]schema.Event {
	return map[string]schema.Event{
		schema.TopicRecordName(Topic, "flights.FlightArrived"):   events.FlightArrived{},
		schema.TopicRecordName(Topic, "flights.FlightCancelled"): events.FlightCancelled{},
		schema.TopicRecordName(Topic, "flights.FlightDiverted"):  events.FlightDiverted{},
		schema.TopicName(AlertsTopic):                            events.DelayAlert{},
	}
}

// Topics are the topics of the pipeline, those of the workers' retries and dead letters included.
func Topics(c Connection) []string {
	names := []string{Topic, AlertsTopic}
	for _, group := range []string{DelaysGroup, TotalsGroup} {
		for _, delay := range c.ladder() {
			names = append(names, consumer.RetryTopic(Topic, group, delay))
		}
		names = append(names, consumer.DeadLetterTopic(Topic, group))
	}
	return names
}

// Setup registers the schemas and creates the topics. What is there already stays as it is, so that Setup may be run again.
func Setup(ctx context.Context, c Connection) error {
	for subject, event := range Subjects() {
		parsed, err := schema.Parse(event.AvroSchema())
		if err != nil {
			return err
		}
		if _, err := c.Registry.Register(ctx, subject, parsed); err != nil {
			return err
		}
	}
	for _, name := range Topics(c) {
		err := topics.Create(ctx, c.Cluster, topics.Spec{Name: name, Partitions: Partitions, Configs: map[string]string{
			// Retention goes by the event's time: flights of 2013 would be deleted as soon as they are looked at.
			"retention.ms": "-1",
		}})
		var exists *topics.ExistsError
		if err != nil && !errors.As(err, &exists) {
			return err
		}
	}
	return nil
}
