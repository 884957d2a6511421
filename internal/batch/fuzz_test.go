package batch

import (
	"bytes"
	"errors"
	"path/filepath"
	"runtime/metrics"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace"
)

// seeds are the golden files and the smaller bombs.
func seeds(f *testing.F) [][]byte {
	f.Helper()
	names, err := filepath.Glob("testdata/*.bin")
	if err != nil || len(names) == 0 {
		f.Fatalf("no golden files: %v", err)
	}
	var all [][]byte
	for _, name := range names {
		name = filepath.Base(name)
		all = append(all, golden(f, name[:len(name)-len(".bin")]))
	}
	for _, raw := range bombs(f) {
		if len(raw) < 40<<10 {
			all = append(all, raw)
		}
	}
	return all
}

// FuzzDecode takes the bytes as they are and with the length, format and CRC set right, else a fuzzer would not get behind
// the CRC. Whatever decodes must encode again to the same records, and no input may take memory beyond the limits.
func FuzzDecode(f *testing.F) {
	for _, seed := range seeds(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		walk(t, data)
		if len(data) >= HeaderSize {
			forged := bytes.Clone(data)
			forged[magicAt] = magic
			walk(t, sound(forged))
		}
	})
}

func walk(t *testing.T, data []byte) {
	t.Helper()
	limits := Limits{DecompressedBytes: 1 << 20, RecordBytes: 1 << 16}
	var reader Reader
	var filter AbortedFilter
	for {
		b, rest, err := Next(data)
		if err == nil {
			if _, err := filter.Drop(b); err != nil {
				wantTyped(t, err)
			}
			before := allocated()
			err := reader.Open(b, limits)
			if spent := allocated() - before; spent > 32<<20 { // two windows of zstd
				t.Fatalf("%d bytes allocated to open %d", spent, len(data))
			}
			if err != nil {
				wantTyped(t, err)
			} else {
				again(t, b, &reader, limits)
			}
		} else if !errors.Is(err, ErrTruncated) {
			wantTyped(t, err)
		}
		if len(rest) == 0 {
			return
		}
		if len(rest) >= len(data) {
			t.Fatal("no progress")
		}
		data = rest
	}
}

// again reads what an open reader holds, writes it anew and reads that.
func again(t *testing.T, b Batch, reader *Reader, limits Limits) {
	t.Helper()
	records, err := decode(reader, b, limits)
	if err != nil {
		wantTyped(t, err)
		return
	}
	if len(records) != b.Count {
		t.Fatalf("%d records, the header says %d", len(records), b.Count)
	}
	if len(records) == 0 {
		return
	}
	for i := range records {
		if o := records[i].Offset; o < b.BaseOffset || o > b.LastOffset {
			t.Fatalf("offset %d in a batch from %d to %d", o, b.BaseOffset, b.LastOffset)
		}
		records[i].Offset = int64(i)
	}
	_, got := mustDecode(t, seal(t, Snappy, records...))
	if diff := cmp.Diff(records, got, exactBytes); diff != "" {
		t.Fatal(diff)
	}
}

func wantTyped(t *testing.T, err error) {
	t.Helper()
	var corrupt *CorruptError
	var limit *LimitError
	var old *MagicError
	if !errors.As(err, &corrupt) && !errors.As(err, &limit) && !errors.As(err, &old) {
		t.Fatalf("untyped error: %v", err)
	}
}

func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// FuzzRoundTrip builds records out of the fuzzer's fields; the two lengths cut value and header value off data, and
// a negative one is null.
func FuzzRoundTrip(f *testing.F) {
	f.Add(int64(0), int64(0), []byte("key"), "header", []byte("value and header value"), 5, 7, 3, uint8(0))
	f.Add(int64(1700000000000), int64(-1), []byte{}, "", []byte{}, -1, -1, 1, uint8(3))
	f.Add(int64(-1<<63), int64(1<<63-1), []byte(nil), "é", bytes.Repeat([]byte("v"), 5000), 4096, 100, 40, uint8(4))
	f.Fuzz(func(t *testing.T, first, second int64, key []byte, name string, data []byte, value, header, count int, codec uint8) {
		cut := func(n int) []byte {
			if n < 0 {
				return nil
			}
			return data[:min(n, len(data))]
		}
		records := make([]record, 1+uint(count)%50)
		for i := range records {
			records[i] = record{Offset: int64(i), Timestamp: first, Key: key, Value: cut(value)}
			if i%2 == 1 {
				records[i].Timestamp = second
				records[i].Headers = []headrace.Header{{Key: name, Value: cut(header)}, {Key: name}}
			}
			value, header = header+i, value
		}
		if len(key) == 0 {
			records[0].Key = nil
		}
		_, got := mustDecode(t, seal(t, Codec(codec%5), records...))
		if diff := cmp.Diff(records, got, exactBytes); diff != "" {
			t.Fatal(diff)
		}
	})
}
