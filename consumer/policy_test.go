package consumer

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDelayDoublesUpToItsMax(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		policy Policy
		want   []time.Duration // after attempts 1, 2, …
	}{
		{"zero", Policy{}, []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond}},
		{"max", Policy{Backoff: Backoff{Initial: time.Second, Max: 3 * time.Second}}, []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 3 * time.Second}},
		{"a fractional multiplier grows", Policy{Backoff: Backoff{Initial: 1000, Multiplier: 1.5}}, []time.Duration{1000, 1500, 2250, 3375}},
		{"constant", Policy{Backoff: Backoff{Initial: time.Second, Multiplier: 1}}, []time.Duration{time.Second, time.Second}},
		{"an initial wait above the default max", Policy{Backoff: Backoff{Initial: time.Minute}}, []time.Duration{time.Minute, time.Minute}},
	} {
		for i, want := range tc.want {
			if got := tc.policy.Delay(i + 1); got != want {
				t.Errorf("%s: after attempt %d: got %v, want %v", tc.name, i+1, got, want)
			}
		}
	}
}

func TestDelayNeverShrinksAndStaysInBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := Policy{Backoff: Backoff{
			Initial:    time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "initial")),
			Multiplier: rapid.Float64Range(1, 100).Draw(t, "multiplier"),
		}}
		p.Backoff.Max = p.Backoff.Initial + time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "more"))
		attempt := rapid.IntRange(-1, 1<<40).Draw(t, "attempt")
		now, next := p.Delay(attempt), p.Delay(attempt+1)
		if now < p.Backoff.Initial || next > p.Backoff.Max || next < now {
			t.Fatalf("delays %v then %v with %+v", now, next, p.Backoff)
		}
		if wait := jitter(now); wait < 0 || wait > now {
			t.Fatalf("jitter of %v is %v", now, wait)
		}
	})
}
