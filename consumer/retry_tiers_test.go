package consumer

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestRetryTopicNamesItsDelayInOneWay(t *testing.T) {
	t.Parallel()
	for want, delay := range map[string]time.Duration{
		"200ms": 200 * time.Millisecond, "1m": time.Minute, "1h": time.Hour, "1h30m": 90 * time.Minute, "1m1s": 61 * time.Second,
		"1s500ms": 1500 * time.Millisecond, "1h1ms": time.Hour + time.Millisecond, "720h": MaxDelay,
	} {
		if got := RetryTopic("orders", "mail", delay); got != "orders.mail.retry."+want {
			t.Errorf("%v: got %s", delay, got)
		}
		if read, ok := parseDelay(want); !ok || read != delay {
			t.Errorf("%s is read as %v, %v", want, read, ok)
		}
	}
	for _, text := range []string{"", "dead", "1m0s", "60s", "1.5s", "-1m", "0s", "721h", "retry.1m", "1us", "9999999h"} {
		if read, ok := parseDelay(text); ok {
			t.Errorf("%q is read as %v", text, read)
		}
	}
}

func TestEachRetryTierIsOneAttempt(t *testing.T) {
	t.Parallel()
	p := Policy{Attempts: 2, Retry: []time.Duration{time.Minute, time.Minute, time.Hour}}.withDefaults()
	failure := outcome{ending: endFailure}
	var at spent
	for i, want := range []step{
		{kind: stepAgain, spent: spent{1, 0}, jitter: p.Delay(1)},
		{kind: stepMove, spent: spent{2, 1}, after: time.Minute, delay: time.Minute},
		{kind: stepMove, spent: spent{3, 2}, after: time.Minute, delay: time.Minute},
		{kind: stepMove, spent: spent{4, 3}, after: time.Hour, delay: time.Hour},
		{kind: stepGiveUp, spent: spent{5, 3}},
	} {
		got := p.next(failure, at)
		if got != want {
			t.Fatalf("after attempt %d: got %+v, want %+v", i+1, got, want)
		}
		at = got.spent
	}
}

func TestWhereAnEventWaitsAndWhatItSpends(t *testing.T) {
	t.Parallel()
	tiers := Policy{Attempts: 3, Retry: []time.Duration{time.Minute, time.Hour}}.withDefaults()
	bare := Policy{Attempts: 3}.withDefaults()
	for name, tc := range map[string]struct {
		policy Policy
		out    outcome
		at     spent
		want   step
	}{
		"done":                             {tiers, outcome{}, spent{1, 1}, step{kind: stepDone, spent: spent{1, 1}}},
		"skip":                             {tiers, outcome{ending: endSkip}, spent{}, step{kind: stepDone}},
		"permanent leaves no attempt":      {tiers, outcome{ending: endPermanent}, spent{}, step{kind: stepGiveUp, spent: spent{1, 0}}},
		"a short snooze stays":             {tiers, outcome{ending: endSnooze, after: time.Second}, spent{2, 0}, step{kind: stepAgain, spent: spent{2, 0}, after: time.Second}},
		"a long snooze moves":              {tiers, outcome{ending: endSnooze, after: 90 * time.Second}, spent{2, 0}, step{kind: stepMove, spent: spent{2, 0}, after: 90 * time.Second, delay: time.Minute}},
		"a longer one moves further":       {tiers, outcome{ending: endSnooze, after: 5 * time.Hour}, spent{2, 1}, step{kind: stepMove, spent: spent{2, 1}, after: 5 * time.Hour, delay: time.Hour}},
		"without retry tiers it stays":     {bare, outcome{ending: endSnooze, after: 5 * time.Hour}, spent{2, 0}, step{kind: stepAgain, spent: spent{2, 0}, after: 5 * time.Hour}},
		"retry after stays":                {tiers, outcome{after: time.Second, ending: endFailure}, spent{}, step{kind: stepAgain, spent: spent{1, 0}, after: time.Second, jitter: tiers.Delay(1)}},
		"retry after moves, attempts left": {tiers, outcome{after: time.Hour, ending: endFailure}, spent{}, step{kind: stepMove, spent: spent{1, 0}, after: time.Hour, delay: time.Hour}},
		"and tries on there":               {tiers, outcome{ending: endFailure}, spent{1, 0}, step{kind: stepAgain, spent: spent{2, 0}, jitter: tiers.Delay(2)}},
		"retry after lengthens a tier":     {tiers, outcome{after: 2 * time.Hour, ending: endFailure}, spent{2, 0}, step{kind: stepMove, spent: spent{3, 1}, after: 2 * time.Hour, delay: time.Hour}},
		"retry after does not shorten one": {tiers, outcome{after: time.Second, ending: endFailure}, spent{3, 1}, step{kind: stepMove, spent: spent{4, 2}, after: time.Hour, delay: time.Hour}},
		"retry tiers that became fewer":    {tiers, outcome{ending: endFailure}, spent{9, 9}, step{kind: stepGiveUp, spent: spent{10, 2}}},
		"out of attempts without a tier":   {bare, outcome{ending: endFailure, after: time.Hour}, spent{2, 0}, step{kind: stepGiveUp, spent: spent{3, 0}}},
	} {
		if got := tc.policy.next(tc.out, tc.at); got != tc.want {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, got, tc.want)
		}
	}
}

// TestEveryEventEnds follows events through any policy and any failures: each spends Attempts and the tiers, never waits less than it was
// asked to, and its end comes.
func TestEveryEventEnds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := Policy{
			Attempts: rapid.IntRange(1, 6).Draw(t, "attempts"),
			Retry: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) time.Duration {
				return time.Duration(rapid.Int64Range(1, int64(MaxDelay/time.Millisecond)).Draw(t, "delay")) * time.Millisecond
			}), 0, 4).Draw(t, "tiers"),
		}.withDefaults()
		var at spent
		for failures := 1; ; failures++ {
			if snooze := rapid.Int64Range(0, int64(MaxDelay)).Draw(t, "snooze"); snooze%2 == 0 {
				s := p.next(outcome{ending: endSnooze, after: time.Duration(snooze)}, at)
				if s.spent != at || s.kind != stepAgain && s.kind != stepMove {
					t.Fatalf("snooze at %+v led to %+v", at, s)
				}
				checkWait(t, p, s, time.Duration(snooze))
			}
			after := time.Duration(rapid.Int64Range(0, int64(MaxDelay)).Draw(t, "after"))
			s := p.next(outcome{ending: endFailure, after: after}, at)
			if s.spent.attempts != failures || s.spent.tier < at.tier || s.spent.tier > at.tier+1 {
				t.Fatalf("failure %d at %+v led to %+v", failures, at, s)
			}
			at = s.spent
			if s.kind == stepGiveUp {
				if failures != p.Attempts+len(p.Retry) {
					t.Fatalf("gave up after %d attempts", failures)
				}
				return
			}
			checkWait(t, p, s, after)
		}
	})
}

func checkWait(t *rapid.T, p Policy, s step, asked time.Duration) {
	switch {
	case s.after < asked:
		t.Fatalf("asked for %v, got %+v", asked, s)
	case s.kind == stepMove && (!slices.Contains(p.Retry, s.delay) || s.delay > s.after):
		t.Fatalf("moved with %+v on tiers %v", s, p.Retry)
	case s.kind == stepAgain && len(p.Retry) > 0 && s.after >= slices.Min(p.Retry):
		t.Fatalf("waits in place with %+v on tiers %v", s, p.Retry)
	}
}

func TestMistakesInAPolicyAreReportedTogether(t *testing.T) {
	t.Parallel()
	p := Policy{
		ErrorRules: []ErrorRule{{}, {Is: errBroken, As: func(error) bool { return true }, Then: Permanent}},
		Retry:      []time.Duration{time.Minute, 0, -1, time.Microsecond * 1500, MaxDelay + time.Second},
	}.withDefaults()
	err := p.validate("Config.Policy")
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"ErrorRules[0] needs one of Is and As", "ErrorRules[0].Then is not set", "ErrorRules[1] needs one", "Retry[1] 0s", "Retry[2] -1ns", "Retry[3] 1.5ms", "Retry[4] 720h0m1s",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "Retry[0]") {
		t.Errorf("a minute is refused:\n%v", err)
	}
}
