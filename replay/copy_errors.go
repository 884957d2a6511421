package replay

import (
	"errors"
	"fmt"

	"github.com/headrace/headrace"
)

// errOutOfStep says that the broker expects another number of the producer than the one sent: what the target holds is not what was
// thought.
var errOutOfStep = errors.New("the target partition is out of step with the copy")

// errUncertain says that a batch may have arrived or not.
var errUncertain = errors.New("the target partition may hold the batch")

// LoopError says that a replay would feed its own source.
type LoopError struct {
	Replay    string // id
	Target    string // topic
	Partition int32
	Offset    int64  // of the event that came from the target, in Source; -1 when the target is itself the source
	Source    string // topic
}

func (e *LoopError) Error() string {
	if e.Offset < 0 {
		return fmt.Sprintf("replay %s: topic %s is both source and target, and would be copied without end: choose another target", e.Replay, e.Target)
	}
	return fmt.Sprintf("replay %s: the event at topic %s partition %d offset %d was replayed there from topic %s, and would go back to it: "+
		"leave replayed events out with a filter, or choose another target", e.Replay, e.Source, e.Partition, e.Offset, e.Target)
}

// HopsError says that an event has been through [MaxHops] replays, or that its header does not tell how many.
type HopsError struct {
	headrace.Location
	Hops string // as the header [HeaderHops] has it
}

func (e *HopsError) Error() string {
	return fmt.Sprintf("event at %s: header %s is %.20q, and at most %d replays are allowed: leave replayed events out with a filter",
		e.Location, HeaderHops, e.Hops, MaxHops)
}

// GoneError says that the source's log does not hold what the plan says.
type GoneError struct {
	headrace.Location       // the first offset that is missing
	LogStart          int64 // the first offset that the log holds, -1 when unknown
	LogEnd            int64 // the offset the next event gets, -1 when unknown
}

func (e *GoneError) Error() string {
	return fmt.Sprintf("%s is not in the log any more, which holds %d to %d: retention has removed it, or the topic was made anew; make a new plan",
		e.Location, e.LogStart, e.LogEnd)
}

// CorruptError says that a batch of the source cannot be read.
type CorruptError struct {
	headrace.Location // the first offset that cannot be read
	Err               error
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s cannot be read: %v; compare the partition's replicas, or have corrupt batches skipped", e.Location, e.Err)
}

// Unwrap returns what is wrong with the batch.
func (e *CorruptError) Unwrap() error { return e.Err }

// MismatchError says that what the target holds of this copy is not what the source says was copied, so that nobody can tell where the
// copy stood.
type MismatchError struct {
	headrace.Location // in the target
	Reason            string
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("%s: %s: where the copy stood cannot be told; copy to an empty topic with a new plan", e.Location, e.Reason)
}

// CheckpointError says that a checkpoint file is of no use.
type CheckpointError struct {
	Path   string
	Reason string
	Err    error // what reading or writing it said, or nil
}

func (e *CheckpointError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("checkpoint %s: %s: %v", e.Path, e.Reason, e.Err)
	}
	return fmt.Sprintf("checkpoint %s: %s", e.Path, e.Reason)
}

// Unwrap returns what reading or writing the file said.
func (e *CheckpointError) Unwrap() error { return e.Err }
