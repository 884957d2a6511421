package deadletter

import (
	"strings"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/internal/headers"
	"github.com/headrace/headrace/internal/phrase"
	"github.com/headrace/headrace/reader"
)

// Family says which program wrote a dead letter, by the headers it has.
type Family string

// Families of dead letters.
const (
	FamilyNone    Family = ""            // no headers of a dead letter
	FamilyOwn     Family = "headrace"    // package consumer
	FamilyShare   Family = "share group" // Kafka itself, KIP-1191: org.apache.kafka.server.share.dlq.ShareGroupDLQStateManager
	FamilyConnect Family = "connect"     // org.apache.kafka.connect.runtime.errors.DeadLetterQueueReporter, KIP-298
	FamilySpring  Family = "spring"      // org.springframework.kafka.listener.DeadLetterPublishingRecoverer
	FamilyStreams Family = "streams"     // org.apache.kafka.streams.errors.internals.ExceptionHandlerUtils, KIP-1034
)

// Prefixes of the headers of the families. Those of other programs are known by their whole names, see foreignHeaders.
const (
	deadPrefix        = "__dlq.errors." // headrace, and share groups
	retryPrefix       = "__retry."      // headrace
	connectPrefix     = "__connect.errors."
	springPrefix      = "kafka_dlt-" // of DeadLetterPublishingRecoverer
	springRetryPrefix = "kafka_"     // of @RetryableTopic, whose dead letters have the headers of its retry topics
	streamsPrefix     = "__streams.errors."
)

// Bounds of what is taken from headers, which may be anybody's.
const (
	maxText  = 4 << 10
	maxStack = 64 << 10
	maxName  = 255
	maxTopic = 249 // org.apache.kafka.common.internals.Topic

	maxRedriveMarks = 32 // that an event carries; later returns take the place of the first
)

// familyOf is the family of the last header that belongs to one: every writer adds its own behind those of the event, and those of an
// earlier death may be among these.
func familyOf(all []headrace.Header) Family {
	for i := len(all) - 1; i >= 0; i-- {
		switch key := all[i].Key; {
		case strings.HasPrefix(key, deadPrefix):
			// Both write these; only headrace says what kind of failure it was, or when.
			if headers.Last(all, consumer.HeaderKind) != nil || headers.Last(all, consumer.HeaderTime) != nil {
				return FamilyOwn
			}
			return FamilyShare
		default:
			if family := foreignHeaders[key]; family != FamilyNone {
				return family
			}
		}
	}
	return FamilyNone
}

// Owns reports whether a header is the family's, and not the event's own.
func (f Family) Owns(key string) bool {
	switch f {
	case FamilyNone:
		return false
	case FamilyOwn, FamilyShare:
		return strings.HasPrefix(key, deadPrefix) || strings.HasPrefix(key, retryPrefix)
	case FamilyConnect, FamilySpring, FamilyStreams:
	}
	return foreignHeaders[key] == f
}

// letterOf reads a record. Its headers may be anybody's: those that make no sense are ignored.
func letterOf(r reader.Record) Letter {
	d := Letter{
		Location: headrace.Location{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}, Fate: FateOpen, Family: familyOf(r.Headers),
		Origin: headrace.Location{Partition: -1, Offset: -1}, Time: r.Time, Key: r.Key, Value: r.Value, Raw: r.Headers,
	}
	for _, h := range r.Headers {
		if !d.Family.Owns(h.Key) {
			d.Headers = append(d.Headers, h)
			continue
		}
		switch d.Family {
		case FamilyOwn, FamilyShare:
			d.readOwn(h)
		case FamilyConnect:
			d.readConnect(h)
		case FamilySpring:
			d.readSpring(h)
		case FamilyStreams:
			d.readStreams(h)
		case FamilyNone:
		}
	}
	return d
}

// readOwn reads what package consumer and share groups write: text.
func (d *Letter) readOwn(h headrace.Header) {
	switch h.Key {
	case consumer.HeaderTopic:
		d.Origin.Topic = topicName(h.Value)
	case consumer.HeaderPartition:
		d.Origin.Partition = partitionNumber(h.Value)
	case consumer.HeaderOffset:
		d.Origin.Offset = number(h.Value, -1, 64)
	case consumer.HeaderReference:
		d.Refers = readReference(h.Value)
	case consumer.HeaderGroup:
		d.Group = phrase.Clip(h.Value, maxName)
	case consumer.HeaderEvent:
		d.Event = phrase.Clip(h.Value, maxText)
	case consumer.HeaderSchema:
		d.Schema = phrase.Clip(h.Value, maxName)
	case consumer.HeaderKind:
		d.Kind = phrase.Clip(h.Value, maxName)
	case consumer.HeaderMessage:
		d.Error = phrase.Clip(h.Value, maxText)
	case consumer.HeaderStack:
		d.Stack = phrase.Clip(h.Value, maxStack)
	case consumer.HeaderDeliveryCount:
		d.Attempts = int(number(h.Value, 0, 32))
	case consumer.HeaderTime:
		d.Died, _ = time.Parse(time.RFC3339Nano, phrase.Clip(h.Value, maxName)) // zero when it is no time
	}
}

// readConnect reads what a sink connector writes with errors.deadletterqueue.context.headers.enable: text. The record's time is that
// of the event.
func (d *Letter) readConnect(h headrace.Header) {
	switch strings.TrimPrefix(h.Key, connectPrefix) {
	case "topic":
		d.Origin.Topic = topicName(h.Value)
	case "partition":
		d.Origin.Partition = partitionNumber(h.Value)
	case "offset":
		d.Origin.Offset = number(h.Value, -1, 64)
	case "connector.name":
		d.Group = phrase.Clip(h.Value, maxName)
	case "stage":
		d.Handler = joinWords(strings.ToLower(phrase.Clip(h.Value, maxName)), d.Handler)
	case "class.name":
		d.Handler = joinWords(d.Handler, simpleClass(h.Value))
	case "exception.class.name":
		d.Kind = simpleClass(h.Value)
	case "exception.message":
		d.Error = phrase.Clip(h.Value, maxText)
	case "exception.stacktrace":
		d.Stack = phrase.Clip(h.Value, maxStack)
	}
}

// readSpring reads what Spring writes: numbers as big-endian int and long, the rest as text. Where a record has died more than once
// the headers of its origin are repeated (setAppendOriginalHeaders): the first are of the topic it came from, later ones of retry or
// dead-letter topics in between. The record's time is that of its death.
func (d *Letter) readSpring(h headrace.Header) {
	name, ok := strings.CutPrefix(h.Key, springPrefix)
	if !ok {
		name = strings.TrimPrefix(h.Key, springRetryPrefix)
	}
	switch name {
	case "original-topic":
		if d.Origin.Topic == "" {
			d.Origin.Topic = topicName(h.Value)
		}
	case "original-partition":
		if d.Origin.Partition < 0 {
			d.Origin.Partition = int32(bigEndian(h.Value, 4, -1)) //nolint:gosec // read as 32 bits
		}
	case "original-offset":
		if d.Origin.Offset < 0 {
			d.Origin.Offset = bigEndian(h.Value, 8, -1)
		}
	case "original-timestamp":
		if at := bigEndian(h.Value, 8, -1); at >= 0 && d.Died.IsZero() {
			d.Died, d.Time = d.Time, time.UnixMilli(at).UTC()
		}
	case "original-consumer-group":
		d.Group = phrase.Clip(h.Value, maxName)
	case "exception-fqcn", "key-exception-fqcn":
		if d.Kind == "" {
			d.Kind = simpleClass(h.Value)
		}
	case "exception-cause-fqcn": // the outer one is Spring's ListenerExecutionFailedException
		d.Kind = simpleClass(h.Value)
	case "exception-message", "key-exception-message":
		d.Error = phrase.Clip(h.Value, maxText)
	case "exception-stacktrace", "key-exception-stacktrace":
		d.Stack = phrase.Clip(h.Value, maxStack)
	case "retry_topic-attempts": // of the attempt that would have come next; one byte before Spring Kafka 2.7.4, four since
		next := max(bigEndian(h.Value, 4, 0), bigEndian(h.Value, 1, 0))
		d.Attempts = int(max(0, next-1))
	}
}

// readStreams reads what a Streams application writes: text. The record's time is that of the event.
func (d *Letter) readStreams(h headrace.Header) {
	switch strings.TrimPrefix(h.Key, streamsPrefix) {
	case "topic":
		d.Origin.Topic = topicName(h.Value)
	case "partition":
		d.Origin.Partition = partitionNumber(h.Value)
	case "offset":
		d.Origin.Offset = number(h.Value, -1, 64)
	case "exception":
		d.Kind = simpleClass(h.Value)
	case "message":
		d.Error = phrase.Clip(h.Value, maxText)
	case "stacktrace":
		d.Stack = phrase.Clip(h.Value, maxStack)
	}
}
