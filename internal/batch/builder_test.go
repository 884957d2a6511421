package batch

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/headrace/headrace"
)

var (
	anyBytes = rapid.OneOf(
		rapid.Just([]byte(nil)),
		rapid.SliceOfN(rapid.Byte(), 0, 40),
		rapid.Map(rapid.IntRange(0, 20000), func(n int) []byte { return bytes.Repeat([]byte{'x'}, n) }),
	)
	anyHeader = rapid.Custom(func(t *rapid.T) headrace.Header {
		return headrace.Header{Key: rapid.StringN(0, 12, -1).Draw(t, "header key"), Value: anyBytes.Draw(t, "header value")}
	})
	anyRecord = rapid.Custom(func(t *rapid.T) record {
		return record{
			Timestamp: rapid.OneOf(rapid.Int64(), rapid.Int64Range(0, 3000)).Draw(t, "timestamp"),
			Key:       anyBytes.Draw(t, "key"),
			Value:     anyBytes.Draw(t, "value"),
			Headers:   rapid.SliceOfN(anyHeader, 0, 4).Draw(t, "headers"),
		}
	})
	anyRecords = rapid.Custom(func(t *rapid.T) []record {
		records := rapid.SliceOfN(anyRecord, 1, 30).Draw(t, "records")
		for i := range records {
			records[i].Offset = int64(i)
			if len(records[i].Headers) == 0 {
				records[i].Headers = nil
			}
		}
		return records
	})
	anyCodec = rapid.Custom(func(t *rapid.T) Codec { return Codec(rapid.IntRange(0, 4).Draw(t, "codec")) })
)

// straight encodes records without guessing or moving anything.
func straight(records []record) []byte {
	var out []byte
	for i, r := range records {
		body := appendVarint([]byte{0}, r.Timestamp-records[0].Timestamp)
		body = appendVarint(body, int64(i))
		for _, b := range [][]byte{r.Key, r.Value} {
			if b == nil {
				body = append(body, 1)
				continue
			}
			body = append(appendVarint(body, int64(len(b))), b...)
		}
		body = appendHeaders(body, r.Headers)
		out = append(appendVarint(out, int64(len(body))), body...)
	}
	return out
}

func TestBuiltBytesEqualStraightEncoding(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		records := anyRecords.Draw(rt, "records")
		var b Builder
		b.Reset(make([]byte, 0, rapid.IntRange(0, 4000).Draw(rt, "capacity")))
		for _, r := range records {
			before := b.Len()
			dst := b.Begin(r.Timestamp, r.Key)
			var size int
			var err error
			if r.Value == nil {
				size, err = b.EndNull(r.Headers)
			} else {
				size, err = b.End(append(dst, r.Value...), r.Headers)
			}
			if err != nil || b.Len() != before+size {
				rt.Fatalf("record of %d bytes took the batch from %d to %d bytes: %v", size, before, b.Len(), err)
			}
		}
		raw, err := b.Seal(None)
		if err != nil {
			rt.Fatal(err)
		}
		if !bytes.Equal(raw[HeaderSize:], straight(records)) {
			rt.Fatal("other bytes")
		}
	})
}

func TestEveryCodecGivesBackWhatWasBuilt(t *testing.T) {
	t.Parallel()
	var reader Reader
	rapid.Check(t, func(rt *rapid.T) {
		records, codec := anyRecords.Draw(rt, "records"), anyCodec.Draw(rt, "codec")
		raw := seal(t, codec, records...)
		Stamp(raw, 9, 2, 77, true)
		b, rest, err := Next(append(raw, "next"...))
		if err != nil || string(rest) != "next" {
			rt.Fatalf("%d bytes left: %v", len(rest), err)
		}
		got, err := decode(&reader, b, Limits{})
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(records, got, exactBytes); diff != "" {
			rt.Fatal(diff)
		}
		want := Batch{
			LastOffset: int64(len(records) - 1), Count: len(records), ProducerID: 9, ProducerEpoch: 2, BaseSequence: 77,
			LeaderEpoch: -1, Transactional: true, Codec: b.Codec, FirstTimestamp: records[0].Timestamp, MaxTimestamp: records[0].Timestamp,
		}
		for _, r := range records {
			want.MaxTimestamp = max(want.MaxTimestamp, r.Timestamp)
		}
		if diff := cmp.Diff(want, header(b), cmp.AllowUnexported(Batch{})); diff != "" {
			rt.Fatal(diff)
		}
		if b.Codec != codec && b.Codec != None {
			rt.Fatalf("asked for %v, got %v", codec, b.Codec)
		}
	})
}

func TestAbortedRecordLeavesNoTrace(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		records := anyRecords.Draw(rt, "records")
		var b, clean Builder
		for i, r := range records {
			if rapid.Bool().Draw(rt, "abort") {
				length, count, latest := b.Len(), b.Count(), b.MaxTimestamp()
				_ = append(b.Begin(1<<50, []byte("aborted")), bytes.Repeat([]byte{'!'}, 5000*(i%2))...)
				b.Abort()
				if b.Len() != length || b.Count() != count || b.MaxTimestamp() != latest {
					rt.Fatal("an aborted record changed the batch")
				}
			}
			add(t, &b, r)
			add(t, &clean, r)
		}
		got, err := b.Seal(None)
		want, cleanErr := clean.Seal(None)
		if err != nil || cleanErr != nil || !bytes.Equal(got, want) {
			rt.Fatalf("an aborted record left bytes behind: %v, %v", err, cleanErr)
		}
	})
}

func TestMovedRecordIsAsIfBuiltThere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		stay, moved := anyRecords.Draw(rt, "stay"), anyRecord.Draw(rt, "moved")
		target := anyRecords.Draw(rt, "target")
		var from, to, wantFrom, wantTo Builder
		for _, r := range stay {
			add(t, &from, r)
			add(t, &wantFrom, r)
		}
		for _, r := range target {
			add(t, &to, r)
			add(t, &wantTo, r)
		}
		add(t, &from, moved)
		add(t, &wantTo, moved)
		before := to.Len()
		size, err := from.MoveLast(&to)
		if err != nil || to.Len() != before+size {
			rt.Fatalf("moved %d bytes: %v", size, err)
		}
		if size, err := from.MoveLast(&to); size != 0 || err != nil {
			rt.Fatalf("a second record moved: %d bytes, %v", size, err)
		}
		for _, pair := range [][2]*Builder{{&from, &wantFrom}, {&to, &wantTo}} {
			got, err := pair[0].Seal(None)
			want, wantErr := pair[1].Seal(None)
			if err != nil || wantErr != nil || !bytes.Equal(got, want) {
				rt.Fatalf("other bytes: %v, %v", err, wantErr)
			}
		}
	})
}

func TestTheOnlyRecordCanMove(t *testing.T) {
	t.Parallel()
	var from, to Builder
	add(t, &from, record{Timestamp: 900, Value: []byte("v")})
	if _, err := from.MoveLast(&to); err != nil || from.Count() != 0 || from.MaxTimestamp() != -1 || to.MaxTimestamp() != 900 {
		t.Fatalf("left %d records: %v", from.Count(), err)
	}
	add(t, &from, record{Timestamp: 5, Value: []byte("w")})
	raw, err := from.Seal(None)
	if err != nil {
		t.Fatal(err)
	}
	b, got := mustDecode(t, raw)
	if b.FirstTimestamp != 5 || b.MaxTimestamp != 5 || got[0].Timestamp != 5 {
		t.Errorf("the moved record's time is still there: %+v", b)
	}
}

func TestSealRefusesAnEmptyBatch(t *testing.T) {
	t.Parallel()
	var b Builder
	if _, err := b.Seal(None); !errors.Is(err, ErrEmpty) {
		t.Errorf("never used: %v", err)
	}
	b.Begin(1, nil)
	if _, err := b.Seal(Zstd); !errors.Is(err, ErrEmpty) {
		t.Errorf("one open record: %v", err)
	}
	add(t, &b, record{Value: []byte("v")})
	if _, err := b.Seal(Codec(5)); err == nil {
		t.Error("an unknown codec was taken")
	}
	if raw, err := b.Seal(Gzip); err != nil {
		t.Error("after an unknown codec:", err)
	} else if got, _ := mustDecode(t, raw); got.Codec != None {
		t.Errorf("a batch too small to gain was compressed with %v", got.Codec)
	}
	if b.Count() != 0 || b.Len() != HeaderSize {
		t.Errorf("the builder still holds %d records of the sealed batch", b.Count())
	}
}

func TestEndRefusesAForeignBuffer(t *testing.T) {
	t.Parallel()
	var b Builder
	if _, err := b.End([]byte("never begun"), nil); !errors.Is(err, ErrNotBegun) {
		t.Error("without Begin:", err)
	}
	if _, err := b.EndNull(nil); !errors.Is(err, ErrNotBegun) {
		t.Error("without Begin:", err)
	}
	b.Begin(1, []byte("key"))
	if _, err := b.End(nil, nil); !errors.Is(err, ErrNotBegun) {
		t.Error("nil buffer:", err)
	}
	if b.Count() != 0 || b.Len() != HeaderSize {
		t.Error("the refused record is in the batch")
	}
}

func TestStampChangesNothingButItsFields(t *testing.T) {
	t.Parallel()
	raw := seal(t, LZ4, javaLargeRecords()...)
	before := bytes.Clone(raw)
	Stamp(raw, 1<<40, 7, 1<<30, true)
	b, got := mustDecode(t, raw)
	if b.ProducerID != 1<<40 || b.ProducerEpoch != 7 || b.BaseSequence != 1<<30 || !b.Transactional || len(got) != 5 {
		t.Errorf("got %+v", header(b))
	}
	Stamp(raw, -1, -1, -1, false)
	if !bytes.Equal(raw, before) {
		t.Error("other bytes after the fields were set back")
	}
}

func TestStampKnowsTheCRCWithoutReadingTheRecords(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		raw := seal(t, None, record{Value: make([]byte, rapid.IntRange(0, 1<<17).Draw(rt, "size"))})
		for range 3 {
			Stamp(raw, rapid.Int64().Draw(rt, "producer"), rapid.Int16().Draw(rt, "epoch"),
				rapid.Int32().Draw(rt, "sequence"), rapid.Bool().Draw(rt, "transactional"))
			got := bytes.Clone(raw)
			if !bytes.Equal(got, sound(raw)) {
				rt.Fatal("other CRC than that of the bytes")
			}
		}
	})
}

func TestStampKeepsDamageVisible(t *testing.T) {
	t.Parallel()
	raw := seal(t, None, javaRecords()...)
	raw[len(raw)-1] ^= 1
	Stamp(raw, 1, 0, 0, false)
	_, _, err := Next(raw)
	var corrupt *CorruptError
	if !errors.As(err, &corrupt) {
		t.Errorf("a record changed after Seal got a sound CRC: %v", err)
	}
}

func TestVarintsAreShortestAndReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		v := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-200, 200)).Draw(rt, "v")
		p := appendVarint(nil, v)
		got, n := varint(append(p, 0xff))
		if got != v || n != len(p) || n != varintSize(v) || n > 1 && p[n-1] == 0 {
			rt.Fatalf("%d became %x and then %d, %d bytes", v, p, got, n)
		}
		put := make([]byte, len(p))
		putVarint(put, v)
		if !bytes.Equal(put, p) {
			rt.Fatalf("put %x, appended %x", put, p)
		}
		for i := range p {
			if _, n := varint(p[:i]); n != 0 {
				rt.Fatalf("%x cut at %d was read", p, i)
			}
		}
	})
}

func TestVarintsOverSixtyFourBitsAreRefused(t *testing.T) {
	t.Parallel()
	nine := bytes.Repeat([]byte{0xff}, 9)
	for _, last := range [][]byte{{2}, {0x7f}, {0x81, 0}, {0xff, 1}} {
		if v, n := varint(append(bytes.Clone(nine), last...)); n != 0 {
			t.Errorf("%x was read as %d", last, v)
		}
	}
	if v, n := varint(append(bytes.Clone(nine), 1)); v != -1<<63 || n != 10 {
		t.Errorf("the least int64 was read as %d, %d bytes", v, n)
	}
}

// TestRecordsAreSummedAsTheyCome seals batches whose CRC was begun long before, also when the last record left in between.
func TestRecordsAreSummedAsTheyCome(t *testing.T) {
	t.Parallel()
	for _, codec := range []Codec{None, LZ4} {
		for _, records := range []int{1, 2, 10, 11, 100} {
			var b, moved Builder
			count := 0
			for i := range records {
				value := bytes.Repeat([]byte{'x', byte(i)}, 50+i%3*sumEvery)
				if _, err := b.End(append(b.Begin(int64(i), []byte{byte(i)}), value...), nil); err != nil {
					t.Fatal(err)
				}
				count++
				if i%7 == 3 {
					moved.Reset(nil)
					if _, err := b.MoveLast(&moved); err != nil {
						t.Fatal(err)
					}
					count--
				}
				b.Begin(0, value)
				b.Abort()
			}
			raw, err := b.Seal(codec)
			if err != nil {
				t.Fatal(err)
			}
			got, rest, err := Next(raw)
			if err != nil || len(rest) != 0 || got.Count != count {
				t.Errorf("codec %v, %d records: %d of %d read, %d bytes left, %v", codec, records, got.Count, count, len(rest), err)
			}
		}
	}
}

func TestABatchGoesOnInAnotherBuffer(t *testing.T) {
	t.Parallel()
	var whole, moved Builder
	moved.Reset(make([]byte, 0, 200))
	for i := range 10 {
		r := record{Timestamp: javaTime + int64(i), Key: []byte("key"), Value: bytes.Repeat([]byte{byte(i)}, 10)}
		add(t, &whole, r)
		add(t, &moved, r)
		if i == 4 {
			moved.Begin(javaTime, nil) // left open
			roomy := make([]byte, 5, 4096)
			old := moved.MoveTo(roomy)
			if len(old) != 0 || cap(old) < 200 {
				t.Errorf("the old buffer has %d bytes of %d", len(old), cap(old))
			}
			clear(old[:cap(old)])
		}
	}
	want, err := whole.Seal(None)
	if err != nil {
		t.Fatal(err)
	}
	got, err := moved.Seal(None)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) || cap(got) != 4096 {
		t.Errorf("%x in %d bytes\ninstead of %x", got, cap(got), want)
	}
}
