package consumer

import (
	"strconv"
	"strings"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
)

// Headers that an event in a retry topic has beside those of a dead letter, which tell where it comes from and what happened last.
// There is one set of them, however often it moves. Values are text.
const (
	HeaderRetryDue  = "__retry.due"  // the event is not tried before, RFC 3339
	HeaderRetryTier = "__retry.rung" // how many retry tiers it has moved to; the name on the wire is older than the word
	HeaderRetryTime = "__retry.time" // the event's own timestamp in milliseconds; the record's is when it moved, so that retention goes by that
	HeaderRetryHops = "__retry.hops" // how often it has been copied since its last attempt, only to wait longer

	retryFamily = "__retry."
)

// maxHops is how often an event is copied from one retry topic to another only because it is not due yet. After that it is tried. Each hop
// takes the delay of a retry topic, so that an event waits for a hundred times the longest delay of its policy at most. Headers can ask for
// a wait of a month in a topic of 100 ms, which would be ten copies a second for a month.
const maxHops = 100

// maxSpent bounds what a header may say that an event has spent.
const maxSpent = 1 << 30

// noTime is the timestamp of a record whose writer gave none.
const noTime = -1

// origin is what an event in a retry topic was in its own topic, and how far it has come since.
type origin struct {
	kafka.TopicPartition
	offset int64
	time   int64 // in milliseconds; noTime for none
	spent  spent
	moved  time.Time // when it came to the retry topic, by the clock of who moved it; so is due
	due    time.Time
	hops   int // copies since the last attempt
}

// readOrigin reads where a record of a retry topic comes from, by its headers. It returns false for a record of another topic or group whose
// retry topic has the same name: topic t of group a.b and topic t.a of group b both use t.a.b.retry.1m.
//
// Headers can be anybody's. Where they are not all there, or make no sense, the record begins in the retry topic itself. Whatever they say,
// each copy of the record is closer to its end: the copy's own headers are sound, and attempts, tiers and hops only rise.
func (r *retryTopic) readOrigin(tp kafka.TopicPartition, rec *batch.Record, now time.Time) (o origin, ours bool) {
	topic, hasTopic := rec.Header(HeaderTopic)
	group, hasGroup := rec.Header(HeaderGroup)
	known := hasTopic && r.writes(string(topic)) && (!hasGroup || string(group) == r.group)
	if !known && hasTopic && hasGroup && RetryTopic(string(topic), string(group), r.delay) == tp.Topic {
		return origin{}, false
	}
	partition, ok1 := readNumber(rec, HeaderPartition, 1<<31-1)
	offset, ok2 := readNumber(rec, HeaderOffset, 1<<63-1)
	attempts, ok3 := readNumber(rec, HeaderDeliveryCount, maxSpent)
	tier, ok4 := readNumber(rec, HeaderRetryTier, maxSpent)
	moved, ok5 := readTime(rec, HeaderTime)
	due, ok6 := readTime(rec, HeaderRetryDue)
	if !known || !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 {
		return foreignOrigin(tp, rec, r.delay, now), true
	}
	if last := moved.Add(MaxDelay); due.After(last) {
		due = last
	}
	at, ok := readTimestamp(rec)
	if !ok {
		at = noTime
	}
	hops, ok := readNumber(rec, HeaderRetryHops, maxHops)
	if !ok {
		hops = 0
	}
	return origin{
		TopicPartition: kafka.TopicPartition{Topic: string(topic), Partition: int32(partition)}, //nolint:gosec // bounded above
		offset:         offset, time: at, spent: spent{attempts: int(attempts), tier: int(tier)}, moved: moved, due: due, hops: int(hops),
	}, true
}

// writes reports whether a worker of the group writes events of a topic to the retry topic: those of its source, and those that began in a
// retry topic of it.
func (r *retryTopic) writes(topic string) bool {
	if topic == r.source {
		return true
	}
	delay, ours := strings.CutPrefix(topic, retryPrefix(r.source, r.group))
	if ours {
		_, ours = parseDelay(delay)
	}
	return ours
}

// foreignOrigin is the origin of a record in a retry topic that another program wrote: it begins there, and waits once.
func foreignOrigin(tp kafka.TopicPartition, rec *batch.Record, delay time.Duration, now time.Time) origin {
	moved := time.UnixMilli(max(rec.Timestamp, 0))
	due := moved.Add(delay)
	if last := now.Add(delay); due.After(last) { // a clock that is ahead
		due = last
	}
	return origin{TopicPartition: tp, offset: rec.Offset, time: rec.Timestamp, moved: moved, due: due}
}

// readNumber reads a header that holds a number from 0 to most.
func readNumber(rec *batch.Record, key string, most int64) (int64, bool) {
	text, _ := rec.Header(key)
	n, err := strconv.ParseInt(string(text), 10, 64)
	return n, err == nil && n >= 0 && n <= most
}

// readTimestamp reads the event's own timestamp, which may be before 1970.
func readTimestamp(rec *batch.Record) (int64, bool) {
	text, _ := rec.Header(HeaderRetryTime)
	at, err := strconv.ParseInt(string(text), 10, 64)
	return at, err == nil
}

func readTime(rec *batch.Record, key string) (time.Time, bool) {
	text, _ := rec.Header(key)
	at, err := time.Parse(time.RFC3339Nano, string(text))
	return at, err == nil
}

// retryHeaders is what an event that moves has beside the headers of a dead letter.
func retryHeaders(o origin, tier, hops int, due time.Time) []headrace.Header {
	number := func(key string, n int64) headrace.Header {
		return headrace.Header{Key: key, Value: strconv.AppendInt(nil, n, 10)}
	}
	headers := []headrace.Header{
		{Key: HeaderRetryDue, Value: []byte(due.UTC().Format(time.RFC3339Nano))},
		number(HeaderRetryTier, int64(tier)),
	}
	if o.time != noTime {
		headers = append(headers, number(HeaderRetryTime, o.time))
	}
	if hops > 0 {
		headers = append(headers, number(HeaderRetryHops, int64(hops)))
	}
	return headers
}

// stillHeaders is what an event has that moves to another retry topic because it is to wait longer: where it comes from and how far it has
// come, as it was read, and what its headers say of its last failure.
func stillHeaders(o origin, group string, rec *batch.Record, now time.Time) []headrace.Header {
	headers := originHeaders(o, group, o.spent.attempts, now)
	for _, h := range rec.Headers(nil) {
		switch h.Key {
		case HeaderMessage, HeaderKind, HeaderEvent, HeaderSchema, HeaderStack:
			headers = append(headers, h)
		}
	}
	return headers
}

// isWorkerHeader reports whether a header is one that this package adds to an event's own.
func isWorkerHeader(key string) bool {
	return strings.HasPrefix(key, headerFamily) || strings.HasPrefix(key, retryFamily)
}

// wake is when a record of a retry topic with a delay is looked at: when it is due, or has waited for as long as records wait there.
// So they come up in the order they were written, and one that is to wait longer holds up none. The clock of another machine can make
// it late by the delay at most.
func (o origin) wake(delay time.Duration, now time.Time) time.Time {
	at := o.due
	for _, bound := range []time.Time{o.moved.Add(delay), now.Add(delay)} {
		if bound.Before(at) {
			at = bound
		}
	}
	return at
}
