package replay

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestCopyKeepsTheOriginalPace(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, raw bool) {
		w := newCopyWorld(t, 1)
		for i := range 4 {
			at := time.UnixMilli(1_700_000_000_000).Add(time.Duration(i) * time.Minute)
			w.put(w.client, &kgo.Record{Topic: copySource, Value: []byte("v"), Timestamp: at})
		}
		plan := w.plan(raw)
		cfg := w.config(plan)
		cfg.Speed = 600 // three minutes are 0.3 s
		began := time.Now()
		w.copy(cfg)
		if took := time.Since(began); took < 300*time.Millisecond {
			t.Errorf("three minutes at 600 times the pace took %v", took)
		}
		w.compare(w.wanted(plan, nil))
	})
}
