package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ErrClosed is returned by every call on a Client after Close.
var ErrClosed = errors.New("kafka client is closed")

// ErrUnknownTopic means that the cluster was asked more than once and has no such topic. The error that wraps it names
// the topic. It is not retriable: somebody has to create the topic.
var ErrUnknownTopic = errors.New("topic does not exist")

// ErrNoAnswer means that a broker answered a request without a word on this partition or group. What became of it is
// unknown; asking again is safe for anything idempotent.
var ErrNoAnswer = errors.New("missing from the broker's answer")

// BrokerError is an error code that a broker answered with.
type BrokerError struct {
	Request   string // name of the request, for example "Produce"
	Node      int32  // the broker's node id, AnyNode when it was not known
	Topic     string // empty when the error is not about a topic
	Partition int32  // -1 when the error is not about one partition
	Group     string // empty when the error is not about a group
	Message   string // the broker's own words, when it sent any
	Err       error  // *kerr.Error of the code
}

// Error names the request, the topic, partition or group, and the code.
func (e *BrokerError) Error() string {
	text := e.Request
	if e.Topic != "" {
		text += fmt.Sprintf(" topic %q", e.Topic)
		if e.Partition >= 0 {
			text += fmt.Sprintf(" partition %d", e.Partition)
		}
	}
	if e.Group != "" {
		text += fmt.Sprintf(" group %q", e.Group)
	}
	if e.Node >= 0 {
		text += fmt.Sprintf(": broker %d", e.Node)
	}
	text += ": " + e.Err.Error()
	if e.Message != "" {
		text += fmt.Sprintf(" (%q)", clip(e.Message))
	}
	return text
}

// Unwrap returns the *kerr.Error, so that errors.Is(err, kerr.NotLeaderForPartition) works.
func (e *BrokerError) Unwrap() error { return e.Err }

// ConnError is a request that got no usable answer: the dial, the connection or the wait for the answer ended first.
type ConnError struct {
	Request string // name of the request
	Node    int32  // AnyNode when a bootstrap address was asked
	Addr    string // host:port; empty when no address was reached at all
	Sent    bool   // false: certainly nothing of the request left; true: the broker may have acted on it
	Err     error
}

// Error names the request and the address.
func (e *ConnError) Error() string {
	where := "any broker"
	if e.Addr != "" {
		where = "broker " + e.Addr
	}
	if e.Node >= 0 {
		where += fmt.Sprintf(" (node %d)", e.Node)
	}
	return fmt.Sprintf("%s to %s: %v", e.Request, where, e.Err)
}

// Unwrap returns the cause.
func (e *ConnError) Unwrap() error { return e.Err }

// VersionError means that this client and a broker share no version of an API. Retrying does not help; one of the two
// has to be upgraded.
type VersionError struct {
	API                  string // name of the API, for example "Produce"
	Addr                 string // host:port of the broker
	Min, Max             int16  // versions this client speaks
	BrokerMin, BrokerMax int16  // versions the broker offers; -1 when it does not have the API at all
}

// Error names the API, both ranges and the broker.
func (e *VersionError) Error() string {
	if e.BrokerMax < 0 {
		return fmt.Sprintf("broker %s does not offer %s (this client speaks versions %d to %d): Kafka 3.9 or newer is needed",
			e.Addr, e.API, e.Min, e.Max)
	}
	return fmt.Sprintf("broker %s offers %s versions %d to %d, this client speaks %d to %d: upgrade the older side",
		e.Addr, e.API, e.BrokerMin, e.BrokerMax, e.Min, e.Max)
}

// AuthError means that a broker and this client do not accept each other: wrong credentials, an unknown certificate, a
// secret that would have gone out unencrypted. Retrying does not help. No secret is part of it.
type AuthError struct {
	Addr   string // host:port of the broker
	Method string // "TLS" or the SASL mechanism
	Err    error
}

// Error names the broker and the method.
func (e *AuthError) Error() string {
	return fmt.Sprintf("broker %s: %s authentication: %v", e.Addr, e.Method, e.Err)
}

// Unwrap returns the cause.
func (e *AuthError) Unwrap() error { return e.Err }

// FrameError means that what came back on a connection is not the answer Kafka's protocol prescribes.
type FrameError struct {
	Request  string
	Addr     string
	Reason   string
	NotKafka bool // the peer speaks another protocol altogether; retrying does not help
}

// Error names the request, the broker and what is wrong with its bytes.
func (e *FrameError) Error() string {
	return fmt.Sprintf("%s: broker %s: %s", e.Request, e.Addr, e.Reason)
}

// Retriable reports whether the same call may succeed later without anybody changing anything: lost connections,
// elections, moving coordinators, overload. Wrong credentials, missing rights, missing topics and version mismatches
// are not.
//
// Of several errors joined in one, all have to be.
func Retriable(err error) bool {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, inner := range several.Unwrap() {
			if !Retriable(inner) {
				return false
			}
		}
		return true
	}
	var auth *AuthError
	var version *VersionError
	var frame *FrameError
	switch {
	case err == nil, errors.Is(err, ErrClosed), errors.Is(err, ErrUnknownTopic), errors.As(err, &auth), errors.As(err, &version):
		return false
	case errors.As(err, &frame):
		return !frame.NotKafka
	}
	var broker *kerr.Error
	if errors.As(err, &broker) {
		// RebootstrapRequired comes once: what led to the wrong broker is forgotten.
		return broker.Retriable || broker == kerr.BrokerNotAvailable || broker == kerr.RebootstrapRequired
	}
	var conn *ConnError
	if errors.As(err, &conn) {
		return !errors.Is(err, context.Canceled)
	}
	return errors.Is(err, ErrNoAnswer) || errors.Is(err, ErrTopicDisputed)
}

// RefreshesMetadata reports whether err says that a partition's leader may be elsewhere by now, so that the topic's
// metadata should be read again before the next attempt.
func RefreshesMetadata(err error) bool {
	for _, stale := range []error{
		kerr.NotLeaderForPartition, kerr.LeaderNotAvailable, kerr.UnknownTopicOrPartition, kerr.UnknownTopicID,
		kerr.FencedLeaderEpoch, kerr.UnknownLeaderEpoch, kerr.ReplicaNotAvailable, kerr.BrokerNotAvailable,
		kerr.KafkaStorageError, kerr.InconsistentTopicID, kerr.OffsetNotAvailable,
	} {
		if errors.Is(err, stale) {
			return true
		}
	}
	var conn *ConnError
	return errors.As(err, &conn)
}

// RefreshesCoordinator reports whether err says that a group's or transaction's coordinator may be elsewhere by now.
func RefreshesCoordinator(err error) bool {
	var conn *ConnError
	return errors.Is(err, kerr.NotCoordinator) || errors.Is(err, kerr.CoordinatorNotAvailable) || errors.As(err, &conn)
}

// codeError returns the error of a broker's code, nil for 0. A code that kerr does not know keeps its number.
func codeError(code int16) error {
	err := kerr.ErrorForCode(code)
	if errors.Is(err, kerr.UnknownServerError) && code != kerr.UnknownServerError.Code {
		return &kerr.Error{Message: fmt.Sprintf("ERROR_CODE_%d", code), Code: code, Description: "This client does not know the code."}
	}
	return err
}

// requestName is the API's name as Kafka's protocol guide prints it.
func requestName(key int16) string { return kmsg.NameForKey(key) }

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
