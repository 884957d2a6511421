package reader

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/schema"
)

// ScanConfig describes what [Scan] looks at. Read.Cluster and Read.Topic are needed.
type ScanConfig struct {
	// Read is the part of the log. A range without an end ends at what there is when the scan starts.
	Read Config

	// Sample, when not 0, is how many events to look at, about: in parts spread evenly over each partition, its first and last
	// events among them. A schema that few events use may be missed.
	Sample int64

	// Progress, when not nil, is called from the scanning goroutine now and then, and at the end: done of total offsets. Offsets that
	// compaction has emptied count as done.
	Progress func(done, total int64)
}

// Place is where an event lies, and the time it carries.
type Place struct {
	headrace.Location
	Time time.Time // in UTC
}

// WriterCount is what a scan saw of the events that name one schema as their writer's.
type WriterCount struct {
	Ref    schema.Ref
	Events int64
	First  Place // the earliest by time, then by partition and offset
	Last   Place // the latest
}

// ForeignCount is what a scan saw of values that are not in the wire format of a schema registry.
type ForeignCount struct {
	Reason string // of the first one
	Events int64
	First  Place
	Last   Place
}

// SchemaScan is which schemas the events of a topic were written with.
type SchemaScan struct {
	Topic      string
	Ranges     []PartitionRange // what was asked for
	Sampled    bool             // not every event of the ranges was looked at
	Events     int64            // looked at
	Writers    []WriterCount    // the most used first
	Tombstones int64            // null values, which have no schema and are not malformed
	Foreign    ForeignCount     // zero Events when every value names a schema
	Overflow   int64            // events of schemas beyond the first 4096
}

// maxWriters bounds what is remembered, since ids come from outside.
const maxWriters = 4096

// Scan reads the wire header of every value in a range and counts by whom they were written. It asks no registry, decodes nothing
// and joins no group; what it costs is the fetching.
//
// It ends, and fails, as [Read] does; with the error comes what was seen until then.
func Scan(ctx context.Context, cfg ScanConfig) (*SchemaScan, error) {
	ranges, err := cfg.ranges(ctx)
	if err != nil {
		return nil, err
	}
	rounds := [][]PartitionRange{ranges}
	s := &scanner{
		scan: &SchemaScan{Topic: cfg.Read.Topic, Ranges: ranges}, writers: map[schema.Ref]*WriterCount{}, progress: cfg.Progress,
	}
	if cfg.Sample > 0 {
		rounds, s.scan.Sampled = spread(ranges, cfg.Sample)
	}
	for _, round := range rounds {
		for _, r := range round {
			s.total += r.To - r.From
		}
	}
	for _, round := range rounds {
		if err = s.read(ctx, cfg.Read, round); err != nil {
			break
		}
	}
	return s.end(), err
}

// ranges fixes where the scan ends.
func (cfg *ScanConfig) ranges(ctx context.Context) ([]PartitionRange, error) {
	if cfg.Sample < 0 {
		return nil, fmt.Errorf("reader: ScanConfig.Sample %d is negative", cfg.Sample)
	}
	if cfg.Read.Ranges == nil {
		span := cfg.Read.Range
		if span.To.IsZero() {
			span.To = AtEnd()
		}
		return Resolve(ctx, cfg.Read.Cluster, cfg.Read.Topic, cfg.Read.Partitions, span)
	}
	for _, r := range cfg.Read.Ranges {
		if r.To < 0 {
			return nil, errors.New("reader: ScanConfig.Read.Ranges has a range without an end, which a scan never reaches")
		}
	}
	return cfg.Read.Ranges, nil
}

// scanner counts.
type scanner struct {
	scan     *SchemaScan
	writers  map[schema.Ref]*WriterCount
	last     *WriterCount // events of one writer come in a row
	record   Record
	progress func(done, total int64)
	done     int64
	total    int64
	at       map[int32]int64 // of each partition, the offset after the one looked at last
}

// progressStep is how many events pass between two looks at whether to tell of progress.
const progressStep = 1 << 14

func (s *scanner) read(ctx context.Context, cfg Config, ranges []PartitionRange) error {
	cfg.Ranges, cfg.Range, cfg.Partitions = ranges, Range{}, nil
	s.at = make(map[int32]int64, len(ranges))
	before, size := s.done, int64(0)
	for _, r := range ranges {
		s.at[r.Partition] = r.From
		size += r.To - r.From
	}
	err := Read(ctx, cfg, func(r Record) error {
		s.record = r
		s.look()
		if s.scan.Events%progressStep == 0 {
			s.done = before
			s.at[r.Partition] = r.Offset + 1
			for _, want := range ranges {
				s.done += s.at[want.Partition] - want.From
			}
			s.tell()
		} else if s.progress != nil {
			s.at[r.Partition] = r.Offset + 1
		}
		return nil
	})
	if err == nil {
		s.done = before + size
		s.tell()
	}
	return err
}

func (s *scanner) tell() {
	if s.progress != nil {
		s.progress(s.done, s.total)
	}
}

// look reads one value's header.
func (s *scanner) look() {
	r := &s.record
	s.scan.Events++
	ref, _, err := schema.ParseWire(r.Value, valueHeader(r.Headers))
	switch {
	case err == nil && s.last != nil && s.last.Ref == ref:
		s.last.add(r)
	case err == nil:
		w := s.writers[ref]
		if w == nil && len(s.writers) >= maxWriters {
			s.scan.Overflow++
			return
		}
		if w == nil {
			w = &WriterCount{Ref: ref}
			s.writers[ref] = w
		}
		s.last = w
		w.add(r)
	case errors.Is(err, schema.ErrTombstone):
		s.scan.Tombstones++
	default:
		f := &s.scan.Foreign
		if f.Events == 0 {
			f.Reason = err.Error()
		}
		count(&f.Events, &f.First, &f.Last, r)
	}
}

// valueHeader looks headers up, nil when there are none: the last of a name counts, as in Kafka's Java client.
func valueHeader(headers []headrace.Header) func(string) ([]byte, bool) {
	if len(headers) == 0 {
		return nil
	}
	return func(key string) ([]byte, bool) {
		for i := len(headers) - 1; i >= 0; i-- {
			if headers[i].Key == key {
				return headers[i].Value, true
			}
		}
		return nil, false
	}
}

func (w *WriterCount) add(r *Record) { count(&w.Events, &w.First, &w.Last, r) }

func count(events *int64, first, last *Place, r *Record) {
	*events++
	if *events == 1 || placeOrder(r, first) < 0 {
		*first = Place{headrace.Location{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}, r.Time}
	}
	if *events == 1 || placeOrder(r, last) > 0 {
		*last = Place{headrace.Location{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}, r.Time}
	}
}

func placeOrder(r *Record, p *Place) int {
	if order := r.Time.Compare(p.Time); order != 0 {
		return order
	}
	if order := cmp.Compare(r.Partition, p.Partition); order != 0 {
		return order
	}
	return cmp.Compare(r.Offset, p.Offset)
}

func (s *scanner) end() *SchemaScan {
	for _, w := range s.writers {
		s.scan.Writers = append(s.scan.Writers, *w)
	}
	slices.SortFunc(s.scan.Writers, func(a, b WriterCount) int {
		return cmp.Or(cmp.Compare(b.Events, a.Events), cmp.Compare(a.Ref.ID, b.Ref.ID), slices.Compare(a.Ref.GUID[:], b.Ref.GUID[:]))
	})
	return s.scan
}
