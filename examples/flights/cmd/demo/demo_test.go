package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/examples/flights"
)

func TestTotalsThatDifferAreAnError(t *testing.T) {
	t.Parallel()
	file := flights.Outcomes{Arrived: 4, Cancelled: 3, Diverted: 2, Late: 1}
	tests := map[string]struct {
		handled flights.Outcomes
		alerts  int
		want    string // "" is none
	}{
		"Equal":             {handled: file, alerts: 1},
		"OneArrivalDoubled": {handled: flights.Outcomes{Arrived: 5, Cancelled: 3, Diverted: 2}, alerts: 1, want: "1 of the totals"},
		"TwoKindsLost":      {handled: flights.Outcomes{Arrived: 4}, alerts: 1, want: "2 of the totals"},
		"AlertLost":         {handled: file, alerts: 0, want: "1 of the totals"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			err := compare(&out, file, test.handled, test.alerts)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q, after\n%s", err, test.want, out.String())
			}
		})
	}
}

func TestEventsThatWentAnotherWayAreAnError(t *testing.T) {
	t.Parallel()
	want := flights.Tally{slowCarrier: {Arrived: 3}, newCarrier: {Cancelled: 2}}
	ended := func(retried, dead int64) map[string]consumer.Stats {
		return map[string]consumer.Stats{
			flights.DelaysGroup: {Handled: 3, Skipped: 2, DeadLettered: 2},
			flights.TotalsGroup: {Handled: 5, Retried: retried, DeadLettered: dead},
		}
	}
	for name, test := range map[string]struct {
		pipeline *pipeline
		fails    bool
	}{
		"AsExpected":        {&pipeline{ended: ended(6, 4), redriven: 3}, false},
		"OneRetryMissing":   {&pipeline{ended: ended(5, 4), redriven: 3}, true},
		"OneMoreDeadLetter": {&pipeline{ended: ended(6, 5), redriven: 3}, true},
		"NothingRedriven":   {&pipeline{ended: ended(6, 4)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if err := test.pipeline.printTroubles(&out, want); (err != nil) != test.fails {
				t.Errorf("got %v after\n%s", err, out.String())
			}
		})
	}
}

func TestWatchEndsWhenEveryStageIsDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var looks atomic.Int64
		slow := stage{"slow", 100, func() int64 { return looks.Add(1) }}
		var out bytes.Buffer
		if err := watch(t.Context(), &out, []stage{{"fast", 1, func() int64 { return 1 }}, slow}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < time.Second || took > 10*time.Second {
			t.Errorf("took %v", took)
		}
		if !strings.Contains(out.String(), "fast 1/1  slow ") || strings.Count(out.String(), "\n") < 2 {
			t.Errorf("said %q, want a line each second and one at the end", out.String())
		}
	})
}

func TestWatchSaysHowFarItCame(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("servers are gone")
	cancel(gone)
	err := watch(ctx, &bytes.Buffer{}, []stage{{"produced", 3, func() int64 { return 2 }}})
	if !errors.Is(err, gone) || !strings.Contains(err.Error(), "produced 2/3") {
		t.Errorf("got %v, want the cause and produced 2/3", err)
	}
}

func TestTailKeepsTheEnd(t *testing.T) {
	t.Parallel()
	var kept tail
	for range 3 {
		if n, err := kept.Write(bytes.Repeat([]byte("x"), tailBytes)); n != tailBytes || err != nil {
			t.Fatal(n, err)
		}
	}
	if _, err := kept.Write([]byte("the reason\n")); err != nil {
		t.Fatal(err)
	}
	if got := kept.String(); len(got) > tailBytes || !strings.HasSuffix(got, "xthe reason") {
		t.Errorf("kept %d bytes ending in %q", len(got), got[max(0, len(got)-20):])
	}
}
