package consumer

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace"
)

// FuzzRetryHeaders reads an origin from headers that anybody may have written, and from the copies that are made of such a record: a copy
// says what was read, and is one hop, or one attempt, further.
func FuzzRetryHeaders(f *testing.F) {
	f.Add("t", "g", "3", "41", "5", "1", "2024-05-01T10:00:00Z", "2024-05-01T10:01:00Z", "1700000000123", "7")
	f.Add("t.g.retry.1m", "g", "0", "0", "0", "0", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "-1", "100")
	f.Add("t.g", "retry", "-1", "x", "1073741825", "-2", "", "soon", "-86400000", "-7")
	f.Fuzz(func(t *testing.T, topic, group, partition, offset, attempts, tier, moved, due, at, hops string) {
		now := time.Date(2024, 5, 1, 10, 0, 30, 0, time.UTC)
		headers := []headrace.Header{{Key: "own", Value: []byte(topic)}}
		for _, h := range [][2]string{
			{HeaderTopic, topic},
			{HeaderGroup, group},
			{HeaderPartition, partition},
			{HeaderOffset, offset},
			{HeaderDeliveryCount, attempts},
			{HeaderRetryTier, tier},
			{HeaderTime, moved},
			{HeaderRetryDue, due},
			{HeaderRetryTime, at},
			{HeaderRetryHops, hops},
		} {
			headers = append(headers, headrace.Header{Key: h[0], Value: []byte(h[1])})
		}
		rec := recordWith(t, 1, headers...)
		o, ours := minuteTopic.readOrigin(minuteAt, rec, now)
		if !ours {
			if RetryTopic(topic, group, time.Minute) != minuteAt.Topic || topic == "t" && group == "g" {
				t.Fatalf("topic %q of group %q is nobody's", topic, group)
			}
			return
		}
		if o.spent.attempts < 0 || o.spent.tier < 0 || o.hops < 0 || o.hops > maxHops || o.offset < 0 || o.Partition < 0 {
			t.Fatalf("got %+v", o)
		}
		if wake := o.wake(time.Minute, now); wake.After(now.Add(time.Minute)) {
			t.Fatalf("looked at %v after it was read", wake.Sub(now))
		}
		waits := append(ownHeaders(rec), stillHeaders(o, "g", rec, now)...)
		next, ours := minuteTopic.readOrigin(minuteAt, recordWith(t, 2, append(waits, retryHeaders(o, o.spent.tier, o.hops+1, o.due)...)...), now)
		want := o
		want.hops, want.moved = min(o.hops+1, maxHops), now
		if o.hops == maxHops { // which is not copied again, and not read back
			want.hops = 0
		}
		if last := now.Add(MaxDelay); want.due.After(last) {
			want.due = last
		}
		if diff := cmp.Diff(want, next, cmp.AllowUnexported(origin{}, spent{})); diff != "" || !ours {
			t.Fatalf("a copy that waits (-want +got)\n%s", diff)
		}
	})
}
