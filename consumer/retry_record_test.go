package consumer

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
)

// recordWith is a record as the reader finds it.
func recordWith(t *testing.T, at int64, headers ...headrace.Header) *batch.Record {
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

// minuteTopic is t.g.retry.1m.
var (
	minuteTopic = &retryTopic{source: "t", group: "g", delay: time.Minute}
	minuteAt    = kafka.TopicPartition{Topic: "t.g.retry.1m", Partition: 2}
)

// retryCopy is the headers of a copy in a retry topic of topic t, with changes: pairs of a key and a value, "-" for none.
func retryCopy(changes ...string) []headrace.Header {
	headers := map[string]string{
		HeaderTopic: "t", HeaderPartition: "3", HeaderOffset: "41", HeaderDeliveryCount: "5", HeaderTime: "2024-05-01T10:00:00Z",
		HeaderRetryDue: "2024-05-01T10:01:00.5Z", HeaderRetryTier: "1", HeaderRetryTime: "1700000000123",
	}
	for i := 0; i < len(changes); i += 2 {
		headers[changes[i]] = changes[i+1]
	}
	var list []headrace.Header
	for key, value := range headers {
		if value != "-" {
			list = append(list, headrace.Header{Key: key, Value: []byte(value)})
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
	read := func(changes ...string) origin {
		t.Helper()
		got, ours := minuteTopic.readOrigin(minuteAt, recordWith(t, 1, retryCopy(changes...)...), moved)
		if !ours {
			t.Errorf("%v: not ours", changes)
		}
		return got
	}
	if diff := cmp.Diff(want, read(), cmp.AllowUnexported(origin{}, spent{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := read(HeaderRetryTime, "-"); got.time != noTime {
		t.Errorf("an event without timestamp: %+v", got)
	}
	if got := read(HeaderRetryTime, "-86400000"); got.time != -86400000 {
		t.Errorf("an event of 1969: %+v", got)
	}
	if got := read(HeaderRetryDue, "9999-12-31T23:59:59Z"); !got.due.Equal(moved.Add(MaxDelay)) {
		t.Errorf("due in another age: %+v", got)
	}
	if got := read(HeaderTopic, "t.g.retry.2h", HeaderGroup, "g", HeaderRetryHops, "7"); got.Topic != "t.g.retry.2h" || got.hops != 7 {
		t.Errorf("began in a retry topic: %+v", got)
	}
}

func TestRecordsOfAnotherTopicAndGroupAreNotOurs(t *testing.T) {
	t.Parallel()
	worker := &retryTopic{source: "t", group: "a.b", delay: time.Minute}
	at := kafka.TopicPartition{Topic: RetryTopic("t", "a.b", time.Minute)}
	for _, tc := range []struct {
		topic, group string
		ours, known  bool
	}{
		{"t", "a.b", true, true},
		{"t", "-", true, true},
		{"t.a", "b", false, false},
		{"t.a", "c", true, false}, // no worker's: forged, or broken
		{"-", "b", true, false},
		{"t.a.b.retry.1m", "a.b", true, true},
		{"t.a.b.retry.1m", "b", true, false},
	} {
		got, ours := worker.readOrigin(at, recordWith(t, 1, retryCopy(HeaderTopic, tc.topic, HeaderGroup, tc.group)...), time.Now())
		if ours != tc.ours || tc.ours && (got.offset == 41) != tc.known {
			t.Errorf("%s of group %s: ours %v, %+v", tc.topic, tc.group, ours, got)
		}
	}
}

func TestRecordWhoseHeadersMakeNoSenseBeginsInTheRetryTopic(t *testing.T) {
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
		{HeaderRetryTier, "-2"},
		{HeaderRetryDue, "soon"},
		{HeaderRetryDue, "-"},
		{HeaderTime, "-"},
		{HeaderTime, strings.Repeat("9", 1000)},
	} {
		now := time.UnixMilli(1).Add(time.Hour)
		got, ours := minuteTopic.readOrigin(minuteAt, recordWith(t, 1, retryCopy(changes...)...), now)
		want := origin{TopicPartition: minuteAt, offset: 0, time: 1, moved: time.UnixMilli(1), due: time.UnixMilli(1).Add(time.Minute)}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(origin{}, spent{})); diff != "" || !ours {
			t.Errorf("%v: ours %v (-want +got)\n%s", changes, ours, diff)
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
	for name, wrote := range map[string]time.Duration{"now": 0, "a clock that is ahead": time.Hour} {
		rec := &batch.Record{Timestamp: now.Add(wrote).UnixMilli(), Offset: 4}
		if o := foreignOrigin(minuteAt, rec, time.Minute, now); !o.due.Equal(now.Add(time.Minute)) || o.offset != 4 {
			t.Errorf("%s: got %+v", name, o)
		}
	}
}
