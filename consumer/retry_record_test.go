package consumer

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
)

// recordWith is a record as the reader finds it.
func recordWith(t *testing.T, at int64, headers ...batch.Header) *batch.Record {
	t.Helper()
	parsed, _, err := batch.Next(sealed(t, batch.None, rec{key: "k", value: []byte("v"), headers: headers, at: at}))
	if err != nil {
		t.Fatal(err)
	}
	var reader batch.Reader
	if err := reader.Open(parsed, batch.Limits{}); err != nil {
		t.Fatal(err)
	}
	found := new(batch.Record)
	if ok, err := reader.Next(found); !ok || err != nil {
		t.Fatal(ok, err)
	}
	return found
}

func retryCopy(changes ...string) []batch.Header {
	headers := map[string]string{
		HeaderTopic: "t", HeaderPartition: "3", HeaderOffset: "41", HeaderDeliveryCount: "5", HeaderTime: "2024-05-01T10:00:00Z",
		HeaderRetryDue: "2024-05-01T10:01:00.5Z", HeaderRetryRung: "1", HeaderRetryTime: "1700000000123",
	}
	for i := 0; i < len(changes); i += 2 {
		headers[changes[i]] = changes[i+1]
	}
	var list []batch.Header
	for key, value := range headers {
		if value != "-" {
			list = append(list, batch.Header{Key: key, Value: []byte(value)})
		}
	}
	return list
}

func TestOriginIsReadFromARetryCopy(t *testing.T) {
	t.Parallel()
	moved := time.Date(2024, 5, 1, 10, 0, 0, 0, time.UTC)
	want := origin{
		TopicPartition: kafka.TopicPartition{Topic: "t", Partition: 3}, offset: 41, time: 1700000000123, spent: spent{5, 1},
		moved: moved, due: moved.Add(time.Minute + 500*time.Millisecond),
	}
	got, ok := readOrigin(recordWith(t, 1, retryCopy()...), "t")
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(origin{}, spent{})); diff != "" || !ok {
		t.Errorf("ok %v (-want +got)\n%s", ok, diff)
	}
	if got, ok := readOrigin(recordWith(t, 1, retryCopy(HeaderRetryTime, "-")...), "t"); !ok || got.time != -1 {
		t.Errorf("an event without timestamp: %+v, %v", got, ok)
	}
	if got, ok := readOrigin(recordWith(t, 1, retryCopy(HeaderRetryDue, "9999-12-31T23:59:59Z")...), "t"); !ok || !got.due.Equal(moved.Add(MaxDelay)) {
		t.Errorf("due in another age: %+v, %v", got, ok)
	}
}

func TestHeadersThatMakeNoSenseAreNobodysOrigin(t *testing.T) {
	t.Parallel()
	for _, changes := range [][]string{
		{HeaderTopic, "-"},
		{HeaderTopic, "other"},
		{HeaderPartition, "-"},
		{HeaderPartition, "-1"},
		{HeaderPartition, "2147483648"},
		{HeaderOffset, "x"},
		{HeaderOffset, "9223372036854775808"},
		{HeaderDeliveryCount, "1073741825"},
		{HeaderDeliveryCount, ""},
		{HeaderRetryRung, "-2"},
		{HeaderRetryDue, "soon"},
		{HeaderRetryDue, "-"},
		{HeaderTime, "-"},
		{HeaderTime, strings.Repeat("9", 1000)},
	} {
		if got, ok := readOrigin(recordWith(t, 1, retryCopy(changes...)...), "t"); ok {
			t.Errorf("%v: got %+v", changes, got)
		}
	}
}

func TestWhenARetryIsLookedAt(t *testing.T) {
	t.Parallel()
	now := time.Date(2024, 5, 1, 10, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		moved, due, want time.Duration // from now
	}{
		"when due":                       {0, time.Minute, time.Minute},
		"was due":                        {-time.Hour, -59 * time.Minute, -59 * time.Minute},
		"a longer wait, when others are": {0, time.Hour, time.Minute},
		"a clock that is ahead":          {time.Hour, time.Hour + time.Minute, time.Minute},
	} {
		o := origin{moved: now.Add(tc.moved), due: now.Add(tc.due)}
		if got := o.wake(time.Minute, now).Sub(now); got != tc.want {
			t.Errorf("%s: got %v, want %v", name, got, tc.want)
		}
	}
	if o := strange(kafka.TopicPartition{Topic: "t.g.retry.1m"}, &batch.Record{Timestamp: now.UnixMilli(), Offset: 4}, time.Minute); !o.due.Equal(now.Add(time.Minute)) || o.offset != 4 {
		t.Errorf("got %+v", o)
	}
}
