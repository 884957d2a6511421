package batch

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace"
)

const javaTime = 1700000000000

// javaRecords are the records of the golden files.
func javaRecords() []record {
	return []record{
		{Offset: 0, Timestamp: javaTime, Key: []byte("k0"), Value: []byte("v0")},
		{Offset: 1, Timestamp: javaTime + 5, Value: []byte("v1")},
		{Offset: 2, Timestamp: javaTime - 10, Key: []byte("k2"), Headers: []headrace.Header{
			{Key: "a", Value: []byte("1")}, {Key: "a"}, {Key: "", Value: []byte{}}, {Key: "ü", Value: []byte("é")},
		}},
		{Offset: 3, Timestamp: javaTime + 100000, Key: []byte{}, Value: []byte{}},
		{
			Offset: 4, Timestamp: javaTime + 100, Key: []byte("big"), Value: bytes.Repeat([]byte("headrace "), 333),
			Headers: []headrace.Header{{Key: "traceparent", Value: []byte("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")}},
		},
	}
}

func javaLargeRecords() []record {
	var large strings.Builder
	for i := range 40000 {
		large.WriteString("headrace ")
		large.WriteString(strconv.Itoa(i % 97))
		large.WriteByte(' ')
	}
	records := javaRecords()
	records[4].Value = []byte(large.String())
	return records
}

func TestReadsWhatJavaWrote(t *testing.T) {
	t.Parallel()
	for codec := None; codec <= Zstd; codec++ {
		t.Run(codec.String(), func(t *testing.T) {
			t.Parallel()
			b, got := mustDecode(t, golden(t, "create-"+codec.String()))
			if diff := cmp.Diff(javaRecords(), got); diff != "" {
				t.Error("create time: ", diff)
			}
			want := Batch{
				LastOffset: 4, Count: 5, ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1, LeaderEpoch: -1,
				Codec: codec, FirstTimestamp: javaTime, MaxTimestamp: javaTime + 100000,
			}
			if diff := cmp.Diff(want, header(b), cmp.AllowUnexported(Batch{})); diff != "" {
				t.Error("create time: ", diff)
			}

			b, got = mustDecode(t, golden(t, "append-"+codec.String()))
			records := javaRecords()
			for i := range records {
				records[i].Offset += 100
				records[i].Timestamp = 1800000000000
			}
			if diff := cmp.Diff(records, got); diff != "" {
				t.Error("append time: ", diff)
			}
			if !b.LogAppendTime || b.BaseOffset != 100 || b.LastOffset != 104 || b.LeaderEpoch != 7 {
				t.Errorf("append time: %+v", header(b))
			}
		})
	}
}

func TestReadsSeveralBlocksAndChunksOfJava(t *testing.T) {
	t.Parallel()
	for codec := Gzip; codec <= Zstd; codec++ {
		_, got := mustDecode(t, golden(t, "large-"+codec.String()))
		want := javaLargeRecords()
		if len(got) != len(want) || !bytes.Equal(got[4].Value, want[4].Value) {
			t.Fatalf("%v: other records", codec)
		}
		got[4].Value, want[4].Value = nil, nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: %s", codec, diff)
		}
	}
}

func TestReadsTheProducerFieldsOfJava(t *testing.T) {
	t.Parallel()
	for name, transactional := range map[string]bool{"idempotent": false, "transactional": true} {
		b, got := mustDecode(t, golden(t, name))
		if b.ProducerID != 4711 || b.ProducerEpoch != 3 || b.BaseSequence != 20 || b.Transactional != transactional || b.Control {
			t.Errorf("%s: %+v", name, header(b))
		}
		if diff := cmp.Diff(javaRecords(), got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestWritesTheBytesJavaWrites(t *testing.T) {
	t.Parallel()
	raw := seal(t, None, javaRecords()...)
	if want := golden(t, "create-none"); !bytes.Equal(raw, want) {
		t.Errorf("got  %x\nwant %x", raw[:HeaderSize+60], want[:HeaderSize+60])
	}
	Stamp(raw, 4711, 3, 20, false)
	if want := golden(t, "idempotent"); !bytes.Equal(raw, want) {
		t.Errorf("stamped: got  %x\nwant %x", raw[:HeaderSize], want[:HeaderSize])
	}
}

func TestStepsOverWhatCompactionTookAway(t *testing.T) {
	t.Parallel()
	data := golden(t, "compacted")
	var offsets, lasts []int64
	var times []int64
	var r Reader
	for len(data) > 0 {
		b, rest, err := Next(data)
		if err != nil {
			t.Fatal(err)
		}
		records, err := decode(&r, b, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range records {
			offsets, times = append(offsets, rec.Offset), append(times, rec.Timestamp)
		}
		lasts = append(lasts, b.LastOffset)
		data = rest
	}
	if diff := cmp.Diff([]int64{42, 43, 51}, offsets); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int64{javaTime - 10, javaTime + 100000, javaTime + 5}, times); diff != "" {
		t.Error("the delete horizon shifted timestamps: ", diff)
	}
	if diff := cmp.Diff([]int64{44, 49, 54}, lasts); diff != "" {
		t.Error(diff)
	}
}

func TestOldMessageFormatsAreNamed(t *testing.T) {
	t.Parallel()
	for i, name := range []string{"magic0", "magic1"} {
		raw := golden(t, name)
		b, rest, err := Next(append(raw, 1, 2, 3))
		var old *MagicError
		if !errors.As(err, &old) || int(old.Magic) != i || old.Offset != 12 {
			t.Errorf("%s: got %v", name, err)
		}
		if len(rest) != 3 || !bytes.Equal(b.Raw(), raw) {
			t.Errorf("%s: cannot be stepped over: %d bytes left", name, len(rest))
		}
	}
}

// header returns the batch without its bytes, for comparison.
func header(b Batch) Batch {
	b.raw = nil
	return b
}
