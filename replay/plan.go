package replay

import (
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/replay/filter"
	"github.com/headrace/headrace/schema"
)

// PlanVersion is the version of the plan file that this package writes, and the only one it reads.
const PlanVersion = 1

// Plan is what a replay will do, as it was worked out when it was made: the exact offsets, what lies in them, and where it goes. It is
// a value, and its JSON is the plan file. Nothing has happened yet.
type Plan struct {
	Version int       `json:"version"` // PlanVersion
	ID      string    `json:"id"`      // of the replay; every event that it writes carries it in HeaderReplay
	MadeAt  time.Time `json:"made_at"`
	MadeBy  string    `json:"made_by,omitempty"` // user@host

	Source Source        `json:"source"`
	Topics []TopicState  `json:"topics"` // of the source, in its order
	Filter filter.Filter `json:"filter"`
	Target Target        `json:"target"`

	Spans   []Span   `json:"spans"`             // by topic, then partition
	Counts  Counts   `json:"counts"`            // of what the filter lets through
	Writers []Writer `json:"writers,omitempty"` // the schemas met, the most used first

	// Earlier are the replays that events of the spans came by, as their headers tell, the first 1000. Only of a copy.
	Earlier []string `json:"earlier,omitempty"`

	Consumers []string `json:"consumers,omitempty"` // groups that have committed offsets of the target topic: they will see the events
	Risks     []string `json:"risks,omitempty"`     // what a person should know before applying, in words
	Seconds   float64  `json:"seconds,omitempty"`   // estimated, from the speed of the scan and the limits
}

// Source says what is replayed, as it was asked for. Positions are in the grammar of reader.ParseRange, or committed:GROUP.
type Source struct {
	ClusterID  string   `json:"cluster_id"`
	Topics     []string `json:"topics"`
	Partitions []int32  `json:"partitions,omitempty"` // none: all
	From       string   `json:"from"`                 // "" is start
	To         string   `json:"to"`                   // "" is end, as it was when the plan was made
}

// TopicState is what a topic was when the plan was made.
type TopicState struct {
	Name       string `json:"name"`
	ID         string `json:"id,omitempty"` // hexadecimal; "" when the broker does not send topic ids
	Partitions int32  `json:"partitions"`
}

// Target says where the events go. Exactly one of Topic, Handlers and Rewind is set.
type Target struct {
	ClusterID string `json:"cluster_id,omitempty"`
	Topic     string `json:"topic,omitempty"`    // copied there, into the partition of the same number
	TopicID   string `json:"topic_id,omitempty"` // of that topic when the plan was made; see [TopicState]
	Handlers  string `json:"handlers,omitempty"` // given to the handlers of this service, by Run; the name is for the record
	Rewind    string `json:"rewind,omitempty"`   // this group's committed offsets move back to the spans' beginnings

	Raw        bool   `json:"raw,omitempty"`        // whole batches pass undecoded, without headers of their own; no filter
	Partitions int32  `json:"partitions,omitempty"` // of Topic when the plan was made
	Reencode   string `json:"reencode,omitempty"`   // subject whose latest schema the values are written with anew
}

// Span is an offset range of one partition, fixed when the plan was made.
type Span struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	headrace.OffsetRange

	LogStart  int64 `json:"log_start"`           // first offset that the log held then
	LogEnd    int64 `json:"log_end"`             // the offset the next event would have got
	Gone      int64 `json:"gone,omitempty"`      // offsets asked for that retention has removed
	Committed int64 `json:"committed,omitempty"` // of Target.Rewind's group, when the plan was made
	Events    int64 `json:"events"`              // that the filter lets through
	Bytes     int64 `json:"bytes"`               // of their keys and values
}

// Counts is what a plan found. Tombstones, Foreign, Unknown and Corrupt are of all events looked at.
type Counts struct {
	Scanned    int64            `json:"scanned"` // events looked at
	Events     int64            `json:"events"`  // events that the filter lets through
	Bytes      int64            `json:"bytes"`
	ByEvent    map[string]int64 `json:"by_event,omitempty"` // by full name of the schema
	ByDay      map[string]int64 `json:"by_day,omitempty"`   // 2006-01-02, UTC
	Tombstones int64            `json:"tombstones,omitempty"`
	Foreign    int64            `json:"foreign,omitempty"` // values that are not in a registry's wire format
	Unknown    int64            `json:"unknown,omitempty"` // events with schemas that have to be known and are not; see [Unknown]
	Corrupt    int64            `json:"corrupt,omitempty"` // events, or batches, that cannot be read
}

// Writer is a schema that events of the source were written with.
type Writer struct {
	Ref      schema.Ref // in JSON id, or guid
	Event    string     // full name; "" when the registry does not know the schema
	Events   int64
	Problems []string // why the target cannot read it; none: it can, where Event is known
}

// Headers of an event that a replay has written to a topic, beside those of the event itself.
const (
	HeaderReplay    = "__replay.id"
	HeaderTopic     = "__replay.topic" // where the event came from
	HeaderPartition = "__replay.partition"
	HeaderOffset    = "__replay.offset"
	HeaderHops      = "__replay.hops" // how many replays it has been through
)

// MaxHops is how many replays an event may have been through; one more is refused.
const MaxHops = 8
