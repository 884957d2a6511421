package batch

import "testing"

func TestOneRecordOfEachCodecIsReadBack(t *testing.T) {
	t.Parallel()
	for codec := None; codec <= Zstd; codec++ {
		var b Builder
		value := make([]byte, 1000)
		if _, err := b.End(append(b.Begin(1700000000000, []byte("key")), value...), nil); err != nil {
			t.Fatal(err)
		}
		raw, err := b.Seal(codec)
		if err != nil {
			t.Fatal(err)
		}
		got, rest, err := Next(raw)
		if err != nil || len(rest) != 0 || got.Codec != codec {
			t.Fatalf("%v: %+v, %d bytes left: %v", codec, got, len(rest), err)
		}
		var r Reader
		var rec Record
		if err := r.Open(got, Limits{}); err != nil {
			t.Fatal(codec, err)
		}
		if ok, err := r.Next(&rec); !ok || err != nil || len(rec.Value) != 1000 || string(rec.Key) != "key" {
			t.Fatalf("%v: %+v: %v", codec, rec, err)
		}
	}
}
