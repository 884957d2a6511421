package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/headrace/headrace"
)

func TestEveryTruncationOfABatchIsTold(t *testing.T) {
	t.Parallel()
	raw := golden(t, "create-none")
	for n := range raw {
		if _, rest, err := Next(raw[:n]); !errors.Is(err, ErrTruncated) || rest != nil {
			t.Fatalf("%d of %d bytes: %v", n, len(raw), err)
		}
	}
}

func TestEveryFlippedBitIsNoticed(t *testing.T) {
	t.Parallel()
	raw := golden(t, "create-zstd")
	for i := attributesAt; i < len(raw); i++ {
		bad := bytes.Clone(raw)
		bad[i] ^= 1 << (i % 8)
		b, rest, err := Next(bad)
		var corrupt *CorruptError
		if !errors.As(err, &corrupt) || !strings.Contains(corrupt.Reason, "CRC-32C") {
			t.Fatalf("byte %d: %v", i, err)
		}
		if len(rest) != 0 || rest == nil || !bytes.Equal(b.Raw(), bad) {
			t.Fatalf("byte %d: the batch cannot be stepped over", i)
		}
	}
}

func TestContradictingHeadersAreCorrupt(t *testing.T) {
	t.Parallel()
	be := binary.BigEndian
	tests := map[string]func(raw []byte) []byte{
		"length -1":                    func(raw []byte) []byte { be.PutUint32(raw[lengthAt:], math.MaxUint32); return raw },
		"length 13":                    func(raw []byte) []byte { be.PutUint32(raw[lengthAt:], 13); return raw },
		"length 48 is shorter":         func(raw []byte) []byte { be.PutUint32(raw[lengthAt:], 48); return raw },
		"last offset delta -1":         func(raw []byte) []byte { be.PutUint32(raw[lastOffsetDeltaAt:], math.MaxUint32); return sound(raw) },
		"record count -1":              func(raw []byte) []byte { be.PutUint32(raw[countAt:], math.MaxUint32); return sound(raw) },
		"6 records between offsets":    func(raw []byte) []byte { be.PutUint32(raw[countAt:], 6); return sound(raw) },
		"unknown codec 5":              func(raw []byte) []byte { raw[attributesAt+1] = 5; return sound(raw) },
		"base offset out of range":     func(raw []byte) []byte { be.PutUint64(raw, math.MaxUint64); return raw },
		"base offset out of range now": func(raw []byte) []byte { be.PutUint64(raw, math.MaxInt64-10); return raw },
	}
	for reason, damage := range tests {
		_, _, err := Next(damage(bytes.Clone(golden(t, "create-none"))))
		var corrupt *CorruptError
		if !errors.As(err, &corrupt) || !strings.HasPrefix(corrupt.Reason, strings.TrimSuffix(reason, " now")) {
			t.Errorf("%s: got %v", reason, err)
		}
	}
}

func TestAnUnknownFormatIsNamed(t *testing.T) {
	t.Parallel()
	raw := golden(t, "create-none")
	raw[magicAt] = 3
	_, _, err := Next(raw)
	var other *MagicError
	if !errors.As(err, &other) || other.Magic != 3 {
		t.Errorf("got %v", err)
	}
}

// body returns a record whose fields after the length are as given.
func body(fields ...[]byte) []byte {
	all := bytes.Join(fields, nil)
	return append(appendVarint(nil, int64(len(all))), all...)
}

func vint(v int64) []byte { return appendVarint(nil, v) }

func vintAnd(v int64, rest []byte) []byte { return append(vint(v), rest...) }

func TestHostileRecordsAreCorrupt(t *testing.T) {
	t.Parallel()
	zero, null := []byte{0}, []byte{1}
	endless := bytes.Repeat([]byte{0xff}, 11)
	good := body(zero, zero, zero, null, null, zero)
	tests := []struct {
		name    string
		count   int32
		records []byte
		offset  int64
		reason  string
	}{
		{"negative record length", 1, vintAnd(-1, make([]byte, 20)), 500, "record length"},
		{"record longer than the batch", 1, vintAnd(100, make([]byte, 20)), 500, "record length"},
		{"record a byte longer than the batch", 1, vintAnd(21, make([]byte, 20)), 500, "record length"},
		{"record length of 2^62", 1, vintAnd(1<<62, make([]byte, 20)), 500, "record length"},
		{"record length without end", 1, endless, 500, "record length"},
		{"record shorter than its fields", 1, vintAnd(5, make([]byte, 20)), 500, "record length"},
		{"second record missing", 2, append(bytes.Clone(good), make([]byte, 7)...), 501, "record length"},
		{"timestamp without end", 1, body(zero, endless), 500, "timestamp delta"},
		{"offset before the batch", 1, body(zero, zero, vint(-1), null, null, zero), 500, "offset delta out of order or beyond the batch"},
		{"offset beyond the batch", 1, body(zero, zero, vint(10), null, null, zero), 500, "offset delta out of order or beyond the batch"},
		{"offset twice", 2, append(bytes.Clone(good), good...), 501, "offset delta out of order or beyond the batch"},
		{"key length of 2^62", 1, body(zero, zero, zero, vint(1<<62), null, zero), 500, "key length"},
		{"key length -2", 1, body(zero, zero, zero, vint(-2), null, zero), 500, "key length"},
		{"key longer than the record", 1, append(body(zero, zero, zero, vint(4), null, zero), "more"...), 500, "key length"},
		{"key a byte longer than the record", 1, body(zero, zero, zero, vint(3), null, zero), 500, "key length"},
		{"value a byte longer than the record", 1, body(zero, zero, zero, null, vint(2), zero), 500, "value length"},
		{"value length of 2^31", 1, body(zero, zero, zero, null, vint(1<<31), zero), 500, "value length"},
		{"value length -2^63", 1, body(zero, zero, zero, null, vint(math.MinInt64), zero), 500, "value length"},
		{"no header count", 1, body(zero, zero, zero, null, vint(1), []byte("v")), 500, "header count"},
		{"header count -1", 1, body(zero, zero, zero, null, null, vint(-1)), 500, "header count"},
		{"header count lies", 1, body(zero, zero, zero, null, null, vint(3), zero, null, zero, null), 500, "header key length"},
		{"null header key", 1, body(zero, zero, zero, null, null, vint(1), null, null), 500, "header key length"},
		{"header value longer than the record", 1, body(zero, zero, zero, null, null, vint(1), zero, vint(9)), 500, "header value length"},
		{"bytes behind the headers", 1, body(zero, zero, zero, null, null, vint(1), zero, null, zero), 500, "bytes behind the record's last header"},
		{"bytes behind the record", 1, body(zero, zero, zero, null, null, zero, zero), 500, "bytes behind the record's last field"},
		{"bytes behind the batch", 1, append(bytes.Clone(good), 0), 500, "1 bytes after the last record"},
		{"more records than bytes", 10, good, 500, "10 records in 7 bytes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b, _, err := Next(forge(None, test.count, 9, test.records))
			if err != nil {
				t.Fatal(err)
			}
			_, err = decode(new(Reader), b, Limits{})
			wantCorrupt(t, err, test.offset, test.reason)
		})
	}
}

func TestLimitsHoldAtTheirEdge(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ headers, room int }{"Headers": {headers: 1}, "RecordBytes": {room: 1}} {
		many := make([]headrace.Header, Headers)
		within := record{Value: []byte("v"), Headers: many}
		size := len(seal(t, None, within)) - HeaderSize - 3 // the length that precedes it
		for over := range 2 {
			r := within
			r.Headers = append(many[:Headers:Headers], make([]headrace.Header, over*test.headers)...)
			b, _, err := Next(seal(t, None, record{Value: []byte("u")}, r, record{Value: []byte("w")}))
			if err != nil {
				t.Fatal(err)
			}
			records, err := decode(new(Reader), b, Limits{RecordBytes: size + 10 - 11*over*test.room})
			if len(records) != 3-over || string(records[len(records)-1].Value) != "w" {
				t.Errorf("%s: %d records", name, len(records))
			}
			if over == 0 && err != nil {
				t.Errorf("%s: at the limit: %v", name, err)
			}
			if over > 0 {
				wantLimit(t, err, name)
			}
		}
	}
}

func TestLimitsTooLargeToAddUpAreTaken(t *testing.T) {
	t.Parallel()
	b, _, err := Next(golden(t, "large-zstd"))
	if err != nil {
		t.Fatal(err)
	}
	limits := Limits{DecompressedBytes: math.MaxInt, RecordBytes: math.MaxInt}
	if _, err := decode(new(Reader), b, limits); err != nil {
		t.Error(err)
	}
	if capped := limits.withDefaults(); capped.DecompressedBytes != limitMax || capped.RecordBytes != limitMax {
		t.Errorf("limits of MaxInt became %+v", capped)
	}
}

func TestAReaderStaysAtItsError(t *testing.T) {
	t.Parallel()
	b, _, err := Next(forge(None, 1, 0, vintAnd(-1, make([]byte, 20))))
	if err != nil {
		t.Fatal(err)
	}
	var r Reader
	var rec Record
	if err := r.Open(b, Limits{}); err != nil {
		t.Fatal(err)
	}
	_, first := r.Next(&rec)
	ok, second := r.Next(&rec)
	if first == nil || ok || !errors.Is(second, first) {
		t.Errorf("first %v, then %v %v", first, ok, second)
	}
}
