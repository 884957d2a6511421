package reader

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace"
)

// readOffsets reads and returns the offsets of each partition.
func readOffsets(t *testing.T, cfg Config) map[int32][]int64 {
	t.Helper()
	got := map[int32][]int64{}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := Read(ctx, cfg, func(r Record) error {
		got[r.Partition] = append(got[r.Partition], r.Offset)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestReadRanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 3)
	for n := range int64(6) {
		w.pings("t", 0, n, 1) // timestamps 1000 to 1005
	}
	w.pings("t", 1, 3, 2) // timestamps 1003 and 1004, one batch
	if err := w.kafka.DeleteRecords("t", 0, 1); err != nil {
		t.Fatal(err)
	}
	at := func(ms int64) Position { return AtTime(time.UnixMilli(ms)) }
	for _, tc := range []struct {
		name       string
		partitions []int32
		r          Range
		want       map[int32][]int64
	}{
		{"everything there is", nil, Range{To: AtEnd()}, map[int32][]int64{0: {1, 2, 3, 4, 5}, 1: {0, 1}}},
		{"one partition", []int32{1}, Range{To: AtEnd()}, map[int32][]int64{1: {0, 1}}},
		{"offsets", []int32{0}, Range{AtOffset(2), AtOffset(4)}, map[int32][]int64{0: {2, 3}}},
		{"from the middle of a batch", []int32{1}, Range{AtOffset(1), AtEnd()}, map[int32][]int64{1: {1}}},
		{"to the middle of a batch", []int32{1}, Range{AtStart(), AtOffset(1)}, map[int32][]int64{1: {0}}},
		{"after the start", nil, Range{AfterStart(3), AtEnd()}, map[int32][]int64{0: {4, 5}}},
		{"before the end", nil, Range{BeforeEnd(1), AtEnd()}, map[int32][]int64{0: {5}, 1: {1}}},
		{"more than there is before the end", nil, Range{BeforeEnd(100), AtEnd()}, map[int32][]int64{0: {1, 2, 3, 4, 5}, 1: {0, 1}}},
		{"times", nil, Range{at(1002), at(1004)}, map[int32][]int64{0: {2, 3}, 1: {0}}},
		{"a time after everything", nil, Range{at(5000), AtEnd()}, map[int32][]int64{}},
		{"up to the time after everything", nil, Range{AtStart(), at(5000)}, map[int32][]int64{0: {1, 2, 3, 4, 5}, 1: {0, 1}}},
		{"backwards is empty", nil, Range{AtEnd(), AtStart()}, map[int32][]int64{}},
		{"nothing", nil, Range{AtStart(), AtStart()}, map[int32][]int64{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cfg := Config{Cluster: w.cluster, Topic: "t", Partitions: tc.partitions, Range: tc.r}
			if diff := cmp.Diff(tc.want, readOffsets(t, cfg)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			ranges, err := Resolve(t.Context(), w.cluster, "t", tc.partitions, tc.r)
			if err != nil {
				t.Fatal(err)
			}
			cfg.Partitions, cfg.Range, cfg.Ranges = nil, Range{}, ranges
			if diff := cmp.Diff(tc.want, readOffsets(t, cfg)); diff != "" {
				t.Errorf("of resolved ranges %v (-want +got)\n%s", ranges, diff)
			}
		})
	}
}

func TestReadGivesTheWholeRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1)
	w.put("t", 0, rec{key: "k", value: []byte("v"), at: 1234, headers: []headrace.Header{{Key: "h", Value: []byte("x")}, {Key: "null"}}}, rec{}, rec{value: []byte{}})
	want := []Record{
		{Topic: "t", Offset: 0, Key: []byte("k"), Value: []byte("v"), Time: time.UnixMilli(1234).UTC(), Headers: []headrace.Header{{Key: "h", Value: []byte("x")}, {Key: "null", Value: nil}}},
		{Topic: "t", Offset: 1, Time: time.UnixMilli(0).UTC()},
		{Topic: "t", Offset: 2, Value: []byte{}, Time: time.UnixMilli(0).UTC()},
	}
	if diff := cmp.Diff(want, w.read("t")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestReadFollows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 2)
	w.pings("t", 0, 0, 1)
	var mu sync.Mutex
	var got []int64
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Read(ctx, Config{Cluster: w.cluster, Topic: "t", Range: Range{From: AtEnd()}}, func(r Record) error {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, r.Offset)
			return nil
		})
	}()
	// The end is fixed at some moment after this, so events are written until one is seen.
	eventually(t, "an event", func() bool {
		w.pings("t", 1, 0, 1)
		mu.Lock()
		defer mu.Unlock()
		return len(got) > 0
	})
	cancel(errBroken)
	if err := <-done; !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
}

func TestReadEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1)
	w.pings("t", 0, 0, 100)
	cfg := Config{Cluster: w.cluster, Topic: "t"}
	var got []int64
	stopAfter := func(err error) func(Record) error {
		got = nil
		return func(r Record) error {
			if got = append(got, r.Offset); len(got) == 3 {
				return err
			}
			return nil
		}
	}
	if err := Read(t.Context(), cfg, stopAfter(ErrStop)); err != nil || !slices.Equal(got, []int64{0, 1, 2}) {
		t.Errorf("stop: %v after %v", err, got)
	}
	if err := Read(t.Context(), cfg, stopAfter(errBroken)); !errors.Is(err, errBroken) {
		t.Errorf("error of the function became %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := Read(ctx, cfg, func(Record) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	cfg.Topic = "absent"
	if missing := asError[*MissingTopicError](t, Read(t.Context(), cfg, stopAfter(nil))); missing.Topic != "absent" {
		t.Errorf("got %+v", missing)
	}
	cfg.Topic, cfg.Partitions = "t", []int32{7}
	if err := Read(t.Context(), cfg, stopAfter(nil)); err == nil || err.Error() != "topic t has no partition 7: it has 1" {
		t.Errorf("got %v", err)
	}
	cfg.Ranges = []PartitionRange{{Partition: 0, OffsetRange: headrace.OffsetRange{From: 500, To: 600}}}
	if out := asError[*OutOfRangeError](t, Read(t.Context(), cfg, stopAfter(nil))); out.Offset != 500 || out.LogEnd != 100 {
		t.Errorf("got %+v", out)
	}
	cfg.Ranges = []PartitionRange{{Partition: 0, OffsetRange: headrace.OffsetRange{From: 5, To: 5}}}
	if err := Read(t.Context(), cfg, stopAfter(errBroken)); err != nil {
		t.Errorf("empty range: %v", err)
	}
}

func TestRecordHeaderIsTheLastOfItsKey(t *testing.T) {
	t.Parallel()
	r := Record{Headers: []headrace.Header{{Key: "a", Value: []byte("first")}, {Key: "b"}, {Key: "a", Value: []byte("last")}, {Key: "A", Value: []byte("other")}}}
	if value, ok := r.Header("a"); !ok || string(value) != "last" {
		t.Errorf("a: %q, %v", value, ok)
	}
	if value, ok := r.Header("b"); !ok || value != nil {
		t.Errorf("b, whose value is null: %q, %v", value, ok)
	}
	if value, ok := r.Header("c"); ok {
		t.Errorf("c, which is not there: %q", value)
	}
}
