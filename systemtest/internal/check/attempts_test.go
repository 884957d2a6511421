package check_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/headrace/headrace/systemtest/internal/check"
)

func TestConflictsOfAttempts(t *testing.T) {
	t.Parallel()
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	attempt := func(process, key string, offset int64, begin, end int) check.Attempt {
		return check.Attempt{Process: process, Key: key, Offset: offset, Begin: at(begin), End: at(end)}
	}
	returned := attempt("a", "k", 0, 1, 5)
	returned.Returned = true
	tests := map[string]struct {
		attempts []check.Attempt
		samples  []check.Sample
		want     check.Conflicts
	}{
		"one after the other":  {[]check.Attempt{attempt("a", "k", 0, 0, 2), attempt("b", "k", 1, 2, 3)}, nil, check.Conflicts{}},
		"two keys, one worker": {[]check.Attempt{attempt("a", "k", 0, 0, 2), attempt("a", "l", 1, 1, 3)}, nil, check.Conflicts{}},
		"two workers":          {[]check.Attempt{attempt("b", "l", 1, 1, 3), attempt("a", "k", 0, 0, 2)}, nil, check.Conflicts{Together: 1}},
		"one key twice":        {[]check.Attempt{attempt("a", "k", 0, 0, 2), attempt("a", "k", 1, 1, 3)}, nil, check.Conflicts{Overlapped: 1}},
		"a long one, then two": {[]check.Attempt{attempt("a", "k", 0, 0, 9), attempt("a", "k", 1, 1, 2), attempt("a", "k", 2, 3, 4)}, nil, check.Conflicts{Overlapped: 2}},
		"beside a retry":       {[]check.Attempt{returned, attempt("b", "k", 1, 2, 3)}, nil, check.Conflicts{BesideRetry: 1}},
		"committed before":     {[]check.Attempt{attempt("a", "k", 4, 3, 4)}, []check.Sample{{At: at(2), Offset: 5}}, check.Conflicts{AfterCommit: 1}},
		"committed later":      {[]check.Attempt{attempt("a", "k", 4, 3, 4)}, []check.Sample{{At: at(4), Offset: 5}}, check.Conflicts{}},
		"not committed":        {[]check.Attempt{attempt("a", "k", 5, 3, 4)}, []check.Sample{{At: at(2), Offset: 5}}, check.Conflicts{}},
		"another partition":    {[]check.Attempt{attempt("a", "k", 4, 3, 4)}, []check.Sample{{At: at(2), Partition: 1, Offset: 5}}, check.Conflicts{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := check.FindConflicts(test.attempts, test.samples)
			if diff := cmp.Diff(test.want, got, cmpopts.IgnoreFields(check.Conflicts{}, "Examples")); diff != "" {
				t.Errorf("conflicts (-want +got):\n%s", diff)
			}
			if conflicts := got.Together + got.Overlapped + got.AfterCommit; (conflicts > 0) != (len(got.Examples) > 0) {
				t.Errorf("%d conflicts, examples %q", conflicts, got.Examples)
			}
		})
	}
}

func TestReorderedCountsFirstTimesOnly(t *testing.T) {
	t.Parallel()
	var attempts []check.Attempt
	for i, number := range []int{0, 1, 3, 1, 2, 4} { // 1 comes again, 2 comes late
		attempts = append(attempts, check.Attempt{Key: "k", Number: number, End: time.Unix(int64(i), 0), Handled: true})
	}
	attempts = append(attempts, check.Attempt{Key: "k", Number: 9, End: time.Unix(1, 0)}) // failed
	if got := check.Reordered(check.Handled(attempts)); got != 1 {
		t.Errorf("Reordered = %d, want 1", got)
	}
}
