package batch

import (
	"bytes"
	"testing"
)

// fill builds a batch of 150-byte values the way a sender does.
func fill(b *Builder, buf []byte, records int, value []byte) ([]byte, error) {
	b.Reset(buf)
	for i := range records {
		dst := append(b.Begin(javaTime+int64(i/100), value[:8]), value...)
		if _, err := b.End(dst, nil); err != nil {
			return nil, err
		}
	}
	return b.Seal(None)
}

func count(r *Reader, raw []byte) (int, error) {
	b, _, err := Next(raw)
	if err != nil {
		return 0, err
	}
	if err := r.Open(b, Limits{}); err != nil {
		return 0, err
	}
	var rec Record
	n := 0
	for {
		ok, err := r.Next(&rec)
		if !ok {
			return n, err
		}
		if _, found := rec.Header("traceparent"); found {
			n += rec.HeaderCount()
		}
		n++
	}
}

func TestBuildingAllocatesNothing(t *testing.T) {
	var b Builder
	buf, value := make([]byte, 0, 1<<20), bytes.Repeat([]byte("v"), 150)
	allocs := testing.AllocsPerRun(10, func() {
		if _, err := fill(&b, buf, 5000, value); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations for a batch of 5000 records", allocs)
	}
}

func TestReadingAllocatesNothing(t *testing.T) {
	var r Reader
	records := javaRecords()
	raw := seal(t, None, records...)
	packed := seal(t, Snappy, records...)
	allocs := testing.AllocsPerRun(10, func() {
		for _, raw := range [][]byte{raw, packed} {
			if n, err := count(&r, raw); n != 6 || err != nil {
				t.Fatal(n, err)
			}
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations to read two batches", allocs)
	}
}

func TestFilteringAllocatesNothing(t *testing.T) {
	var filter AbortedFilter
	log := golden(t, "transactions")
	aborted := []Aborted{{ProducerID: 1, FirstOffset: 0}, {ProducerID: 1, FirstOffset: 10}}
	allocs := testing.AllocsPerRun(10, func() {
		filter.Reset(aborted)
		for data := log; len(data) > 0; {
			b, rest, err := Next(data)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := filter.Drop(b); err != nil {
				t.Fatal(err)
			}
			data = rest
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations for a response", allocs)
	}
}
