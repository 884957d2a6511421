package consumer

import (
	"context"
	"slices"
	"testing"
	"time"
)

// TestCopiesKeepTimestampsBefore1970 has events without a timestamp, and of 1969, go through retry topics and die.
func TestCopiesKeepTimestampsBefore1970(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	times := []int64{-1, -86_400_000, 0}
	for n, at := range times {
		w.put("t", 0, rec{key: "k", value: pingValue(int64(n), "x"), at: at})
	}
	cfg := w.retrying(20 * time.Millisecond)
	cfg.Policy.Attempts = 1
	j := w.start(cfg, On(func(context.Context, ping) error { return errBroken }))
	eventually(t, "all are dead", func() bool { return j.Stats().DeadLettered == 3 })
	j.stop()
	var got []int64
	for _, dead := range w.read("t.g.dead") {
		got = append(got, dead.Time.UnixMilli())
	}
	if !slices.Equal(got, times) {
		t.Errorf("got %v, want %v", got, times)
	}
}
