package consumer

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace"
)

// TestRecordsOfARetryTopicEndWhateverTheirHeadersSay puts records into a retry topic that no worker has written, or that somebody has
// forged. Their handler fails for ever: each spends its attempts and dies.
func TestRecordsOfARetryTopicEndWhateverTheirHeadersSay(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, concurrency int) {
		w := newWorld(t)
		w.topic("t", 1, false)
		w.source("t.g.retry.10ms", 1, nil)
		now := time.Now().UTC()
		month := now.Add(29 * 24 * time.Hour).Format(time.RFC3339Nano)
		for n, headers := range [][]headrace.Header{
			nil,
			retryCopy(HeaderGroup, "g", HeaderTime, now.Format(time.RFC3339Nano), HeaderRetryDue, month, HeaderDeliveryCount, "0", HeaderRetryTier, "0"),
			retryCopy(HeaderGroup, "g", HeaderTime, month, HeaderRetryDue, month, HeaderRetryHops, "-7"),
			retryCopy(HeaderTopic, "elsewhere", HeaderRetryDue, month),
			{{Key: HeaderRetryDue, Value: []byte(month)}},
		} {
			w.put("t.g.retry.10ms", 0, rec{key: strconv.Itoa(n), value: pingValue(int64(n), "x"), headers: headers, at: now.UnixMilli()})
		}
		cfg := w.retrying(10*time.Millisecond, 20*time.Millisecond)
		cfg.Concurrency = concurrency
		var seen calls
		j := w.start(cfg, On(func(ctx context.Context, p ping) error {
			seen.add(ctx, p)
			return errBroken
		}))
		eventually(t, "all are dead", func() bool { return j.Stats().DeadLettered == 5 })
		j.stop()
		for n := range int64(5) {
			var attempts []int
			for _, c := range seen.get(n) {
				attempts = append(attempts, c.Attempt)
			}
			want := []int{1, 2, 3, 4}
			if n == 2 { // whose headers say that it has had five attempts, and has one tier to go
				want = []int{6, 7}
			}
			if diff := cmp.Diff(want, attempts); diff != "" {
				t.Errorf("record %d: attempts (-want +got)\n%s", n, diff)
			}
		}
		if copies := j.Stats().Retried; copies > 2*maxHops+20 {
			t.Errorf("%d copies of five records", copies)
		}
	})
}
