package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/schema"
)

const produceLong = `Send the events on standard input to a topic: one JSON object per line, encoded by the schema that the
registry has for the event under TOPIC-FULL.NAME or else TOPIC-value. --event may be left out when the
topic has one type of event.

Without --key events are spread over the partitions; with it, events of one key keep their order. With
--meta each line is what "headrace consume --meta" prints: its key, headers and time are sent as they
are, partition and offset are not, and "event" names the type unless --event does.

The first line that does not fit its schema ends the sending: what stands before it is sent, nothing
after it is.`

type produceFlags struct {
	event string
	key   string
	meta  bool
}

func (a *app) produce() *cobra.Command {
	var f produceFlags
	cmd := &cobra.Command{
		Use:   "produce TOPIC [flags]",
		Short: "Send JSON lines from standard input to a topic",
		Long:  produceLong,
		Example: "  headrace produce flights --event flights.FlightArrived --key tail_number < arrivals.jsonl\n" +
			"  headrace consume flights --meta --until-end | headrace produce flights-copy --meta",
		Args:              exactly("TOPIC"),
		ValidArgsFunction: a.completeTopic,
		RunE:              a.run(func(ctx context.Context, args []string) error { return a.runProduce(ctx, args[0], f) }),
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.event, "event", "e", "", "full `name` of the event's schema")
	flags.StringVarP(&f.key, "key", "k", "", "`field` of the event that is the key; a dot leads into a nested record")
	flags.BoolVar(&f.meta, "meta", false, "lines are those of consume --meta")
	cmd.MarkFlagsMutuallyExclusive("key", "meta")
	_ = cmd.RegisterFlagCompletionFunc("event", a.completeEvent) // the flag exists
	return cmd
}

func (a *app) runProduce(ctx context.Context, topic string, f produceFlags) error {
	cluster, err := a.cluster()
	if err != nil {
		return err
	}
	if err := a.checkTopic(ctx, cluster, topic, nil); err != nil {
		return err
	}
	registry, err := a.openRegistry(ctx)
	if err != nil {
		return err
	}
	defer registry.Close()
	events := &eventTypes{app: a, registry: registry, topic: topic, known: map[string]eventType{}}
	if f.event != "" || !f.meta {
		if _, err := events.find(ctx, f.event); err != nil {
			return err
		}
	}
	p, err := producer.New(producer.Config{Cluster: cluster, DeliveryTimeout: a.timeout, Logger: a.logger()})
	if err != nil {
		return err
	}
	if a.IsTerminal(a.Stdin) {
		a.note("type one JSON object per line; Ctrl-D ends")
	}
	s := &sending{app: a, producer: p, topic: topic, events: events, flags: f, tally: newTally(a)}
	return s.run(ctx)
}

// sending is one run of produce.
type sending struct {
	app      *app
	producer *producer.Producer
	topic    string
	events   *eventTypes
	flags    produceFlags
	tally    *tally
}

func (s *sending) run(ctx context.Context) error {
	reading, stopReading := context.WithCancel(ctx)
	defer stopReading()
	stopped := s.postAll(ctx, readLines(reading, s.app.Stdin))
	stopReading()

	// What was accepted is given its time even when the person has pressed Ctrl-C: an outcome is better than a doubt.
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.app.timeout+time.Second)
	defer cancel()
	closeErr := s.producer.Close(closing)
	return s.tally.end(stopped, closeErr)
}

// postAll hands lines to the producer until they end, one of them is wrong, or an event is known to have failed.
func (s *sending) postAll(ctx context.Context, lines <-chan line) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.tally.failed:
			return nil
		case l, ok := <-lines:
			if !ok {
				return ctx.Err()
			}
			record, err := s.record(ctx, l)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				return &lineError{number: l.number, err: err}
			}
			s.tally.posted()
			s.producer.PostRecord(ctx, s.topic, record, func(_ headrace.Location, err error) { s.tally.done(l.number, err) })
		}
	}
}

// record encodes one line.
func (s *sending) record(ctx context.Context, l line) (producer.Record, error) {
	if l.err != nil {
		return producer.Record{}, l.err
	}
	text, event := l.text, s.flags.event
	var record producer.Record
	if s.flags.meta {
		var e envelope
		if err := decodeStrict(l.text, &e); err != nil {
			return record, fmt.Errorf("not a line of consume --meta: %w", err)
		}
		if e.Value == nil {
			return record, errors.New(`"value" is missing`)
		}
		var err error
		if record, err = e.record(); err != nil {
			return record, err
		}
		text = e.Value
		if event == "" {
			event = e.Event
		}
	}
	if bytes.Equal(text, []byte("null")) {
		if record.Key == nil {
			return record, errors.New("null is a tombstone, which needs a key: only --meta lines have one")
		}
		return record, nil
	}
	t, err := s.events.find(ctx, event)
	if err != nil {
		return record, err
	}
	body, err := schema.FromJSON(t.schema, text)
	if err != nil {
		return record, err
	}
	if s.flags.key != "" {
		if record.Key, err = eventKey(t.schema, text, body, s.flags.key); err != nil {
			return record, err
		}
	}
	record.Value = append(schema.AppendID(make([]byte, 0, schema.IDPrefixLen+len(body)), t.id), body...)
	return record, nil
}

// decodeStrict refuses members it does not know, so that a plain event is not taken for an envelope.
func decodeStrict(text []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	return decoder.Decode(v)
}
