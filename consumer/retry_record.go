package consumer

import (
	"strconv"
	"strings"
	"time"

	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
)

// Headers that an event in a retry topic has beside those of a dead letter, which tell where it comes from and what happened last.
// There is one set of them, however often it moves. Values are text.
const (
	HeaderRetryDue  = "__retry.due"  // the event is not tried before, RFC 3339
	HeaderRetryRung = "__retry.rung" // how many rungs of the ladder it has climbed
	HeaderRetryTime = "__retry.time" // the event's own timestamp in milliseconds; the record's is when it moved, so that retention goes by that

	retryFamily = "__retry."
)

// maxSpent bounds what a header may say that an event has spent.
const maxSpent = 1 << 30

// origin is what an event in a retry topic was in its own topic, and how far it has come since.
type origin struct {
	kafka.TopicPartition
	offset int64
	time   int64 // in milliseconds; -1 for none
	spent  spent
	moved  time.Time // when it came to the retry topic, by the clock of who moved it; so is due
	due    time.Time
}

// readOrigin reads the headers of a record in a retry topic of a source topic. It returns false where they are not all there or make no
// sense, because the record was written by somebody else.
func readOrigin(rec *batch.Record, source string) (o origin, ok bool) {
	topic, known := rec.Header(HeaderTopic)
	if !known || string(topic) != source {
		return origin{}, false
	}
	partition, ok1 := readNumber(rec, HeaderPartition, 1<<31-1)
	offset, ok2 := readNumber(rec, HeaderOffset, 1<<63-1)
	attempts, ok3 := readNumber(rec, HeaderDeliveryCount, maxSpent)
	rung, ok4 := readNumber(rec, HeaderRetryRung, maxSpent)
	moved, ok5 := readTime(rec, HeaderTime)
	due, ok6 := readTime(rec, HeaderRetryDue)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 {
		return origin{}, false
	}
	if last := moved.Add(MaxDelay); due.After(last) {
		due = last
	}
	at, ok := readNumber(rec, HeaderRetryTime, 1<<63-1)
	if !ok {
		at = -1
	}
	return origin{
		TopicPartition: kafka.TopicPartition{Topic: source, Partition: int32(partition)}, //nolint:gosec // bounded above
		offset:         offset, time: at, spent: spent{attempts: int(attempts), rung: int(rung)}, moved: moved, due: due,
	}, true
}

// strange is the origin of a record in a retry topic that another program wrote: it begins there, and waits once.
func strange(tp kafka.TopicPartition, rec *batch.Record, delay time.Duration) origin {
	moved := time.UnixMilli(max(rec.Timestamp, 0))
	return origin{TopicPartition: tp, offset: rec.Offset, time: rec.Timestamp, moved: moved, due: moved.Add(delay)}
}

// readNumber reads a header that holds a number from 0 to most.
func readNumber(rec *batch.Record, key string, most int64) (int64, bool) {
	text, _ := rec.Header(key)
	n, err := strconv.ParseInt(string(text), 10, 64)
	return n, err == nil && n >= 0 && n <= most
}

func readTime(rec *batch.Record, key string) (time.Time, bool) {
	text, _ := rec.Header(key)
	at, err := time.Parse(time.RFC3339Nano, string(text))
	return at, err == nil
}

// retryHeaders is what an event that moves has beside the headers of a dead letter.
func retryHeaders(o origin, rung int, due time.Time) []batch.Header {
	headers := []batch.Header{
		{Key: HeaderRetryDue, Value: []byte(due.UTC().Format(time.RFC3339Nano))},
		{Key: HeaderRetryRung, Value: strconv.AppendInt(nil, int64(rung), 10)},
	}
	if o.time >= 0 {
		headers = append(headers, batch.Header{Key: HeaderRetryTime, Value: strconv.AppendInt(nil, o.time, 10)})
	}
	return headers
}

// stillHeaders is what the headers of an event in a retry topic say that moves to another because it is to wait longer: what they said,
// but for the time.
func stillHeaders(rec *batch.Record, now time.Time) []batch.Header {
	var headers []batch.Header
	for _, h := range rec.Headers(nil) {
		if strings.HasPrefix(h.Key, headerFamily) && h.Key != HeaderTime {
			headers = append(headers, h)
		}
	}
	return append(headers, batch.Header{Key: HeaderTime, Value: []byte(now.UTC().Format(time.RFC3339Nano))})
}

// ours reports whether a header is one that this package adds to an event's own.
func ours(key string) bool {
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
