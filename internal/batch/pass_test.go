package batch_test

import (
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/headrace/headrace/internal/batch"
)

func sealed(t *testing.T, records int) []byte {
	t.Helper()
	var b batch.Builder
	for range records {
		if _, err := b.End(append(b.Begin(1700000000000, []byte("k")), "v"...), nil); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := b.Seal(batch.Gzip)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestPassMakesABatchReadyForAProducer(t *testing.T) {
	t.Parallel()
	raw := sealed(t, 3)
	binary.BigEndian.PutUint64(raw, 70)     // where a broker put it
	binary.BigEndian.PutUint32(raw[12:], 5) // and when
	b, _, err := batch.Next(raw)
	if err != nil {
		t.Fatal(err)
	}
	if first, last, ok := b.Span(); !ok || first != 70 || last != 72 {
		t.Errorf("span is %d to %d, %v", first, last, ok)
	}
	passed, ok := b.Pass()
	if !ok {
		t.Fatal("the batch does not pass")
	}
	batch.Stamp(passed, 7, 1, 30, false)
	again, _, err := batch.Next(passed)
	if err != nil {
		t.Fatal(err)
	}
	if again.BaseOffset != 0 || again.LastOffset != 2 || again.LeaderEpoch != -1 || again.ProducerID != 7 || again.BaseSequence != 30 {
		t.Errorf("batch is %+v", again)
	}
}

func TestPassRefusesWhatNoClientMaySend(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(raw []byte){
		"a gap, as compaction leaves it": func(raw []byte) { binary.BigEndian.PutUint32(raw[23:], 3) },
		"timed by the broker":            func(raw []byte) { raw[22] |= 0x08 },
		"a control batch":                func(raw []byte) { raw[22] |= 0x20 },
		"a delete horizon":               func(raw []byte) { raw[22] |= 0x40 },
	} {
		raw := sealed(t, 3)
		binary.BigEndian.PutUint64(raw, 70)
		spoil(raw)
		binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
		b, _, err := batch.Next(raw)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, ok := b.Pass(); ok || b.BaseOffset != 70 || binary.BigEndian.Uint64(raw) != 70 {
			t.Errorf("%s: it passes, or was changed", name)
		}
	}
}

func TestSpanOfWhatIsNoBatch(t *testing.T) {
	t.Parallel()
	var none batch.Batch
	if _, _, ok := none.Span(); ok {
		t.Error("an empty batch has a span")
	}
	raw := sealed(t, 3)
	binary.BigEndian.PutUint32(raw[23:], 1<<31)
	b, _, err := batch.Next(raw)
	if err == nil {
		t.Fatal("a negative delta is accepted")
	}
	if _, _, ok := b.Span(); ok {
		t.Error("a negative delta has a span")
	}
}
