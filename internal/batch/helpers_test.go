package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace"
)

// record is what a test writes and expects to read.
type record struct {
	Offset, Timestamp int64
	Key, Value        []byte
	Headers           []headrace.Header
}

func add(t testing.TB, b *Builder, r record) {
	t.Helper()
	dst := b.Begin(r.Timestamp, r.Key)
	var err error
	if r.Value == nil {
		_, err = b.EndNull(r.Headers)
	} else {
		_, err = b.End(append(dst, r.Value...), r.Headers)
	}
	if err != nil {
		t.Fatalf("end record: %v", err)
	}
}

func seal(t testing.TB, codec Codec, records ...record) []byte {
	t.Helper()
	var b Builder
	for _, r := range records {
		add(t, &b, r)
	}
	raw, err := b.Seal(codec)
	if err != nil {
		t.Fatalf("seal: %v", err)
	}
	return raw
}

// decode reads every record of one batch and copies it. The error is the first; records that cannot be read are left out.
func decode(r *Reader, b Batch, limits Limits) ([]record, error) {
	if err := r.Open(b, limits); err != nil {
		return nil, err
	}
	var records []record
	var rec Record
	var first error
	for {
		ok, err := r.Next(&rec)
		if first == nil {
			first = err
		}
		if !ok {
			return records, first
		}
		if err != nil {
			continue
		}
		got := record{Offset: rec.Offset, Timestamp: rec.Timestamp, Key: clone(rec.Key), Value: clone(rec.Value)}
		for _, h := range rec.Headers(nil) {
			got.Headers = append(got.Headers, headrace.Header{Key: h.Key, Value: clone(h.Value)})
		}
		records = append(records, got)
	}
}

// clone keeps null and empty apart.
func clone(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}

// exactBytes compares bytes at once, null and empty apart.
var exactBytes = cmp.Comparer(func(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) })

func mustDecode(t testing.TB, raw []byte) (Batch, []record) {
	t.Helper()
	b, rest, err := Next(raw)
	if err != nil || len(rest) != 0 {
		t.Fatalf("next: %v, %d bytes left", err, len(rest))
	}
	records, err := decode(new(Reader), b, Limits{})
	if err != nil {
		t.Fatalf("decode: %v", err)
	}
	return b, records
}

// forge wraps bytes into a batch whose header and CRC are sound.
func forge(codec Codec, count, lastDelta int32, records []byte) []byte {
	raw := append(make([]byte, HeaderSize), records...)
	raw[magicAt] = magic
	be := binary.BigEndian
	be.PutUint64(raw, 500)
	be.PutUint16(raw[attributesAt:], uint16(codec))
	be.PutUint32(raw[lastOffsetDeltaAt:], uint32(lastDelta))
	be.PutUint32(raw[countAt:], uint32(count))
	return sound(raw)
}

// sound sets the length and the CRC that belong to a batch's bytes.
func sound(raw []byte) []byte {
	binary.BigEndian.PutUint32(raw[lengthAt:], uint32(len(raw)-frameSize))
	binary.BigEndian.PutUint32(raw[crcAt:], crc32.Checksum(raw[attributesAt:], crc32.MakeTable(crc32.Castagnoli)))
	return raw
}

func golden(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name+".bin"))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func wantCorrupt(t *testing.T, err error, offset int64, reason string) {
	t.Helper()
	var corrupt *CorruptError
	if !errors.As(err, &corrupt) {
		t.Fatalf("got %v, want a CorruptError for %q", err, reason)
	}
	if corrupt.Offset != offset || (reason != "" && corrupt.Reason != reason) {
		t.Fatalf("got %v, want offset %d and %q", err, offset, reason)
	}
}

func wantLimit(t *testing.T, err error, limit string) {
	t.Helper()
	var over *LimitError
	if !errors.As(err, &over) || over.Limit != limit {
		t.Fatalf("got %v, want the limit %s", err, limit)
	}
}
