package deadletter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/headers"
	"github.com/headrace/headrace/internal/schemacache"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

// Headers of an event that was returned from a dead-letter topic. They stay with it, and with the dead letter that it may become again,
// whoever writes that. Only those of HeaderRedriveMark count that [MarksTopic] confirms: whoever writes an event can write headers, and
// would otherwise have it in quarantine the first time it dies.
const (
	HeaderRedrives    = "__redrive.count" // how often it was returned, for reading
	HeaderRedriveMark = "__redrive.mark"  // one for each time: the run, and partition and offset of the dead letter, as in RUN/0:47
)

// Letter is an event that was given up, as it lies in a dead-letter topic. What its headers do not say is left zero.
type Letter struct {
	headrace.Location // of the dead letter

	Fate   Fate   // whether something was done with it
	Run    string // that did it, see [Run]; "" for FateOpen
	Family Family // who wrote it

	Origin   headrace.Location // where the event came from; what is not known of it is "" and -1
	Refers   headrace.Location // where the event lies, when the dead letter is no copy of it; Topic is "" for a copy
	Group    string            // that gave it up: a consumer group, a share group or a connector
	Handler  string            // part of it that failed, where the headers name one: stage and class of a connector
	Event    string            // full name of its schema
	Schema   string            // as in "schema id 7"
	Kind     string            // of failure: see [consumer.HeaderKind]; the exception's class for what Java programs wrote
	Error    string
	Stack    string    // of a panic or exception
	Attempts int       // 0 when no handler has seen it, or when the headers do not say
	Died     time.Time // when it was given up; zero when the headers do not say
	Redrives int       // how often it was returned before; see [HeaderRedriveMark]

	Time    time.Time         // of the event, in UTC
	Key     []byte            // nil is null
	Value   []byte            // nil is null
	Headers []headrace.Header // the event's own
	Raw     []headrace.Header // all of them, as they lie there
}

// Fate is what became of a dead letter. None deletes it from its topic.
type Fate string

// Fates of a dead letter.
const (
	FateOpen      Fate = "open"      // nothing yet
	FateRedriven  Fate = "redriven"  // returned
	FateDiscarded Fate = "discarded" // somebody has decided that it is not needed
)

// givenUp is when the event was given up, or the event's own time when that is not known.
func (d *Letter) givenUp() time.Time {
	if d.Died.IsZero() {
		return d.Time
	}
	return d.Died
}

// ErrNotDecodable says that a value is not in the wire format of a schema registry, so that there is no JSON of it.
var ErrNotDecodable = errors.New("the value cannot be shown as JSON")

// JSON returns the event as JSON, as [schema.ToJSON] writes it, and the schema it was written with. The schema may be known although
// the value does not fit it. A value that no registry has to do with is [ErrNotDecodable], a null one [schema.ErrTombstone].
func (d *Letter) JSON(ctx context.Context, reg *registry.Client) ([]byte, *schema.Schema, error) {
	s, body, err := d.parse(ctx, reg)
	if err != nil {
		return nil, nil, err
	}
	text, err := schema.ToJSON(s, body)
	return text, s, err
}

// rawHeader looks a header of the record up, as [reader.Record.Header] does.
func (d *Letter) rawHeader(key string) (value []byte, ok bool) { return headers.Find(d.Raw, key) }

// parse finds the schema of the value, and the Avro in it.
func (d *Letter) parse(ctx context.Context, reg *registry.Client) (*schema.Schema, []byte, error) {
	ref, body, err := schema.ParseWire(d.Value, d.rawHeader)
	if errors.Is(err, schema.ErrTombstone) {
		return nil, nil, err
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrNotDecodable, err)
	}
	if reg == nil {
		return nil, nil, errors.New("decoding needs a schema registry, and none is given")
	}
	s, err := reg.ResolveFor(ctx, schemacache.SubjectOf(d.Origin.Topic), ref)
	return s, body, err
}
