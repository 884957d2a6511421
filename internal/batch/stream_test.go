package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/headrace/headrace"
)

// repetitive is records that compress some thousand times, as those of a producer with large batches may.
func repetitive(n int) []record {
	records := make([]record, n)
	for i := range records {
		records[i] = record{
			Offset: int64(i), Timestamp: int64(1000 + i), Key: []byte(fmt.Sprint("key", i)), Value: bytes.Repeat([]byte("same again"), 20_000),
			Headers: []headrace.Header{{Key: "trace", Value: []byte("abc")}},
		}
	}
	return records
}

// TestBatchThatCompressesWellIsRead has batches beyond what is decompressed at once, written by us and in the forms that others write.
func TestBatchThatCompressesWellIsRead(t *testing.T) {
	t.Parallel()
	want := repetitive(60) // 12 MB
	plain := seal(t, None, want...)
	batches := map[string][]byte{}
	for codec := Gzip; codec <= Zstd; codec++ {
		batches[codec.String()] = seal(t, codec, want...)
	}
	repack := func(codec Codec, packed []byte) []byte {
		raw := append(bytes.Clone(plain[:HeaderSize]), packed...)
		binary.BigEndian.PutUint16(raw[attributesAt:], uint16(codec))
		return sound(raw)
	}
	var linked bytes.Buffer
	l := lz4.NewWriter(&linked)
	if err := l.Apply(lz4.BlockSizeOption(lz4.Block256Kb), lz4.ChecksumOption(true)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Write(plain[HeaderSize:]); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	batches["lz4 with checksums"] = repack(LZ4, linked.Bytes())
	wide, err := zstd.NewWriter(nil, zstd.WithWindowSize(32<<20), zstd.WithSingleSegment(false), zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	batches["zstd with a large window"] = repack(Zstd, wide.EncodeAll(plain[HeaderSize:], nil))
	for name, raw := range batches {
		b, _, err := Next(raw)
		if err != nil {
			t.Fatal(name, err)
		}
		for _, limits := range []Limits{{}, {DecompressedBytes: 64 << 20}, {DecompressedBytes: 1000}} {
			got, err := decode(new(Reader), b, limits)
			if diff := cmp.Diff(want, got, exactBytes); diff != "" || err != nil {
				t.Errorf("%s, %d bytes, with %+v: %v\n%.2000s", name, len(raw), limits, err, diff)
			}
		}
	}
}

// TestRecordThatCannotBeReadCostsItself has one among others, decompressed at once and in parts.
func TestRecordThatCannotBeReadCostsItself(t *testing.T) {
	t.Parallel()
	body := func(parts ...[]byte) []byte {
		return vintAnd(int64(len(bytes.Join(parts, nil))), bytes.Join(parts, nil))
	}
	null := vint(-1)
	first := body([]byte{0}, vint(0), vint(0), null, vintAnd(1, []byte("a")), vint(0))
	last := body([]byte{0}, vint(5), vint(3), null, vintAnd(1, []byte("z")), vint(0))
	for name, bad := range map[string][]byte{
		"a header without a key": body([]byte{0}, vint(7), vint(2), null, null, vint(1), null, null),
		"a value too long":       body([]byte{0}, vint(7), vint(2), null, vint(100), vint(0)),
		"bytes behind it":        body([]byte{0}, vint(7), vint(2), null, null, vint(0), []byte{1}),
		"too large":              body([]byte{0}, vint(7), vint(2), null, vintAnd(9000, make([]byte, 9000)), vint(0)),
	} {
		records := bytes.Join([][]byte{first, bad, last}, nil)
		for codec := None; codec <= Zstd; codec++ {
			packed := records
			if codec != None {
				c := new(compressor)
				switch codec {
				case Gzip:
					if err := c.compressGzip(records); err != nil {
						t.Fatal(err)
					}
				case Snappy:
					c.compressSnappy(records)
				case LZ4:
					if err := c.compressLZ4(records); err != nil {
						t.Fatal(err)
					}
				case Zstd:
					if err := c.compressZstd(records); err != nil {
						t.Fatal(err)
					}
				case None:
				}
				packed = bytes.Clone(c.out)
			}
			b, _, err := Next(forge(codec, 3, 3, packed))
			if err != nil {
				t.Fatal(err)
			}
			for _, atOnce := range []int{0, 10} {
				var r Reader
				if err := r.Open(b, Limits{DecompressedBytes: atOnce, RecordBytes: 5000}); err != nil {
					t.Fatal(name, codec, err)
				}
				var got []string
				for {
					var rec Record
					ok, err := r.Next(&rec)
					if !ok {
						if err != nil {
							t.Errorf("%s, %v: ended with %v", name, codec, err)
						}
						break
					}
					if err != nil {
						wantTyped(t, err)
						got = append(got, fmt.Sprint(rec.Offset, " ", rec.Timestamp, " bad"))
						continue
					}
					got = append(got, fmt.Sprint(rec.Offset, " ", rec.Timestamp, " ", string(rec.Value)))
				}
				if diff := cmp.Diff([]string{"500 0 a", "502 7 bad", "503 5 z"}, got); diff != "" {
					t.Errorf("%s, %v, %d at once (-want +got)\n%s", name, codec, atOnce, diff)
				}
			}
		}
	}
}

// TestRecordThatIsABombTakesLittleMemory has a record of 256 MiB before another one.
func TestRecordThatIsABombTakesLittleMemory(t *testing.T) {
	const size = 256 << 20
	raw := seal(t, Zstd, record{Value: make([]byte, size)}, record{Value: []byte("v")})
	b, _, err := Next(raw)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	records, err := decode(new(Reader), b, Limits{})
	runtime.ReadMemStats(&after)
	var limit *LimitError
	if !errors.As(err, &limit) || limit.Offset != 0 || len(records) != 1 {
		t.Errorf("got %d records, %v", len(records), err)
	}
	if spent := after.TotalAlloc - before.TotalAlloc; spent > 4*WholeBytes {
		t.Errorf("%d bytes allocated for %d bytes that become %d", spent, len(raw), size)
	}
}
