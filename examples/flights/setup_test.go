package flights_test

import (
	"strings"
	"testing"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/examples/flights"
	"github.com/headrace/headrace/examples/flights/events"
	"github.com/headrace/headrace/schema"
)

// What headrace.yaml says is what the programs use: their topics, and the very schemas of their types.
func TestFileSaysWhatTheProgramsUse(t *testing.T) {
	t.Parallel()
	wanted, err := flights.Wanted(flights.Connection{})
	if err != nil {
		t.Fatal(err)
	}
	partitions := map[string]int{}
	for _, topic := range wanted.Topics {
		partitions[topic.Name] = topic.Partitions
	}
	used := []string{flights.Topic, flights.AlertsTopic}
	for _, group := range []string{flights.DelaysGroup, flights.TotalsGroup} {
		used = append(used, consumer.DeadLetterTopic(flights.Topic, group))
	}
	for _, name := range used {
		if partitions[name] != flights.Partitions {
			t.Errorf("topic %s has %d partitions, want %d", name, partitions[name], flights.Partitions)
		}
	}
	texts := map[string]string{}
	for _, s := range wanted.Subjects {
		texts[s.Subject] = strings.TrimSpace(s.Schema.String()) // a file ends with a newline
	}
	for subject, event := range map[string]schema.Event{
		schema.TopicRecordName(flights.Topic, "flights.FlightArrived"):   events.FlightArrived{},
		schema.TopicRecordName(flights.Topic, "flights.FlightCancelled"): events.FlightCancelled{},
		schema.TopicRecordName(flights.Topic, "flights.FlightDiverted"):  events.FlightDiverted{},
		schema.TopicName(flights.AlertsTopic):                            events.DelayAlert{},
	} {
		if texts[subject] != event.AvroSchema() {
			t.Errorf("subject %s: the file's schema is\n%s\nand the program's\n%s", subject, texts[subject], event.AvroSchema())
		}
	}
}
