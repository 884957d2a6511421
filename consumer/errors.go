package consumer

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/schema"
)

// Causes of a handler's context ending, see [context.Cause].
var (
	// ErrRevoked says that the group gave the partition to another member and the handler did not end within the drain timeout.
	ErrRevoked = errors.New("partition revoked: the group gave it to another member")
	// ErrLost says that this worker was put out of the group, so that another member may be handling the same event by now.
	ErrLost = errors.New("partition lost: the group no longer counts this worker as a member")
	// ErrTopicDeleted says that the event's topic was deleted, and that the handler did not end within the drain timeout. There is another
	// topic of the same name, whose events wait for the handler.
	ErrTopicDeleted = errors.New("topic deleted: the event is not in Kafka any more")
	// ErrStopping says that the worker stops and the handler did not end within the drain timeout.
	ErrStopping = errors.New("worker is stopping")
	// ErrAttemptTimeout says that the handler took longer than [Policy.Timeout].
	ErrAttemptTimeout = errors.New("attempt timed out")
)

// ErrRunTwice is what a second [Worker.Run] returns.
var ErrRunTwice = errors.New("worker has been run already: make a new one")

// HandlerError says that the worker stopped at an event that its handler did not handle, because its policy has no dead letter.
type HandlerError struct {
	headrace.Location
	Event    string // full name of the event's schema
	Attempts int
	Err      error  // what the handler returned last; a *PanicError when it panicked
	replay   string // id of the replay that stopped there; "" for a worker
}

func (e *HandlerError) Error() string {
	next := "the event is not acknowledged: fix the handler and start the worker again, or set Policy.DeadLetter"
	if e.replay != "" {
		next = inReplay(e.replay, "fix the handler, or let the replay skip failed events")
	}
	return fmt.Sprintf("handler of %s at %s: attempt %d: %v; %s", e.Event, e.Location, e.Attempts, e.Err, next)
}

// Unwrap returns the handler's error.
func (e *HandlerError) Unwrap() error { return e.Err }

// UnhandledError says that the worker stopped at an event for whose type it has no handler.
type UnhandledError struct {
	headrace.Location
	Event  string // full name of the event's schema; "" for a tombstone
	Schema schema.Ref
	replay string // id of the replay that stopped there; "" for a worker
}

func (e *UnhandledError) Error() string {
	what := "event type " + e.Event
	if e.Event == "" {
		what = "tombstones"
	}
	if e.replay != "" {
		return fmt.Sprintf("no handler for %s at %s: %s", what, e.Location, inReplay(e.replay, "add one, set Config.Unhandled to UnhandledSkip, or leave such events out of the plan"))
	}
	return fmt.Sprintf("no handler for %s at %s: add one, or set Config.Unhandled to UnhandledSkip or UnhandledDeadLetter", what, e.Location)
}

// DecodeError says that the worker stopped at an event that is not what its schema, or the wire format, says. It is also the reason
// of such an event's dead letter.
type DecodeError struct {
	headrace.Location
	Err    error
	replay string // id of the replay that stopped there; "" for a worker
}

func (e *DecodeError) Error() string {
	if e.replay != "" {
		return fmt.Sprintf("decode event at %s: %v; %s", e.Location, e.Err, inReplay(e.replay, "let the replay skip failed events, or leave it out of the plan"))
	}
	return fmt.Sprintf("decode event at %s: %v; set Policy.DeadLetter to have such events dead-lettered", e.Location, e.Err)
}

// Unwrap returns what is wrong with the event.
func (e *DecodeError) Unwrap() error { return e.Err }

// corruptError is what the worker stops with at a record batch, or a record, that cannot be read.
func corruptError(at headrace.Location, err error) error {
	return fmt.Errorf("%w, or move the group past it with an offset reset", &reader.CorruptError{Location: at, Err: err})
}

// inReplay is what comes next after an error at which a replay stopped.
func inReplay(id, hint string) string {
	return fmt.Sprintf("replay %s stopped there, and goes on there when it is run again: %s", id, hint)
}

// FencedError says that another worker runs with the same group and instance id, and that the group counts that one.
type FencedError struct {
	Group      string
	InstanceID string
}

func (e *FencedError) Error() string {
	return fmt.Sprintf("group %s: another worker with instance id %s has joined: give each worker an instance id of its own", e.Group, e.InstanceID)
}

// ProtocolError says that the group's other members share no partition assignment protocol with this worker, or that the group is not one
// of consumers.
type ProtocolError struct {
	Group  string
	Ours   []string
	Theirs string // "" when the group did not say
	// Type is "share" (KIP-932), "streams" (KIP-1071), or the protocol type of a classic group that is not of consumers, such as "connect".
	// It is "" for a group of consumers, and when the coordinator did not say.
	Type string
}

func (e *ProtocolError) Error() string {
	const another = "a worker joins groups of consumers only: give it another Config.Group"
	switch e.Type {
	case "":
	case kafka.ShareGroup:
		return fmt.Sprintf("group %s is a share group (KIP-932), whose members get single records and commit no offsets: %s", e.Group, another)
	case kafka.StreamsGroup:
		return fmt.Sprintf("group %s is a Kafka Streams application (KIP-1071): %s", e.Group, another)
	case "connect":
		return fmt.Sprintf("group %s is one of Kafka Connect's workers: %s", e.Group, another)
	default:
		return fmt.Sprintf("group %s is one of protocol type %s: %s", e.Group, e.Type, another)
	}
	theirs := e.Theirs
	if theirs == "" {
		theirs = "another protocol"
	}
	return fmt.Sprintf("group %s: its members use %s, this worker offers %v: configure the other members for cooperative-sticky, "+
		"or stop them first", e.Group, theirs, e.Ours)
}

// MissingTopicError says that a topic the worker needs does not exist. It wraps a [*reader.MissingTopicError].
type MissingTopicError struct {
	reader.MissingTopicError               // a retry or dead-letter topic should have the partitions, replicas and settings of its source
	DeadLetter               bool          // it is a dead-letter topic
	Retry                    time.Duration // the delay of a retry topic; 0 for others
}

func (e *MissingTopicError) Error() string {
	what := "dead-letter topic"
	switch {
	case e.Retry > 0:
		what = "retry topic"
	case !e.DeadLetter:
		return e.MissingTopicError.Error()
	}
	return fmt.Sprintf("%s %s does not exist: create it with `%s`, or set Tuning.CreateTopics", what, e.Topic, e.CreateCommand())
}

// Unwrap returns the error of a reader of the topic.
func (e *MissingTopicError) Unwrap() error { return &e.MissingTopicError }

func missingTopic(name string) *MissingTopicError {
	return &MissingTopicError{MissingTopicError: reader.MissingTopicError{Topic: name}}
}

// PartitionsError says that a retry topic has fewer partitions than the topic it serves, so that events could not keep theirs.
type PartitionsError struct {
	Topic      string // the retry topic
	Partitions int
	Source     string // the topic it serves
	Needed     int    // partitions that has
}

func (e *PartitionsError) Error() string {
	return fmt.Sprintf("retry topic %s has %d partitions, topic %s has %d: set Tuning.CreateTopics, "+
		"or add them with `headrace topics apply` where headrace.yaml declares the group, or with `kafka-topics.sh --bootstrap-server HOST:PORT --alter --topic %s --partitions %d`", e.Topic, e.Partitions, e.Source, e.Needed, e.Topic, e.Needed)
}

// CompactedTopicError says that a retry topic or a dead-letter topic is compacted. Kafka refuses events without a key there, and deletes
// all but the last event of a key.
type CompactedTopicError struct {
	Topic      string
	DeadLetter bool          // it is a dead-letter topic
	Retry      time.Duration // the delay of a retry topic; 0 for a dead-letter topic
	Policy     string        // its cleanup.policy
}

func (e *CompactedTopicError) Error() string {
	what := "retry topic"
	if e.DeadLetter {
		what = "dead-letter topic"
	}
	return fmt.Sprintf("%s %s has cleanup.policy=%s, which refuses events without a key and deletes all but the last of each key: set it with "+
		"`kafka-configs.sh --bootstrap-server HOST:PORT --alter --entity-type topics --entity-name %s --add-config cleanup.policy=delete`, "+
		"or in headrace.yaml and with `headrace topics apply`", what, e.Topic, e.Policy, e.Topic)
}

// StuckError says that a handler did not return after its context had ended, so that the worker ended without it. Its event is not
// acknowledged.
type StuckError struct {
	headrace.Location
	Event string
	Stack []byte // of the handler's goroutine; nil when it could not be had
}

func (e *StuckError) Error() string {
	return fmt.Sprintf("handler of %s at %s is still running after its context ended: its event is not acknowledged", e.Event, e.Location)
}

// PanicError is the error of an attempt that panicked, in the handler or in a [ErrorRule], and of a replay whose filter did.
type PanicError struct {
	Value any
	Stack []byte // of the handler's goroutine, at the panic

	what string // panicked; "" is the handler
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("%s panicked: %v", cmp.Or(e.what, "handler"), e.Value)
}

// Unwrap returns the value the handler panicked with, if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
