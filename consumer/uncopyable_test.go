package consumer

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/batch"
)

func many(n int) []headrace.Header {
	headers := make([]headrace.Header, n)
	for i := range headers {
		headers[i] = headrace.Header{Key: fmt.Sprint("h", i), Value: []byte("v")}
	}
	return headers
}

// TestEventsCostOnlyThemselves has events that no copy can be made of, or only a compressed one, among ordinary ones in one batch.
func TestEventsCostOnlyThemselves(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, concurrency int) {
		w := newWorld(t)
		const most = 100_000
		w.topic("t", 1, false)
		for _, side := range []string{"t.g.dead", "t.g.retry.20ms"} {
			w.source(side, 1, map[string]string{"max.message.bytes": strconv.Itoa(most)})
		}
		noise := make([]byte, 2*most)
		for i, x := 0, uint64(7); i < len(noise); i++ {
			x = x*6364136223846793005 + 1442695040888963407
			noise[i] = 'A' + byte(x>>58)%58
		}
		recs := []rec{
			{key: "a", value: pingValue(1, "x")},
			{key: "b", value: pingValue(2, "x"), headers: many(991)},
			{key: "c", value: pingValue(3, "x"), headers: many(1001)},
			{key: "d", value: pingValue(4, "x"), headers: many(batch.Headers)},
			{key: "e", value: pingValue(5, "x"), headers: many(batch.Headers + 1)},
			{key: "f", value: pingValue(6, strings.Repeat("x", 2*most))},
			{key: "g", value: pingValue(7, string(noise))},
			{key: "h", value: pingValue(8, "x")},
		}
		for i := range recs {
			recs[i].at = int64(1700000000000 + i)
		}
		w.putRaw("t", 0, sealed(t, batch.Zstd, recs...))
		cfg := w.retrying(20 * time.Millisecond)
		cfg.Concurrency, cfg.Policy.Attempts = concurrency, 1
		var seen calls
		j := w.start(cfg, On(func(ctx context.Context, p ping) error {
			if seen.add(ctx, p); p.N == 1 || p.N == 8 {
				return nil
			}
			return errBroken
		}))
		eventually(t, "all are at their end", func() bool { return j.Stats().Handled == 2 && j.Stats().DeadLettered == 6 })
		j.stop()
		for n, attempts := range map[int64]int{1: 1, 2: 2, 3: 2, 4: 1, 5: 0, 6: 2, 7: 1, 8: 1} {
			if got := len(seen.get(n)); got != attempts {
				t.Errorf("event %d was handled %d times, want %d", n, got, attempts)
			}
		}
		var got []string
		for _, dead := range w.read("t.g.dead") {
			if at := dead.Time.UnixMilli() - 1700000000000; fmt.Sprint(at) != header(dead, HeaderOffset) {
				t.Errorf("%s: time %v", dead.Key, dead.Time)
			}
			got = append(got, fmt.Sprintf("%s at %s: %s %v %s", dead.Key, header(dead, HeaderOffset), header(dead, HeaderKind), dead.Value != nil, header(dead, HeaderReference)))
		}
		slices.Sort(got)
		want := []string{
			" at 4: record false t/0@4", "b at 1: handler true ", "c at 2: handler true ", "d at 3: handler false t/0@3", "f at 5: handler true ",
			"g at 6: handler false t/0@6",
		}
		if !slices.Equal(got, want) {
			t.Errorf("dead letters\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}
