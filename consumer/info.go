package consumer

import (
	"context"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/schema"
)

// Info is what a handler can know about the event it was given, beside the event itself. An event that comes from a retry topic is
// told as it was in its own topic, so that Topic, Partition and Offset name it whenever it is tried.
type Info struct {
	Topic     string
	Partition int32
	Offset    int64
	Key       string // "" for a null key as well, see NullKey
	NullKey   bool
	Time      time.Time         // the record's timestamp, in UTC
	Headers   []headrace.Header // in the order of the record; nil without any
	Event     string            // full name of the schema the event was written with; "" for a tombstone
	Schema    schema.Ref
	Attempt   int // 1 for the first, and on through retry topics
	Retry     int // tiers of [Policy.Retry] that the event has climbed; 0 in its own topic
	Group     string

	// Replay is the id of the replay by which the event came: of [Replay], or of the one that has copied it to its topic, by the record's
	// header [HeaderReplay] where [ReplaysTopic] has a record of it. Batches that were copied whole carry no such header. "" says that
	// the event is live, or that nothing but its header says otherwise.
	Replay string
}

// InfoFrom returns what is known about the event that ctx, a handler's context or one made from it, belongs to. The result is a copy:
// safe to keep and to change. Outside of a handler, and once the handler has returned, it is the zero Info.
func InfoFrom(ctx context.Context) Info {
	if e, ok := ctx.Value(eventKey{}).(*event); ok {
		return e.info()
	}
	return Info{}
}
