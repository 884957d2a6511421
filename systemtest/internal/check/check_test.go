package check_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace/systemtest/internal/check"
)

func TestReportTellsEveryFaultApart(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		outcomes []check.Outcome
		seen     []int
		want     check.Report
	}{
		"exact":     {[]check.Outcome{check.Acked, check.Acked}, []int{0, 1}, check.Report{Sent: 2, Acked: 2, Seen: 2}},
		"lost":      {[]check.Outcome{check.Acked, check.Acked}, []int{1}, check.Report{Sent: 2, Acked: 2, Seen: 1, Lost: 1}},
		"doubled":   {[]check.Outcome{check.Acked}, []int{0, 0}, check.Report{Sent: 1, Acked: 1, Seen: 1, Doubled: 1}},
		"reordered": {[]check.Outcome{check.Acked, check.Acked}, []int{1, 0}, check.Report{Sent: 2, Acked: 2, Seen: 2, Reordered: 1}},
		"phantom":   {[]check.Outcome{check.Failed}, []int{0}, check.Report{Sent: 1, Failed: 1, Seen: 1, Phantom: 1}},
		"unknown":   {[]check.Outcome{check.Unknown, check.Unknown}, []int{1}, check.Report{Sent: 2, Unknown: 2, Seen: 1}},
		"stranger":  {[]check.Outcome{check.Acked}, []int{0, 5}, check.Report{Sent: 1, Acked: 1, Seen: 1, Strangers: 1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log check.Log
			for _, outcome := range test.outcomes {
				log.Ended("k", log.Next("k"), outcome)
			}
			for _, number := range test.seen {
				log.Seen("k", number)
			}
			if diff := cmp.Diff(test.want, log.Report()); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSeeingAgainIsDoubledNotReordered(t *testing.T) {
	t.Parallel()
	var log check.Log
	for range 3 {
		log.Ended("k", log.Next("k"), check.Acked)
	}
	for _, number := range []int{0, 1, 1, 0, 2} {
		log.Seen("k", number)
	}
	want := check.Report{Sent: 3, Acked: 3, Seen: 3, Doubled: 2}
	if diff := cmp.Diff(want, log.Report()); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}
