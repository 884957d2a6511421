package replay

import (
	"math"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestEventsAreDueByTheirTimestamps(t *testing.T) {
	t.Parallel()
	began := time.Unix(1_700_000_000, 0)
	p := &pacer{speed: 10}
	for _, c := range []struct {
		timestamp int64
		passed    time.Duration
		want      time.Duration
	}{
		{5_000, 0, 0},
		{15_000, 0, time.Second},
		{15_000, 400 * time.Millisecond, 600 * time.Millisecond},
		{15_000, 2 * time.Second, 0},
		{-1, 0, 0},
	} {
		if got := p.due(c.timestamp, began.Add(c.passed)); got != c.want {
			t.Errorf("%d after %v: %v, want %v", c.timestamp, c.passed, got, c.want)
		}
	}
	if got := p.due(math.MaxInt64, began); got < 24*time.Hour {
		t.Errorf("the end of time is due in %v", got)
	}
}

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
