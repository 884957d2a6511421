package batch

import (
	"bytes"
	"testing"

	"github.com/headrace/headrace"
)

func TestTheLastHeaderOfAKeyCounts(t *testing.T) {
	t.Parallel()
	b, _, err := Next(seal(t, None, record{Headers: []headrace.Header{
		{Key: "a", Value: []byte("1")}, {Key: "b"}, {Key: "a", Value: []byte{}}, {Key: "c", Value: []byte("3")},
	}}))
	if err != nil {
		t.Fatal(err)
	}
	var r Reader
	var rec Record
	if err := r.Open(b, Limits{}); err != nil {
		t.Fatal(err)
	}
	if ok, err := r.Next(&rec); !ok || err != nil || rec.HeaderCount() != 4 {
		t.Fatalf("%d headers: %v", rec.HeaderCount(), err)
	}
	tests := []struct {
		key   string
		value []byte
		ok    bool
	}{{"a", []byte{}, true}, {"b", nil, true}, {"c", []byte("3"), true}, {"d", nil, false}, {"", nil, false}}
	for _, test := range tests {
		value, ok := rec.Header(test.key)
		if ok != test.ok || !bytes.Equal(value, test.value) || (value == nil) != (test.value == nil) {
			t.Errorf("%q: got %v %v", test.key, value, ok)
		}
	}
	kept := []headrace.Header{{Key: "kept"}}
	if kept = rec.Headers(kept); len(kept) != 5 || kept[0].Key != "kept" || kept[4].Key != "c" {
		t.Errorf("got %v", kept)
	}
}

func TestAReaderDoesNotKeepTheRoomOfALargeBatch(t *testing.T) {
	t.Parallel()
	large := seal(t, Zstd, record{Value: make([]byte, 2*bufferKept)})
	middling := seal(t, Zstd, record{Value: make([]byte, bufferKept)})
	small := seal(t, Zstd, javaRecords()...)
	var r Reader
	for i, test := range []struct {
		raw         []byte
		least, most int
	}{
		{small, 3000, 3500}, {large, 0, 3500}, {middling, bufferKept + 1, bufferKept + 200}, {small, 3000, 3500},
	} {
		b, _, err := Next(test.raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decode(&r, b, Limits{}); err != nil {
			t.Fatal(err)
		}
		if c := cap(r.buf); c < test.least || c > test.most {
			t.Errorf("batch %d: room for %d bytes, want %d to %d", i, c, test.least, test.most)
		}
	}
}
