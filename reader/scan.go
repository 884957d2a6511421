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

	// Sample, when not 0, is about how many events to look at. They are in parts spread evenly over each partition, from its first
	// event to its last. A schema that few events use may be missed.
	Sample int64

	// Progress, when not nil, is called now and then and at the end, from the scanning goroutine, with the number of offsets that are
	// done and of all. Offsets that compaction has emptied count as done.
	Progress func(done, total int64)
}

// TimedLocation is where an event lies, and the time it carries.
type TimedLocation struct {
	headrace.Location
	Time time.Time // in UTC
}

// WriterCount counts the events that were written with one schema.
type WriterCount struct {
	Ref    schema.Ref
	Events int64
	First  TimedLocation // the earliest by time, then by partition and offset
	Last   TimedLocation // the latest
}

// ForeignCount counts the values that are not in the wire format of a schema registry.
type ForeignCount struct {
	Reason string // of the first one
	Events int64
	First  TimedLocation
	Last   TimedLocation
}

// SchemaScan says which schemas the events of a topic were written with.
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

// maxWriters bounds the writers that are counted apart: anybody can write ids into a topic.
const maxWriters = 4096

// Scan reads the wire header of every value in a range and counts the events of each writer's schema. It asks no registry and decodes
// nothing, so that it is about as fast as the fetching.
//
// It ends and fails as [Read] does. With an error it also returns what it has counted until then.
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
			s.total += r.Len()
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

// scanner counts the events of one Scan.
type scanner struct {
	scan     *SchemaScan
	writers  map[schema.Ref]*WriterCount
	last     *WriterCount // the writer of the last event, which is mostly that of the next one too
	record   Record
	progress func(done, total int64)
	done     int64
	total    int64
	at       map[int32]int64 // of each partition, the offset after the one looked at last
}

// progressStep is the number of events between two calls of Progress.
const progressStep = 1 << 14

func (s *scanner) read(ctx context.Context, cfg Config, ranges []PartitionRange) error {
	cfg.Ranges, cfg.Range, cfg.Partitions = ranges, Range{}, nil
	s.at = make(map[int32]int64, len(ranges))
	before, size := s.done, int64(0)
	for _, r := range ranges {
		s.at[r.Partition] = r.From
		size += r.Len()
	}
	err := Read(ctx, cfg, func(r Record) error {
		s.record = r
		s.inspect()
		if s.scan.Events%progressStep == 0 {
			s.done = before
			s.at[r.Partition] = r.Offset + 1
			for _, want := range ranges {
				s.done += s.at[want.Partition] - want.From
			}
			s.report()
		} else if s.progress != nil {
			s.at[r.Partition] = r.Offset + 1
		}
		return nil
	})
	if err == nil {
		s.done = before + size
		s.report()
	}
	return err
}

func (s *scanner) report() {
	if s.progress != nil {
		s.progress(s.done, s.total)
	}
}

// inspect reads the header of one value and counts it.
func (s *scanner) inspect() {
	r := &s.record
	s.scan.Events++
	ref, _, err := schema.ParseWire(r.Value, r.Header)
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

func (w *WriterCount) add(r *Record) { count(&w.Events, &w.First, &w.Last, r) }

func count(events *int64, first, last *TimedLocation, r *Record) {
	*events++
	if *events == 1 || compareToLocation(r, first) < 0 {
		*first = TimedLocation{headrace.Location{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}, r.Time}
	}
	if *events == 1 || compareToLocation(r, last) > 0 {
		*last = TimedLocation{headrace.Location{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}, r.Time}
	}
}

func compareToLocation(r *Record, p *TimedLocation) int {
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
