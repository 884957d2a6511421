package consumer

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/sender"
	"github.com/headrace/headrace/schema"
)

// DeadLetterTopic is the topic that a group's dead letters of a topic go to: <topic>.<group>.dead.
//
// Dead letters keep the timestamps of their events, so the topic needs a retention that keeps old ones (retention.ms=-1), and, for the
// headers they gain, a max.message.bytes a little above that of topic.
func DeadLetterTopic(topic, group string) string { return topic + "." + group + ".dead" }

// Headers that a dead letter has beside those of the event itself. The first six are those of Kafka's share groups (KIP-1191).
// Values are text. An event that becomes a dead letter again carries one set, of the last time.
//
// The kind "record" is a record that is over a limit of those who read it (32 MiB, 65,536 headers), or that breaks the format; "batch" is a
// whole record batch, as it lies in the log, that does not decompress. The offset of a batch is that of the first event in it that was not
// handled.
//
// A record that cannot be copied, because the copy would be too large for its topic even when it is compressed, or have too many headers, has a
// dead letter that refers to it: with [HeaderReference], without a value and without the record's own headers, and with its key if that is
// short.
const (
	HeaderTopic         = "__dlq.errors.topic"
	HeaderPartition     = "__dlq.errors.partition"
	HeaderOffset        = "__dlq.errors.offset"
	HeaderGroup         = "__dlq.errors.group"
	HeaderMessage       = "__dlq.errors.message"        // the last error, 2 KiB at most
	HeaderDeliveryCount = "__dlq.errors.delivery.count" // attempts; 0 when no handler has seen the event
	HeaderKind          = "__dlq.errors.kind"           // "handler", "panic", "timeout", "decode", "unhandled", "record", "batch" or "crash"
	HeaderEvent         = "__dlq.errors.event"          // full name of the event's schema, where it is known
	HeaderSchema        = "__dlq.errors.schema"         // "schema id 7", where the event names one
	HeaderStack         = "__dlq.errors.stack"          // of a panic, 8 KiB at most
	HeaderTime          = "__dlq.errors.time"           // when it became a dead letter, RFC 3339
	HeaderReference     = "__dlq.errors.reference"      // where the record lies that the dead letter is no copy of: topic/partition@offset
	HeaderStart         = "__dlq.errors.value.start"    // how the value of that record begins, 1 KiB at most

	headerFamily = "__dlq.errors."
)

// Values of HeaderKind.
const (
	kindHandler   = "handler"
	kindPanic     = "panic"
	kindTimeout   = "timeout"
	kindDecode    = "decode"
	kindUnhandled = "unhandled"
	kindRecord    = "record"
	kindBatch     = "batch"
	kindSnooze    = "snooze" // of an event in a retry topic only
	kindCrash     = "crash"
)

const (
	maxMessage = 2 << 10
	maxStack   = 8 << 10
)

// deadLetter writes the event's copy to the dead-letter topic and returns true when Kafka has acknowledged it. Until then the event
// waits, as often as the write fails: it is never skipped. Where no copy is possible, the dead letter refers to the event. It returns false
// when the partition is given up first.
func (p *partition) deadLetter(t *task, f *failure) bool {
	from := t.from()
	name := DeadLetterTopic(p.source(), p.engine.group)
	death := deathHeaders(from, p.engine.group, t.ref, f, time.Now())
	letter := copyOf(t, append(p.replayHeader(ownHeaders(&t.record)), death...))
	letter.Partition, letter.Time = p.deadPartition(name, from), time.UnixMilli(from.time)
	var at int64
	var err error
	if f.kind != kindRecord {
		at, err = p.write(name, &letter, t)
	}
	if f.kind == kindRecord || uncopyable(err) {
		refer(&letter, t, p.replayHeader(nil), death, err)
		at, err = p.write(name, &letter, t)
	}
	if err != nil {
		return false
	}
	p.engine.stats.deadLettered.Add(1)
	p.log().Warn("event dead-lettered", zap.Int64("offset", t.record.Offset), zap.String("event", f.event), zap.String("kind", f.class()),
		zap.String("to", name), zap.Int64("at", at), zap.Error(f.reason))
	return true
}

// copyOf is the record of an event with other headers, as of now.
func copyOf(t *task, headers []headrace.Header) sender.Record {
	c := sender.Record{Key: t.record.Key, Headers: headers}
	if t.record.Value != nil {
		c.Value = sender.Bytes(t.record.Value)
	}
	return c
}

// errGivenUp says that the partition was given up before a copy was written.
var errGivenUp = errors.New("partition given up")

// write sends a copy of an event to another topic, as often as it takes until Kafka has acknowledged it. It returns errGivenUp when the
// partition is given up first, and an error that is uncopyable when no topic, or not this one, takes the copy.
func (p *partition) write(name string, r *sender.Record, t *task) (offset int64, err error) {
	for failures := 1; ; failures++ {
		result := p.engine.sender.Send(p.ctx, p.engine.sender.Topic(name), r)
		switch {
		case result.Outcome == sender.Acked:
			return result.Offset, nil
		case p.ctx.Err() != nil:
			return 0, errGivenUp
		case result.Outcome == sender.Failed && uncopyable(result.Err) && !isReference(r):
			return 0, result.Err
		}
		wait := jitter(outage.Delay(failures))
		p.log().Error("copy of the event is not written: the event waits", zap.Int64("offset", t.record.Offset), zap.String("to", name),
			zap.Int("in a row", failures), zap.Duration("wait", wait), zap.Error(result.Err))
		if !p.pause(wait) {
			return 0, errGivenUp
		}
	}
}

// deadPartition is the event's own partition where the dead-letter topic has as many as the event's topic, so that the events of a
// key stay together whatever chose their partition. Otherwise the key decides.
func (p *partition) deadPartition(name string, from origin) int32 {
	dead, err := p.engine.client.Topic(p.ctx, name)
	if err != nil {
		return sender.AnyPartition
	}
	source, err := p.engine.client.Topic(p.ctx, p.source())
	if err != nil || len(source.Partitions) != len(dead.Partitions) || int(from.Partition) >= len(dead.Partitions) {
		return sender.AnyPartition
	}
	return from.Partition
}

// ownHeaders is the headers of a record that are not this package's.
func ownHeaders(rec *batch.Record) []headrace.Header {
	return slices.DeleteFunc(rec.Headers(nil), func(h headrace.Header) bool { return isWorkerHeader(h.Key) })
}

// deathHeaders tell where an event comes from and why it did not stay there.
func deathHeaders(from origin, group string, ref schema.Ref, f *failure, now time.Time) []headrace.Header {
	place := originHeaders(from, group, max(f.attempts, from.spent.attempts), now)
	headers := slices.Clone(place[:4])
	add := func(key, value string) {
		if value != "" {
			headers = append(headers, headrace.Header{Key: key, Value: []byte(value)})
		}
	}
	add(HeaderMessage, clip(f.reason.Error(), maxMessage))
	headers = append(headers, place[4])
	add(HeaderKind, f.class())
	add(HeaderEvent, clip(f.event, maxMessage))
	if ref != (schema.Ref{}) {
		add(HeaderSchema, ref.String())
	}
	var panicked *PanicError
	if errors.As(f.reason, &panicked) {
		add(HeaderStack, clip(string(panicked.Stack), maxStack))
	}
	return append(headers, place[5])
}

// originHeaders tell where an event comes from, and when it left.
func originHeaders(from origin, group string, attempts int, now time.Time) []headrace.Header {
	return []headrace.Header{
		{Key: HeaderTopic, Value: []byte(from.Topic)},
		{Key: HeaderPartition, Value: strconv.AppendInt(nil, int64(from.Partition), 10)},
		{Key: HeaderOffset, Value: strconv.AppendInt(nil, from.offset, 10)},
		{Key: HeaderGroup, Value: []byte(group)},
		{Key: HeaderDeliveryCount, Value: strconv.AppendInt(nil, int64(attempts), 10)},
		{Key: HeaderTime, Value: now.UTC().AppendFormat(nil, time.RFC3339Nano)},
	}
}

// class is the kind, more precisely where the handler's error tells.
func (f *failure) class() string {
	var panicked *PanicError
	switch {
	case f.kind != kindHandler:
		return f.kind
	case errors.As(f.reason, &panicked):
		return kindPanic
	case errors.Is(f.reason, ErrAttemptTimeout):
		return kindTimeout
	}
	return kindHandler
}

// clip cuts text to at most n bytes of valid UTF-8.
func clip(text string, n int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
