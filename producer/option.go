package producer

import (
	"time"

	"github.com/headrace/headrace"
)

// Option adds to one event. Options are values: make them once and use them often.
type Option struct {
	kind      optionKind
	partition int32
	time      time.Time
	header    headrace.Header // its value is the key of WithKey
}

type optionKind int8

const (
	optionTime optionKind = iota + 1
	optionHeader
	optionPartition
	optionKey
)

// At sets the event's timestamp, kept with millisecond precision. One before 1970 fails with a [*TimeError] and is certainly not written: Kafka
// takes the last millisecond of 1969 for no timestamp at all, and programs such as Kafka Streams stop at any other. Without it the timestamp is the time of the call, in a burst of events up to a
// few milliseconds older.
//
// A broker recognises a batch that is sent again by what it remembers of the producer, and after a restart it remembers those alone whose
// events have timestamps younger than its producer.id.expiration.ms, a day by default. An older event may be written twice when the broker
// is killed between the write and its answer.
func At(t time.Time) Option { return Option{kind: optionTime, time: t} }

// WithHeader adds a record header. Keys may repeat and keep their order; a nil value is null.
func WithHeader(key string, value []byte) Option {
	return Option{kind: optionHeader, header: headrace.Header{Key: key, Value: value}}
}

// WithKey sets a key of any bytes, for an event whose string key is empty; with both the event fails. A nil key is a null key: then the event
// may go to any partition, and no compacted topic takes it. An empty one that is not nil is a key like others. The bytes are copied before
// the call returns.
func WithKey(key []byte) Option {
	return Option{kind: optionKey, header: headrace.Header{Value: key}}
}

// ToPartition sends the event to partition n whatever its key.
func ToPartition(n int32) Option { return Option{kind: optionPartition, partition: n} }

// TopicOption changes what [For] returns.
type TopicOption struct {
	oneOfSeveral bool
	subject      string
}

// WithTopicRecordName says that the topic carries several event types, so that the schema's subject is "<topic>-<full name>"
// (TopicRecordName) and no other.
func WithTopicRecordName() TopicOption { return TopicOption{oneOfSeveral: true} }

// WithSubject names the schema's subject outright.
func WithSubject(subject string) TopicOption { return TopicOption{subject: subject} }
