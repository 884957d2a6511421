package groups

import (
	"fmt"

	"github.com/headrace/headrace/internal/kafka"
)

// TypeError says that a group is not one of consumers, whose offsets are committed and may be moved.
type TypeError struct {
	Group string
	Type  string // "share", "streams", or the protocol type of a classic group, such as "connect" for Kafka Connect's workers
}

func (e *TypeError) Error() string {
	switch e.Type {
	case kafka.ShareGroup:
		return fmt.Sprintf("group %s is a share group (KIP-932), which commits no offsets: see it with `kafka-share-groups.sh --bootstrap-server HOST:PORT "+
			"--describe --group %[1]s`, move it with `kafka-share-groups.sh --reset-offsets`", e.Group)
	case kafka.StreamsGroup:
		return fmt.Sprintf("group %s is a Kafka Streams application (KIP-1071), whose state goes with its offsets: see it with `kafka-streams-groups.sh "+
			"--bootstrap-server HOST:PORT --describe --group %[1]s`, move it with `kafka-streams-groups.sh --reset-offsets`", e.Group)
	case "connect":
		return fmt.Sprintf("group %s is one of Kafka Connect's workers, which commit no offsets in it: a sink connector NAME commits in group connect-NAME, "+
			"a source connector keeps its offsets in a topic: see and move them with Connect's REST API, /connectors/NAME/offsets", e.Group)
	default:
		return fmt.Sprintf("group %s is one of protocol type %s, not of consumers: move it with the tools of the program it belongs to", e.Group, e.Type)
	}
}

// foreign is why a group's offsets are not for this package to move, or nil.
func foreign(d kafka.DescribedGroup) error {
	switch {
	case d.Type == kafka.ShareGroup || d.Type == kafka.StreamsGroup:
		return &TypeError{Group: d.Group, Type: d.Type}
	case d.ProtocolType != "" && d.ProtocolType != typeConsumer:
		return &TypeError{Group: d.Group, Type: d.ProtocolType}
	}
	return nil
}
