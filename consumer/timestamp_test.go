package consumer

import (
	"context"
	"slices"
	"testing"
	"time"
)

// TestCopiesKeepTimestampsBefore1970 has events without a timestamp, and of 1969, climb a ladder and die.
func TestCopiesKeepTimestampsBefore1970(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	times := []int64{-1, -86_400_000, 0}
	for n, at := range times {
		w.put("t", 0, rec{key: "k", value: pingValue(int64(n), "x"), at: at})
	}
	cfg := w.laddered(20 * time.Millisecond)
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

func TestTimesBefore1970AreTheStart(t *testing.T) {
	t.Parallel()
	now := time.Date(2024, 5, 1, 10, 0, 0, 0, time.UTC)
	for text, want := range map[string]Range{
		"@1960-01-01":                {From: AtStart()},
		"@1969-12-31T23:59:59.999Z":  {From: AtStart()},
		"@1969-12-31T23:59:59.9999Z": {From: AtStart()},
		"@1970-01-01":                {From: AtTime(time.UnixMilli(0))},
		"@1960-01-01:1960-06-01":     {From: AtStart(), To: AtStart()},
		"@1960-01-01:1970-01-01":     {From: AtStart(), To: AtTime(time.UnixMilli(0))},
		"@-40000d":                   {From: AtStart()},
		"@:1969-12-31T23:59:59.999Z": {To: AtStart()},
	} {
		got, err := ParseRange(text, now)
		if err != nil || got != want {
			t.Errorf("%s: got %v to %v, %v", text, got.From, got.To, err)
		}
	}
	for _, at := range []time.Time{{}, time.UnixMilli(-1), time.UnixMilli(-2), time.UnixMilli(-1 << 62)} {
		if AtTime(at) != AtStart() {
			t.Errorf("%v is %v", at, AtTime(at))
		}
	}
}
