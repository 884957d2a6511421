package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/deadletter"
	"github.com/headrace/headrace/examples/flights"
	"github.com/headrace/headrace/examples/flights/events"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

// retryDelays are short: a demo does not wait an hour.
func retryDelays() []time.Duration {
	return []time.Duration{200 * time.Millisecond, 500 * time.Millisecond}
}

// pipeline is the producer and both workers in one process. As services they are the programs beside this one.
type pipeline struct {
	connection flights.Connection
	expect     flights.Outcomes
	producer   *producer.Producer
	publisher  *flights.Publisher
	delays     *flights.Delays
	totals     *flights.Totals
	directory  directory

	ended    map[string]consumer.Stats // by group, once run has returned
	redriven int64
}

func newPipeline(s *servers, expect flights.Outcomes) (*pipeline, error) {
	reg, err := registry.New(s.registry)
	if err != nil {
		return nil, err
	}
	connection := flights.Connection{Cluster: headrace.Cluster{Brokers: []string{s.kafka}}, Registry: reg, Retry: retryDelays(), Context: "demo"}
	p, err := connection.Producer()
	if err != nil {
		return nil, err
	}
	made := &pipeline{
		connection: connection,
		expect:     expect,
		producer:   p,
		publisher:  flights.NewPublisher(p),
		delays:     flights.NewDelays(p),
	}
	made.totals = &flights.Totals{Carriers: made.directory.find}
	return made, nil
}

// prepare makes the servers what headrace.yaml says, and sends one event that no worker can read.
func (p *pipeline) prepare(ctx context.Context, out io.Writer) error {
	if err := flights.Setup(ctx, p.connection); err != nil {
		return err
	}
	wanted, err := flights.Wanted(p.connection)
	if err != nil {
		return err
	}
	for _, s := range wanted.Subjects {
		fmt.Fprintf(out, "schema    %s\n", s.Subject)
	}
	for _, topic := range wanted.Topics {
		fmt.Fprintf(out, "topic     %s, %d partitions\n", topic.Name, topic.Partitions)
	}
	return p.sendMalformed(ctx)
}

// sendMalformed sends a FlightArrived that ends in the middle of its first field, past the typed producer, which cannot.
func (p *pipeline) sendMalformed(ctx context.Context) error {
	arrived, err := schema.Of[events.FlightArrived]()
	if err != nil {
		return err
	}
	id, err := p.connection.Registry.Lookup(ctx, schema.TopicRecordName(flights.Topic, arrived.FullName()), arrived)
	if err != nil {
		return err
	}
	value := append(schema.AppendID(nil, id), "\x04U"...)
	_, err = p.producer.SendRecord(ctx, flights.Topic, producer.Record{Key: []byte("N000XX"), Value: value})
	return err
}

// run sends the flights while both workers handle them, redrives the dead letters, and ends when the workers have seen everything,
// drained and committed.
func (p *pipeline) run(ctx context.Context, file string, out io.Writer) error {
	rows, closeRows, err := open(file)
	if err != nil {
		return err
	}
	defer closeRows()
	delays, err := p.delays.Worker(p.connection)
	if err != nil {
		return err
	}
	totals, err := p.totals.Worker(p.connection)
	if err != nil {
		return err
	}

	all, ctx := errgroup.WithContext(ctx)
	working, drain := context.WithCancel(ctx)
	defer drain()
	all.Go(func() error { return delays.Run(working) })
	all.Go(func() error { return totals.Run(working) })
	all.Go(func() error { return p.publisher.Publish(ctx, rows) })
	all.Go(func() error {
		defer drain()
		flightsAll, sentAll := int64(p.expect.All()), int64(p.expect.All()+1) // the malformed one too
		err := watch(ctx, out, []stage{
			{"produced", flightsAll, p.publisher.Acked},
			{"delays", sentAll, func() int64 { return seen(delays) }},
			{"totals", sentAll, func() int64 { return seen(totals) }},
		})
		if err != nil {
			return err
		}
		if err := p.redrive(ctx, out); err != nil {
			return err
		}
		return watch(ctx, out, []stage{
			{"delays again", p.redriven, func() int64 { return seen(delays) - sentAll }},
			{"totals again", p.redriven, func() int64 { return seen(totals) - sentAll }},
		})
	})
	err = all.Wait()
	p.ended = map[string]consumer.Stats{flights.DelaysGroup: delays.Stats(), flights.TotalsGroup: totals.Stats()}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return errors.Join(err, p.producer.Close(closing))
}

// redrive adds the carrier that was missing, and returns the dead letters of the totals to the topic of the flights.
func (p *pipeline) redrive(ctx context.Context, out io.Writer) error {
	p.directory.add()
	plan, err := deadletter.PlanRedrive(ctx, deadletter.RedriveRequest{Cluster: p.connection.Cluster, Topic: totalsDead()})
	if err != nil {
		return err
	}
	done, err := deadletter.ApplyRedrive(ctx, deadletter.RedriveConfig{Cluster: p.connection.Cluster, By: "the demo"}, plan)
	if err != nil {
		return err
	}
	p.redriven = done.Events
	fmt.Fprintf(out, "redrive   carrier %s is added: %d dead letters of %s go back to %s\n", newCarrier, done.Events, plan.Topic, flights.Topic)
	return nil
}

// seen is how many events a worker is done with, one way or another.
func seen(w *consumer.Worker) int64 {
	s := w.Stats()
	return s.Handled + s.Skipped + s.DeadLettered
}

// totalsDead is the topic of the totals' dead letters.
func totalsDead() string { return consumer.DeadLetterTopic(flights.Topic, flights.TotalsGroup) }
