package replay

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/internal/kafka"
)

// HeaderRedrives counts how often an event has been returned from a dead-letter topic. It stays with the event, and with the dead
// letter that it may become again.
const HeaderRedrives = "__redrive.count"

// Families of headers that a dead letter has beside the event's own: consumer.HeaderTopic and its like, and those of retry topics.
const (
	deadFamily  = "__dlq.errors."
	retryFamily = "__retry."
)

// DeadLetter is an event that a group has given up, as it lies in a dead-letter topic. What its headers do not tell is left zero.
type DeadLetter struct {
	consumer.At // of the dead letter

	Origin   consumer.At // where the event came from
	Group    string      // that gave it up
	Event    string      // full name of its schema
	Schema   string      // as in "schema id 7"
	Kind     string      // of failure, see [consumer.HeaderKind]
	Error    string
	Stack    string // of a panic
	Attempts int    // 0 when no handler has seen it
	Died     time.Time
	Redrives int // how often it was returned before

	Time    time.Time         // of the event, in UTC
	Key     []byte            // nil is null
	Value   []byte            // nil is null
	Headers []consumer.Header // the event's own
}

// DeadLetters calls fn with every dead letter that topic holds now and [ApplyRedrive] has not returned yet; with all of them when all
// is set. Those of a partition come in its order. It returns fn's error as it is, but for [consumer.ErrStopRead], which ends the
// reading; and ctx's cause when ctx ends. Key, Value and Headers are only valid until fn returns. A topic that does not exist is a
// *[consumer.MissingTopicError].
func DeadLetters(ctx context.Context, cluster headrace.Cluster, topic string, all bool, fn func(DeadLetter) error) error {
	ranges, err := consumer.Resolve(ctx, cluster, topic, nil, consumer.Range{To: consumer.AtEnd()})
	if err != nil {
		return err
	}
	if !all {
		client, err := kafka.Open(cluster)
		if err != nil {
			return err
		}
		defer client.Close()
		if _, err := goOn(ctx, client, topic, ranges); err != nil {
			return err
		}
	}
	return read(ctx, cluster, topic, ranges, fn)
}

func read(ctx context.Context, cluster headrace.Cluster, topic string, ranges []consumer.PartitionRange, fn func(DeadLetter) error) error {
	return consumer.Read(ctx, consumer.ReadConfig{Cluster: cluster, Topic: topic, Ranges: ranges}, func(r consumer.Record) error {
		return fn(deadLetterOf(r))
	})
}

// deadLetterOf reads a record. Its headers may be anybody's: what makes no sense is as if it were not there.
func deadLetterOf(r consumer.Record) DeadLetter {
	letter := DeadLetter{
		At:     consumer.At{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset},
		Origin: consumer.At{Partition: -1, Offset: -1},
		Time:   r.Time, Key: r.Key, Value: r.Value,
	}
	for _, h := range r.Headers {
		text := string(h.Value)
		switch h.Key {
		case consumer.HeaderTopic:
			letter.Origin.Topic = text
		case consumer.HeaderPartition:
			letter.Origin.Partition = int32(number(text, -1, 32)) //nolint:gosec // read as 32 bits
		case consumer.HeaderOffset:
			letter.Origin.Offset = number(text, -1, 64)
		case consumer.HeaderGroup:
			letter.Group = text
		case consumer.HeaderEvent:
			letter.Event = text
		case consumer.HeaderSchema:
			letter.Schema = text
		case consumer.HeaderKind:
			letter.Kind = text
		case consumer.HeaderMessage:
			letter.Error = text
		case consumer.HeaderStack:
			letter.Stack = text
		case consumer.HeaderDeliveryCount:
			letter.Attempts = int(number(text, 0, 32))
		case consumer.HeaderTime:
			letter.Died, _ = time.Parse(time.RFC3339Nano, text) // zero when it is no time
		case HeaderRedrives:
			letter.Redrives = int(number(text, 0, 32))
			letter.Headers = append(letter.Headers, h)
		default:
			if !strings.HasPrefix(h.Key, deadFamily) && !strings.HasPrefix(h.Key, retryFamily) {
				letter.Headers = append(letter.Headers, h)
			}
		}
	}
	return letter
}

// number reads a number that is not negative, or returns none.
func number(text string, none int64, bits int) int64 {
	n, err := strconv.ParseInt(text, 10, bits)
	if err != nil || n < 0 {
		return none
	}
	return n
}

// unreturnable says why a dead letter cannot go back to where it came from; "" when it can.
func (d *DeadLetter) unreturnable() string {
	switch {
	case d.Kind == "batch":
		return "a record batch, not one event"
	case d.Origin.Topic == "":
		return "headers that do not tell where it came from"
	case d.Origin.Topic == d.Topic:
		return "came from the dead-letter topic itself"
	}
	return ""
}
