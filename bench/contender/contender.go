// Package contender holds one file per Kafka client under measurement, each tuned for throughput as its own documentation
// advises, with acks from all in-sync replicas and idempotence wherever the client has it.
package contender

import (
	"context"
	"fmt"
	"time"

	"github.com/headrace/headrace/systemtest/bench/flight"
	"github.com/headrace/headrace/systemtest/bench/order"
)

// Job says what one process does.
type Job struct {
	Contender   string   `json:"contender"`
	Task        string   `json:"task"`    // produce, send, consume, chain or copy
	Flights     string   `json:"flights"` // a flights file: its events are produced, or consumed, in place of orders
	Brokers     []string `json:"brokers"`
	RegistryURL string   `json:"registry_url"`
	SchemaID    int      `json:"schema_id"`  // of orders
	FlightIDs   []int    `json:"flight_ids"` // schema ids of flight.Types, in their order
	Topic       string   `json:"topic"`
	To          string   `json:"to"`      // the topic a chain or a copy writes to
	ByType      bool     `json:"by_type"` // a copy takes events of one type, by the schema id before each value
	Group       string   `json:"group"`
	Codec       string   `json:"codec"` // none, lz4 or zstd
	Size        int      `json:"size"`  // bytes of an encoded event
	Events      int      `json:"events"`
	WarmUp      int      `json:"warm_up"` // events before the measured ones
	Goroutines  int      `json:"goroutines"`

	Pause time.Duration `json:"pause"` // what a handler takes for each event
}

// Post sends the i-th event of the feed without waiting for it. It is for one goroutine.
type Post func(i int)

// Producer is an open producer. Failures are kept and returned by Flush.
type Producer interface {
	// Poster returns a Post for one more goroutine.
	Poster() Post
	// Send sends an event and waits for its acknowledgment.
	Send(ctx context.Context, i int) error
	// Flush returns when everything posted is acknowledged.
	Flush(ctx context.Context) error
	Close() error
}

// Contender makes the clients of one library. A nil field is something the library does not do.
type Contender struct {
	// Produce opens a producer.
	Produce func(job Job, feed order.Feed) (Producer, error)
	// Consume reads job.Topic as a member of job.Group, with commits, and calls seen for each decoded event until seen
	// returns false.
	Consume func(ctx context.Context, job Job, seen func() bool) error
	// Chain is Consume where each event is also sent to job.To before it counts as handled.
	Chain func(ctx context.Context, job Job, seen func() bool) error
	// Copy writes all of job.Topic, which holds job.Events, to job.To.
	Copy func(ctx context.Context, job Job) error
	// ProduceFlights and ConsumeFlights are the same with the events of a flights file.
	ProduceFlights func(job Job, feed flight.Feed) (Producer, error)
	ConsumeFlights func(ctx context.Context, job Job, seen func() bool) error
	// Fewer divides the events it produces, for a client that waits for each of them.
	Fewer int
}

// All is every contender by name.
func All() map[string]Contender {
	return map[string]Contender{
		"headrace":                {Produce: produceGenerated, Consume: consumeGenerated, Chain: chainGenerated, Copy: copyHeadrace, ProduceFlights: produceFlights, ConsumeFlights: consumeFlights},
		"headrace, lanes":         {Consume: consumeLanes},
		"headrace, struct tags":   {Produce: produceHand, Consume: consumeHand},
		"floor":                   {Produce: produceFloor, Consume: consumeFloor},
		"franz-go + hamba":        {Produce: produceFranz, Consume: consumeFranz, Chain: chainFranz, ProduceFlights: produceFlightsFranz, ConsumeFlights: consumeFlightsFranz},
		"franz-go":                {Copy: copyFranz},
		"kcat | kcat":             {Copy: copyKcat},
		"sarama + hamba":          {Produce: produceSarama, Consume: consumeSarama},
		"kafka-go + hamba":        {Produce: produceKafkaGo, Consume: consumeKafkaGo},
		"confluent-kafka-go":      {Produce: produceConfluent, Consume: consumeConfluent},
		"watermill-kafka + hamba": {Produce: produceWatermill, Consume: consumeWatermill, Fewer: 100},
	}
}

// lastOfGoroutine says whether a goroutine has posted its share of the warm-up or of the measured events, so that a
// contender which gathers slices hands over what it has.
func lastOfGoroutine(job Job, posted int) bool {
	return posted == job.WarmUp/job.Goroutines || posted == job.WarmUp/job.Goroutines+job.Events/job.Goroutines
}

// decodeFailed is what a contender reports for a value it cannot decode.
func decodeFailed(job Job, err error) error { return fmt.Errorf("%s: decode: %w", job.Contender, err) }
