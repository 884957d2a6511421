package consumer

import (
	"slices"
	"testing"

	"github.com/headrace/headrace/internal/batch"
)

// TestGapBeforeAnUnreadableBatchIsDone: the batch covers the gap that compaction left before it, as any event does. Otherwise nothing
// behind it would ever be committed.
func TestGapBeforeAnUnreadableBatchIsDone(t *testing.T) {
	t.Parallel()
	one := sealed(t, batch.None, rec{value: pingValue(1, "")})
	broken := undecompressible(t, rec{value: pingValue(2, "")}, rec{value: []byte("x")})
	w := newWorld(t)
	w.topic("t", 1, true)
	w.serveTopic("t", func(offset int64) []byte {
		if offset == 0 {
			return slices.Concat(one, at(5, broken), at(7, one))
		}
		return nil
	})
	cfg := w.config("t")
	cfg.Policy.DeadLetter = true
	j := w.start(cfg, On(new(sink).handle))
	eventually(t, "everything is committed", func() bool { return w.committed("t", 0) == 8 })
	j.stop()
	if dead := w.read("t.g.dead"); len(dead) != 1 || header(dead[0], HeaderOffset) != "5" {
		t.Errorf("%d dead letters", len(dead))
	}
}
