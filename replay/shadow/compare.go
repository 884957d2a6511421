// Package shadow compares what a new build writes, run over a part of the past, with what production wrote.
//
// [Compare] reads both topics once and changes nothing. It opens its own connections and closes them before it returns, and is safe for
// concurrent use.
package shadow

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/replay"
	"github.com/headrace/headrace/schema/registry"
)

// Config says what of a shadow run is compared with what. Cluster, Expected and Shadow are needed.
//
// An event of the one side belongs to the event of the other that has the same key and, with OriginHeader, the same origin; of several, to
// the one at the same place in their order. So both topics have as many partitions, and are written with the same partitioner.
type Config struct {
	Cluster  headrace.Cluster
	Registry *registry.Client // decodes the values; without it they are compared byte by byte

	Expected Output // what production wrote
	Shadow   Output // what the handlers wrote in the shadow run

	// OriginHeader is the name of a header by which an event tells of the event that it was made from; "" when there is none. Any bytes
	// serve, as long as both sides write the same, such as [consumer.Info.Origin]. Events with an origin of that form that is in none
	// of Spans are left out, so that the range of Expected need not be exact.
	OriginHeader string
	Spans        []replay.Span // of the input; nil leaves nothing out

	// Ignore are fields that may differ, by their path: a.b is the field b of the record a, items[].price the price of each item, and
	// what lies below an ignored field is ignored too. The record's timestamp and headers are never compared.
	Ignore []string

	// MemoryBytes bounds what waits for its counterpart, beside 32 MiB for reading. When it is used up the partition is read once more
	// for each half of the keys, so that little memory costs time. Defaults to 256 MiB. The events of one key that wait must fit.
	MemoryBytes int

	Progress func(done, total int64) // when not nil, told of offsets now and then, from the calling goroutine
}

// Output is a part of a topic.
type Output struct {
	Topic string
	Range reader.Range // an end that is not set is the end as it is now

	// Only events whose timestamp is not before Begin, and before End, count; zero is no bound. A range of times says less: it ends at
	// the first event that is later, and a service whose handlers run side by side may have written earlier ones behind it.
	Begin, End time.Time
}

// within reports whether an event at a time counts.
func (o *Output) within(at time.Time) bool {
	return !at.Before(o.Begin) && (o.End.IsZero() || at.Before(o.End))
}

// Difference is how the output of a shadow run differs from what production wrote.
type Difference struct {
	Expected int64 `json:"expected"` // events that production wrote
	Shadow   int64 `json:"shadow"`   // events that the shadow run wrote

	Same    int64 `json:"same"`
	Missing int64 `json:"missing"` // only in Expected
	Extra   int64 `json:"extra"`   // only in Shadow
	Changed int64 `json:"changed"` // in both, and not the same
	Outside int64 `json:"outside"` // left out, on either side: of an input that was not replayed, or of a time that does not count

	Fields   []FieldCount `json:"fields,omitempty"`   // what has changed, the most frequent first
	Examples []Deviation  `json:"examples,omitempty"` // the first 20 of each kind, by partition and offset
}

// Equal reports whether nothing differs.
func (d Difference) Equal() bool { return d.Missing == 0 && d.Extra == 0 && d.Changed == 0 }

// FieldCount is in how many events a field has changed. A thousand fields are counted, further ones as "other".
type FieldCount struct {
	Event  string `json:"event,omitempty"` // full name of the event type; "" where it is not known
	Field  string `json:"field"`           // its path, see Config.Ignore; (type) and (value) are the whole event
	Events int64  `json:"events"`
}

// Kinds of deviations.
const (
	Missing = "missing"
	Extra   = "extra"
	Changed = "changed"
)

// Deviation is one event that differs.
type Deviation struct {
	Kind      string       `json:"kind"`
	Partition int32        `json:"partition"`
	Expected  *int64       `json:"expected,omitempty"` // offset in the expected topic; nil when it is extra
	Shadow    *int64       `json:"shadow,omitempty"`   // offset in the shadow topic; nil when it is missing
	Key       string       `json:"key"`
	Event     string       `json:"event,omitempty"`
	Fields    []FieldValue `json:"fields,omitempty"` // that have changed, the first 20
}

// FieldValue is a field that has changed, its values as JSON, 200 bytes at most.
type FieldValue struct {
	Field    string `json:"field"`
	Expected string `json:"expected"`
	Shadow   string `json:"shadow"`
}

// MemoryError says that what waits for its counterpart of one key, or of very few, does not fit into Config.MemoryBytes.
type MemoryError struct {
	Partition int32
	Bytes     int
}

func (e *MemoryError) Error() string {
	return fmt.Sprintf("compare: partition %d: the events of a key that have no counterpart take more than %d bytes: compare a shorter range, or allow more memory",
		e.Partition, e.Bytes)
}

const (
	defaultMemory = 256 << 20
	maxSplits     = 24 // a bucket is this part of the keys at least: one of 2^24
)

// Compare reads both sides once, a partition at a time, and tells how they differ; it changes nothing. Topics that do not exist are
// *[reader.MissingTopicError]. Values that cannot be decoded are compared byte by byte. Outages are waited for until ctx ends.
func Compare(ctx context.Context, cfg Config) (Difference, error) {
	c, err := newComparing(cfg)
	if err != nil {
		return Difference{}, err
	}
	if err := c.locate(ctx); err != nil {
		return Difference{}, err
	}
	for partition := range c.ranges[expected] {
		if err := c.partition(ctx, int32(partition)); err != nil {
			return Difference{}, err
		}
	}
	c.advance(0)
	return c.total.difference(), nil
}

// The two sides of a comparison.
const (
	expected = 0
	shadow   = 1
)

// comparison is one Compare.
type comparison struct {
	Config
	sides   [2]*Output
	ranges  [2][]reader.PartitionRange // by partition
	reader  *eventReader
	ignore  ignored
	origins map[string][]replay.Span // by topic; nil leaves nothing out
	seed    maphash.Seed
	total   *tally

	done, size int64 // offsets
}

func newComparing(cfg Config) (*comparison, error) {
	switch {
	case cfg.Expected.Topic == "" || cfg.Shadow.Topic == "":
		return nil, errors.New("compare: Config.Expected and Shadow both need a topic")
	case cfg.Expected.Topic == cfg.Shadow.Topic:
		return nil, fmt.Errorf("compare: topic %s is both expected and shadow: a shadow run writes to a topic of its own", cfg.Shadow.Topic)
	case cfg.MemoryBytes < 0:
		return nil, fmt.Errorf("compare: Config.MemoryBytes %d is negative", cfg.MemoryBytes)
	case cfg.Spans != nil && cfg.OriginHeader == "":
		return nil, errors.New("compare: Config.Spans needs OriginHeader: without it nobody can tell what an event was made from")
	}
	if cfg.MemoryBytes == 0 {
		cfg.MemoryBytes = defaultMemory
	}
	c := &comparison{
		Config: cfg, reader: newEventReader(cfg.Registry),
		seed: maphash.MakeSeed(), total: newTally(),
	}
	c.sides = [2]*Output{&c.Expected, &c.Shadow}
	var err error
	if c.ignore, err = parseIgnored(cfg.Ignore); err != nil {
		return nil, err
	}
	if cfg.Spans != nil {
		c.origins = map[string][]replay.Span{}
		for _, s := range cfg.Spans {
			c.origins[s.Topic] = append(c.origins[s.Topic], s)
		}
	}
	return c, nil
}

// locate turns the ranges into offsets.
func (c *comparison) locate(ctx context.Context) (err error) {
	for side, out := range c.sides {
		if out.Range.To.IsZero() {
			out.Range.To = reader.AtEnd()
		}
		if c.ranges[side], err = reader.Resolve(ctx, c.Cluster, out.Topic, nil, out.Range); err != nil {
			return err
		}
		for _, r := range c.ranges[side] {
			c.size += r.Len()
		}
	}
	if e, s := len(c.ranges[expected]), len(c.ranges[shadow]); e != s {
		return fmt.Errorf("compare: topic %s has %d partitions and topic %s %d: a key lies in the same partition of both only when they have as many",
			c.Expected.Topic, e, c.Shadow.Topic, s)
	}
	return nil
}

// partition compares one partition, in as many buckets of keys as the memory needs.
func (c *comparison) partition(ctx context.Context, partition int32) error {
	for open := []bucket{{}}; len(open) > 0; {
		b := open[len(open)-1]
		open = open[:len(open)-1]
		counted, err := c.bucket(ctx, partition, b)
		switch {
		case errors.Is(err, errNoRoom) && b.bits < maxSplits:
			c.size += 2 * c.sizeOf(partition)
			open = append(open, b.half(1), b.half(0))
		case errors.Is(err, errNoRoom):
			return &MemoryError{Partition: partition, Bytes: c.MemoryBytes}
		case err != nil:
			return err
		default:
			c.total.merge(counted)
		}
	}
	return nil
}

func (c *comparison) sizeOf(partition int32) (n int64) {
	for side := range c.ranges {
		n += c.ranges[side][partition].To - c.ranges[side][partition].From
	}
	return n
}

// advance tells of progress.
func (c *comparison) advance(offsets int64) {
	c.done += offsets
	if c.Progress != nil {
		c.Progress(min(c.done, c.size), c.size)
	}
}

// bucket is the keys whose hash ends in value.
type bucket struct {
	bits  int
	value uint64
}

func (b bucket) has(hash uint64) bool { return hash&(1<<b.bits-1) == b.value }

func (b bucket) half(bit uint64) bucket { return bucket{b.bits + 1, b.value | bit<<b.bits} }
