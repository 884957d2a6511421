package replay

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/batch"
)

// brokenBatch has a sound header and checksum, and records that are no records: a broker takes it from a faulty client.
func brokenBatch(t *testing.T, records int) []byte {
	t.Helper()
	var b batch.Builder
	for range records {
		if _, err := b.End(append(b.Begin(1700000000000, []byte("k")), "some value"...), nil); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := b.Seal(batch.None)
	if err != nil {
		t.Fatal(err)
	}
	raw[batch.HeaderSize] = 0xff // length of the first record
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], castagnoli))
	return raw
}

func TestCorruptEventsByPolicy(t *testing.T) {
	t.Parallel()
	w := newCopyWorld(t, 1)
	random := rand.New(rand.NewPCG(17, 18))
	w.put(w.client, copyRecord(random, copySource, 0, 0), copyRecord(random, copySource, 0, 1))
	w.produceTo(copySource, brokenBatch(t, 3))
	w.put(w.client, copyRecord(random, copySource, 0, 5))
	plan := Plan{ID: copyID, Target: Target{Topic: copyTarget}, Spans: []Span{{Topic: copySource, OffsetRange: headrace.OffsetRange{To: 6}}}}
	cfg := w.config(plan)
	out, err := Copy(t.Context(), cfg)
	if bad, ok := errors.AsType[*CorruptError](err); !ok || bad.Offset != 2 || out.Done {
		t.Errorf("outcome is %+v, error %v, want it to stop at offset 2", out, err)
	}
	cfg.SkipCorrupt = true
	out = w.copy(cfg)
	want := []Skipped{{Topic: copySource, OffsetRange: headrace.OffsetRange{From: 2, To: 5}, Reason: out.Skipped[0].Reason}}
	if diff := cmp.Diff(want, out.Skipped); diff != "" || out.Events != 3 || out.SkippedTotal != 1 {
		t.Errorf("outcome is %+v; skipped (-want +got):\n%s", out, diff)
	}
	if got := w.events(copyTarget)[0]; len(got) != 3 {
		t.Errorf("the target holds %d events, want 3", len(got))
	}
}
