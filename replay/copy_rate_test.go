package replay

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestRatesHold(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]CopyConfig{
		"events": {Rate: 1000},
		"bytes":  {BytesRate: 100_000},
		"both":   {Rate: 1000, BytesRate: 1 << 30},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg.pace = cfg.pace.withDefaults()
				bounds := newLimits(&cfg)
				began := time.Now()
				var copiers sync.WaitGroup
				for range 4 { // partitions share them; batches are larger than what may leave at once
					copiers.Go(func() {
						for range 5 {
							if err := bounds.wait(t.Context(), 500, 50_000); err != nil {
								t.Error(err)
							}
						}
					})
				}
				copiers.Wait()
				// 10,000 events of 100 bytes: a tenth of a second's worth may leave at once, the others need their time.
				if took := time.Since(began); took < 9900*time.Millisecond || took > 10*time.Second {
					t.Errorf("10,000 events took %v, want 9.9 s", took)
				}
			})
		})
	}
}

func TestWaitingForARateEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bounds := newLimits(&CopyConfig{Rate: 1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := bounds.wait(ctx, 1000, 1); err == nil {
			t.Error("a thousand events have left within a second")
		}
	})
}

func TestSpeedIsThatOfTheEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &copier{limits: limits{pace: newPacer(10, 3)}}
		began := time.Now()
		left := map[int64]time.Duration{}
		var mu sync.Mutex
		var copiers sync.WaitGroup
		for _, stamps := range [][]int64{
			{100_000, 130_000, 120_000, 190_000}, // one that is late does not wait
			{50_000, 50_050, 150_000},
			nil, // nothing is left for this one
		} {
			pc := &partitionCopier{copy: c}
			copiers.Go(func() {
				defer pc.leavePace()
				for _, ms := range stamps {
					if err := pc.keepPace(t.Context(), ms); err != nil {
						t.Error(err)
					}
					mu.Lock()
					left[ms] = time.Since(began)
					mu.Unlock()
				}
			})
		}
		copiers.Wait()
		for ms, want := range map[int64]time.Duration{
			50_000: 0, 50_050: 0, 100_000: 5 * time.Second, 130_000: 8 * time.Second, 120_000: 8 * time.Second, 150_000: 10 * time.Second, 190_000: 14 * time.Second,
		} {
			if left[ms] != want {
				t.Errorf("the event of second %d has left after %v, want %v", ms/1000, left[ms], want)
			}
		}
	})
}

func TestWaitingForAnEventsTimeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pc := &partitionCopier{copy: &copier{limits: limits{pace: newPacer(1, 1)}}}
		ctx, cancel := context.WithCancelCause(t.Context())
		if err := pc.keepPace(ctx, 0); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Hour, func() { cancel(errKilled) })
		if err := pc.keepPace(ctx, 7_200_000); !errors.Is(err, errKilled) {
			t.Errorf("error is %v", err)
		}
	})
}
