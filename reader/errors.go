package reader

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/headrace/headrace"
)

// ErrStop, returned by the function given to [Read], ends the reading without an error.
var ErrStop = errors.New("stop reading")

// CorruptError says that a record batch cannot be read. Either its bytes came damaged twice in a row, so that not even its length can be
// trusted, or it does not decompress, or it is over the limits for decompression.
type CorruptError struct {
	headrace.Location // the batch's first offset
	Err               error
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("record batch at %s: %v; compare the partition's replicas", e.Location, e.Err)
}

// Unwrap returns what is wrong with the batch.
func (e *CorruptError) Unwrap() error { return e.Err }

// OutOfRangeError says that the partition's log does not hold an offset that is to be read: it was deleted by retention, it is not
// written yet, or the topic was deleted and created again.
type OutOfRangeError struct {
	headrace.Location       // the offset asked for
	LogStart          int64 // the first offset the partition holds
	LogEnd            int64 // the offset its next event will get
}

func (e *OutOfRangeError) Error() string {
	return fmt.Sprintf("%s is out of range: the log holds %d to %d", e.Location, e.LogStart, e.LogEnd)
}

// RecreatedError says that a topic was deleted and created again under the same name while it was read: the offsets that were still to be
// read mean nothing in the new one.
type RecreatedError struct {
	Topic    string
	Was, Now string // topic ids, as Kafka's tools print them
}

func (e *RecreatedError) Error() string {
	return fmt.Sprintf("topic %s was deleted and created again: its id was %s and is %s, and events of the old topic that were not read are gone: start again in the new topic",
		e.Topic, e.Was, e.Now)
}

// MissingTopicError says that a topic does not exist. The other fields say how to create it, as far as that is known.
type MissingTopicError struct {
	Topic      string
	Partitions int      // 0 when it is not known
	Replicas   int      // of each partition; 0 when it is not known
	Configs    []string // settings, as "retention.ms=-1"
}

func (e *MissingTopicError) Error() string {
	return fmt.Sprintf("topic %s does not exist: create it with `%s`, unless the name is wrong: `headrace topics list` lists those that exist", e.Topic, e.CreateCommand())
}

// CreateCommand is the command line that creates the topic, with N for a number of partitions that is not known.
func (e *MissingTopicError) CreateCommand() string {
	command := "headrace topics create " + e.Topic + " --partitions "
	if e.Partitions > 0 {
		command += strconv.Itoa(e.Partitions)
	} else {
		command += "N"
	}
	if e.Replicas > 0 {
		command += " --replicas " + strconv.Itoa(e.Replicas)
	}
	for _, config := range e.Configs {
		command += " --config " + config
	}
	return command
}
