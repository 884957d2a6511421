package reader

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

// guidHeader names a schema by GUID, in a header, as the newer framing does.
var guidHeader = headrace.Header{Key: schema.HeaderValueSchemaID, Value: append([]byte{1}, make([]byte, 16)...)}

func scanned(t *testing.T, cfg ScanConfig) *SchemaScan {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	scan, err := Scan(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return scan
}

// mixed is a topic with every kind of value in it.
func mixed(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.topic("t", 2)
	w.pings("t", 0, 0, 40) // times 1000 to 1039
	w.pings("t", 1, 500, 2)
	w.put("t", 1,
		rec{value: encoded(pongID, pong{OK: true}), at: 2000},
		rec{key: "k", value: nil, at: 2001},
		rec{value: []byte("hello"), at: 2003},
		rec{value: []byte{}, at: 2002},
		rec{value: []byte{0, 0, 0, 0, ghostID}, at: 2004},
		rec{value: encoded(badID, pong{}), at: 2005},
		rec{value: []byte("plain"), headers: []headrace.Header{{Key: "other"}, guidHeader}, at: 2006},
	)
	return w
}

func TestScanCountsWhoWrote(t *testing.T) {
	t.Parallel()
	w := mixed(t)
	var done, total int64
	got := scanned(t, ScanConfig{
		Read:     Config{Cluster: w.cluster, Topic: "t"},
		Progress: func(d, n int64) { done, total = d, n },
	})
	if done != 49 || total != 49 {
		t.Errorf("progress ended at %d of %d", done, total)
	}
	at := func(partition int32, offset, ms int64) TimedLocation {
		return TimedLocation{headrace.Location{Topic: "t", Partition: partition, Offset: offset}, time.UnixMilli(ms).UTC()}
	}
	want := &SchemaScan{
		Topic: "t", Ranges: []PartitionRange{part(0, 0, 40), part(1, 0, 9)}, Events: 49, Tombstones: 1,
		Writers: []WriterCount{
			{schema.RefID(pingID), 42, at(0, 0, 1000), at(1, 1, 1501)},
			{schema.Ref{ByGUID: true}, 1, at(1, 8, 2006), at(1, 8, 2006)},
			{schema.RefID(pongID), 1, at(1, 2, 2000), at(1, 2, 2000)},
			{schema.RefID(badID), 1, at(1, 7, 2005), at(1, 7, 2005)},
			{schema.RefID(ghostID), 1, at(1, 6, 2004), at(1, 6, 2004)},
		},
		Foreign: ForeignCount{Events: 2, First: at(1, 5, 2002), Last: at(1, 4, 2003), Reason: got.Foreign.Reason},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if !strings.Contains(got.Foreign.Reason, "magic byte is 0x68") {
		t.Errorf("reason %q", got.Foreign.Reason)
	}
}

func TestScanOfARangeAndOfASample(t *testing.T) {
	t.Parallel()
	w := mixed(t)
	part := scanned(t, ScanConfig{Read: Config{Cluster: w.cluster, Topic: "t", Range: Range{From: AtOffset(2)}}})
	if part.Events != 45 || part.Writers[0].Events != 38 || part.Sampled {
		t.Errorf("from offset 2: %+v", part)
	}
	sample := scanned(t, ScanConfig{Read: Config{Cluster: w.cluster, Topic: "t"}, Sample: 12})
	if !sample.Sampled || sample.Events < 8 || sample.Events > 12 {
		t.Errorf("a sample of 12: %d events", sample.Events)
	}
	first, last := sample.Writers[0].First, sample.Writers[0].Last
	if first.Offset != 0 || last.Time.UnixMilli() < 1039 {
		t.Errorf("the sample is from %v to %v", first, last)
	}
	if all := scanned(t, ScanConfig{Read: Config{Cluster: w.cluster, Topic: "t"}, Sample: 1000}); all.Sampled || all.Events != 49 {
		t.Errorf("a sample of more than there is: %+v", all)
	}
}

func TestScanSaysWhatItCannotDo(t *testing.T) {
	t.Parallel()
	w := mixed(t)
	var missing *MissingTopicError
	if _, err := Scan(t.Context(), ScanConfig{Read: Config{Cluster: w.cluster, Topic: "nope"}}); !errors.As(err, &missing) {
		t.Errorf("no such topic: %v", err)
	}
	endless := []PartitionRange{{OffsetRange: headrace.OffsetRange{To: -1}}}
	if _, err := Scan(t.Context(), ScanConfig{Read: Config{Cluster: w.cluster, Topic: "t", Ranges: endless}}); err == nil {
		t.Error("a range without end is scanned")
	}
	if _, err := Scan(t.Context(), ScanConfig{Read: Config{Cluster: w.cluster, Topic: "t"}, Sample: -1}); err == nil {
		t.Error("a negative sample")
	}
}

// stricter is a reader of pings that old pings do not satisfy.
const stricter = `{"type":"record","name":"Ping","namespace":"test","fields":[
	{"name":"n","type":"long"},{"name":"who","type":"int"},{"name":"why","type":"string"}]}`

func TestScanCheckSaysWhichReaderFailsAndWhy(t *testing.T) {
	t.Parallel()
	w := mixed(t)
	scan := scanned(t, ScanConfig{Read: Config{Cluster: w.cluster, Topic: "t", Partitions: []int32{0, 1}}})
	scan.Writers = slices.DeleteFunc(scan.Writers, func(w WriterCount) bool { return w.Ref.ByGUID })
	same, err := schema.Of[ping]()
	if err != nil {
		t.Fatal(err)
	}
	strict, err := schema.Parse(stricter)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		reader *schema.Schema
		kinds  []schema.Kind
	}{
		{same, nil},
		{strict, []schema.Kind{schema.TypeMismatch, schema.ReaderFieldMissingDefaultValue}},
	} {
		verdicts, err := scan.Check(t.Context(), w.registry, test.reader)
		if err != nil || len(verdicts) != 4 {
			t.Fatalf("%v, %v", verdicts, err)
		}
		var kinds []schema.Kind
		for _, p := range verdicts[0].Problems {
			kinds = append(kinds, p.Kind)
		}
		slices.Sort(kinds)
		slices.Sort(test.kinds)
		if v := verdicts[0]; v.Event != "test.Ping" || v.Reader != test.reader || v.Unreadable() != (test.kinds != nil) || !slices.Equal(kinds, test.kinds) {
			t.Errorf("pings: %+v, want %v", v, test.kinds)
		}
		if v := verdicts[1]; v.Event != "test.Pong" || v.Reader != nil || v.Unreadable() {
			t.Errorf("pongs, which nobody reads: %+v", v)
		}
		for _, v := range verdicts[2:] { // what is registered is no schema; the registry has no such id
			if v.Err == nil || !v.Unreadable() || v.Event != "" {
				t.Errorf("%v: %+v", v.Ref, v)
			}
		}
	}
	w.down.Store(true)
	scan.Writers = append(scan.Writers, WriterCount{Ref: schema.RefID(77)})
	if _, err := scan.Check(t.Context(), w.asking(time.Millisecond), same); !registry.Unavailable(err) {
		t.Errorf("while the registry is down: %v", err)
	}
}

// A sample holds what was asked for, within the ranges, each offset once, from one end to the other.
func TestSpreadIsEven(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var ranges []PartitionRange
		total := int64(0)
		for p := range rapid.Int32Range(1, 5).Draw(t, "partitions") {
			from, length := rapid.Int64Range(0, 1e6).Draw(t, "from"), rapid.Int64Range(0, 1e12).Draw(t, "length")
			ranges = append(ranges, part(p, from, from+length))
			total += length
		}
		sample := rapid.Int64Range(1, 1e9).Draw(t, "sample")
		rounds, sampled := spread(ranges, sample)
		if sampled != (total > sample) {
			t.Fatalf("sampled %v", sampled)
		}
		if !sampled {
			return
		}
		chosen, next := int64(0), map[int32]int64{}
		for _, round := range rounds {
			seen := map[int32]bool{}
			for _, r := range round {
				whole := ranges[r.Partition]
				if seen[r.Partition] || r.From < max(next[r.Partition], whole.From) || r.To > whole.To || r.To <= r.From {
					t.Fatalf("%v is not after %d in %v", r, next[r.Partition], whole)
				}
				if next[r.Partition] == 0 && r.From != whole.From {
					t.Fatalf("%v does not begin at the start of %v", r, whole)
				}
				seen[r.Partition], next[r.Partition] = true, r.To
				chosen += r.Len()
			}
		}
		if chosen < min(sample/2, sample-16*5) || chosen > sample+5 {
			t.Fatalf("%d of a sample of %d", chosen, sample)
		}
		for _, r := range ranges {
			if end := next[r.Partition]; r.Len() >= 2*(total/sample+1) && end != r.To {
				t.Fatalf("ends at %d of %v", end, r)
			}
		}
	})
}
