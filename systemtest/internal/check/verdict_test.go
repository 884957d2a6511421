package check_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headrace/headrace/internal/devserver"

	"github.com/headrace/headrace/systemtest/internal/check"
)

func TestVerdictOfEveryFault(t *testing.T) {
	t.Parallel()
	if !(check.Verdict{Repeated: 7}).Clean() {
		t.Error("events handled again are a fault")
	}
	faults := map[string]func(*check.Verdict){
		"false ok":  func(v *check.Verdict) { v.Written(check.Report{Lost: 1}) },
		"phantom":   func(v *check.Verdict) { v.Written(check.Report{Phantom: 1}) },
		"doubled":   func(v *check.Verdict) { v.Written(check.Report{Doubled: 1}) },
		"lost":      func(v *check.Verdict) { v.Handled(check.Report{Lost: 1}) },
		"reordered": func(v *check.Verdict) { v.Handled(check.Report{Reordered: 1}) },
		"owners":    func(v *check.Verdict) { v.TwoOwners++ },
		"back":      func(v *check.Verdict) { v.WentBack++ },
		"leaks":     func(v *check.Verdict) { v.Leaks++ },
	}
	for name, add := range faults {
		var v check.Verdict
		if add(&v); v.Clean() {
			t.Errorf("%s: %s counts as clean", name, v)
		}
	}
}

func TestOwnersSeeTwoWorkersAndTwoOfAKey(t *testing.T) {
	t.Parallel()
	var owners check.Owners
	first := owners.Enter("a", 1, "k")
	other := owners.Enter("b", 2, "l") // another partition, another key
	if together, overlapped := owners.Report(); together != 0 || overlapped != 0 {
		t.Errorf("%d together, %d overlapped, want none", together, overlapped)
	}
	second := owners.Enter("b", 1, "k")
	if together, overlapped := owners.Report(); together != 1 || overlapped != 1 {
		t.Errorf("%d together, %d overlapped, want one each", together, overlapped)
	}
	for _, leave := range []func(){first, second, other} {
		leave()
	}
	owners.Enter("b", 1, "k")()
	if together, overlapped := owners.Report(); together != 1 || overlapped != 1 {
		t.Errorf("%d together, %d overlapped after the first left, want one each", together, overlapped)
	}
}

func TestCommitsSeeAnOffsetGoBack(t *testing.T) {
	t.Parallel()
	var offset atomic.Int64
	offset.Store(7)
	commits := check.WatchCommits(t, func(context.Context) (map[int32]int64, error) {
		return map[int32]int64{0: offset.Load()}, nil
	})
	for _, now := range []int64{7, 9, 8, 9} {
		offset.Store(now)
		if _, err := commits.Sample(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, back := commits.Report(); len(back) != 1 {
		t.Errorf("went back: %q, want once", back)
	}
}

func TestExcuseEndsWhereTheOffsetWas(t *testing.T) {
	t.Parallel()
	var offset atomic.Int64
	commits := check.WatchCommits(t, func(context.Context) (map[int32]int64, error) {
		return map[int32]int64{0: offset.Load()}, nil
	})
	sample := func(now int64) (older, back int) {
		t.Helper()
		offset.Store(now)
		if _, err := commits.Sample(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, gone := commits.Report()
		return commits.Older(), len(gone)
	}
	sample(9)
	commits.Excuse()
	if older, back := sample(3); older == 0 || back != 0 {
		t.Errorf("after an excuse %d older, %d gone back", older, back)
	}
	sample(9)
	if _, back := sample(8); back == 0 {
		t.Error("an offset that was back where it had been is still excused")
	}
}

const leakLimit = 5 * time.Second

func TestLeaksSeeARunningServer(t *testing.T) {
	server, err := devserver.Start(devserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if left := check.Leaks(0); len(left) == 0 {
		t.Error("a running server leaves no goroutine")
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if left := check.Leaks(leakLimit); len(left) != 0 {
		t.Errorf("%d goroutines after the end, the first:\n%s", len(left), left[0])
	}
}
