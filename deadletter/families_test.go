package deadletter

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/reader"
)

func header(key, value string) headrace.Header {
	return headrace.Header{Key: key, Value: []byte(value)}
}

// javaInt and javaLong are what ByteBuffer.putInt and putLong write.
func javaInt(n uint32) string  { return string(binary.BigEndian.AppendUint32(nil, n)) }
func javaLong(n uint64) string { return string(binary.BigEndian.AppendUint64(nil, n)) }

var buried = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// TestFamiliesAreReadAsTheyAreWritten has the bytes that the programs named in the constants write.
func TestFamiliesAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	own := header("trace", "abc")
	for _, test := range []struct {
		name    string
		headers []headrace.Header
		want    Letter
	}{
		{"nobody's", []headrace.Header{own}, Letter{Origin: headrace.Location{Partition: -1, Offset: -1}, Time: buried}},
		// ShareGroupDLQStateManager.headers: text, the delivery count and the message only where there are any.
		{"share group", []headrace.Header{
			own, header("__dlq.errors.topic", "orders"), header("__dlq.errors.partition", "2"), header("__dlq.errors.offset", "41"),
			header("__dlq.errors.group", "mailers"), header("__dlq.errors.delivery.count", "5"),
			header("__dlq.errors.message", "Offset delivery count exceeded the threshold."),
		}, Letter{
			Family: FamilyShare, Origin: headrace.Location{Topic: "orders", Partition: 2, Offset: 41}, Group: "mailers", Attempts: 5,
			Error: "Offset delivery count exceeded the threshold.", Time: buried,
		}},
		// DeadLetterQueueReporter.populateContextHeaders: text; stage is the name of the enum Stage.
		{"connect", []headrace.Header{
			own, header("__connect.errors.topic", "orders"), header("__connect.errors.partition", "2"), header("__connect.errors.offset", "41"),
			header("__connect.errors.connector.name", "to-postgres"), header("__connect.errors.task.id", "0"), header("__connect.errors.stage", "VALUE_CONVERTER"),
			header("__connect.errors.class.name", "io.confluent.connect.avro.AvroConverter"), header("__connect.errors.exception.class.name", "org.apache.kafka.connect.errors.DataException"),
			header("__connect.errors.exception.message", "Failed to deserialize data for topic orders"), header("__connect.errors.exception.stacktrace", "org.apache...\n\tat x"),
		}, Letter{
			Family: FamilyConnect, Origin: headrace.Location{Topic: "orders", Partition: 2, Offset: 41}, Group: "to-postgres", Handler: "value_converter AvroConverter",
			Kind: "DataException", Error: "Failed to deserialize data for topic orders", Stack: "org.apache...\n\tat x", Time: buried,
		}},
		// DeadLetterPublishingRecoverer.enhanceHeaders: int and long big-endian. It has died in a retry topic before, and the origin's
		// headers are repeated; DeadLetterPublishingRecovererFactory adds those of the retry topic.
		{"spring", []headrace.Header{
			own, header("kafka_dlt-original-topic", "orders"), header("kafka_dlt-original-partition", javaInt(2)), header("kafka_dlt-original-offset", javaLong(41)),
			header("kafka_dlt-original-timestamp", javaLong(1_700_000_000_000)), header("kafka_dlt-original-timestamp-type", "CreateTime"),
			header("kafka_dlt-original-consumer-group", "mail"), header("retry_topic-attempts", javaInt(4)), header("retry_topic-original-timestamp", "\x01\x8b\xcf\xe5\x68\x00"),
			header("kafka_dlt-original-topic", "orders-retry-0"), header("kafka_dlt-original-partition", javaInt(0)), header("kafka_dlt-original-offset", javaLong(7)),
			header("kafka_dlt-original-timestamp", javaLong(1_800_000_000_000)),
			header("kafka_dlt-exception-fqcn", "org.springframework.kafka.listener.ListenerExecutionFailedException"),
			header("kafka_dlt-exception-cause-fqcn", "java.lang.IllegalStateException"), header("kafka_dlt-exception-message", "Listener failed; no such address"),
			header("kafka_dlt-exception-stacktrace", "java.lang...\n\tat y"),
		}, Letter{
			Family: FamilySpring, Origin: headrace.Location{Topic: "orders", Partition: 2, Offset: 41}, Group: "mail", Attempts: 3, Kind: "IllegalStateException",
			Error: "Listener failed; no such address", Stack: "java.lang...\n\tat y", Died: buried, Time: time.UnixMilli(1_700_000_000_000).UTC(),
		}},
		// DeadLetterPublishingRecovererFactory of @RetryableTopic: the same under other names, but for the group's. What only begins like
		// one of them is the event's own.
		{"spring retryable", []headrace.Header{
			own, header("kafka_original-topic", "orders"), header("kafka_original-partition", javaInt(2)), header("kafka_original-offset", javaLong(41)),
			header("kafka_original-timestamp", javaLong(1_700_000_000_000)), header("kafka_original-timestamp-type", "CreateTime"),
			header("kafka_dlt-original-consumer-group", "mail"), header("kafka_exception-fqcn", "org.springframework.kafka.listener.ListenerExecutionFailedException"),
			header("kafka_exception-cause-fqcn", "java.lang.IllegalStateException"), header("kafka_exception-message", "Listener failed"),
			header("kafka_exception-stacktrace", "java.lang...\n\tat y"), header("retry_topic-attempts", javaInt(4)),
			header("retry_topic-original-timestamp", "\x01\x8b\xcf\xe5\x68\x00"), header("retry_topic-backoff-timestamp", "\x01\x8b\xcf\xe5\x68\x00"),
			header("kafka_correlationId", "7"), header("kafka_dlt-mine", "8"), header("retry_topic-mine", "9"),
		}, Letter{
			Family: FamilySpring, Origin: headrace.Location{Topic: "orders", Partition: 2, Offset: 41}, Group: "mail", Attempts: 3, Kind: "IllegalStateException",
			Error: "Listener failed", Stack: "java.lang...\n\tat y", Died: buried, Time: time.UnixMilli(1_700_000_000_000).UTC(),
			Headers: []headrace.Header{own, header("kafka_correlationId", "7"), header("kafka_dlt-mine", "8"), header("retry_topic-mine", "9")},
		}},
		// ExceptionHandlerUtils.buildDeadLetterQueueRecord: StringSerializer, null where there is no message.
		{"streams", []headrace.Header{
			own, header("__streams.errors.exception", "java.lang.NumberFormatException"),
			{Key: "__streams.errors.message"},
			header("__streams.errors.stacktrace", "z"),
			header("__streams.errors.topic", "orders"), header("__streams.errors.partition", "2"), header("__streams.errors.offset", "41"),
		}, Letter{
			Family: FamilyStreams, Origin: headrace.Location{Topic: "orders", Partition: 2, Offset: 41}, Kind: "NumberFormatException", Stack: "z", Time: buried,
		}},
		// An event of a Connect dead-letter topic, on which a worker has failed: it came from there, and the headers of Connect are its own.
		{"of a dead letter", []headrace.Header{
			header("__connect.errors.topic", "orders"), header("__dlq.errors.topic", "orders-dlq"), header("__dlq.errors.partition", "0"),
			header("__dlq.errors.offset", "9"), header("__dlq.errors.kind", "handler"), header("__dlq.errors.time", "2026-03-01T12:00:00Z"),
		}, Letter{
			Family: FamilyOwn, Origin: headrace.Location{Topic: "orders-dlq", Offset: 9}, Kind: "handler", Died: buried, Time: buried,
			Headers: []headrace.Header{header("__connect.errors.topic", "orders")},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.want.Location = headrace.Location{Topic: "dead", Partition: 1, Offset: 3}
			test.want.Fate, test.want.Raw = FateOpen, test.headers
			if test.want.Headers == nil {
				test.want.Headers = []headrace.Header{own}
			}
			got := letterOf(reader.Record{Topic: "dead", Partition: 1, Offset: 3, Time: buried, Headers: test.headers})
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestHostileHeadersAreBounded has headers that make no sense, and long ones.
func TestHostileHeadersAreBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é\xff", 1<<20)
	keys := []string{
		consumer.HeaderTopic, consumer.HeaderPartition, consumer.HeaderOffset, consumer.HeaderGroup, consumer.HeaderMessage, consumer.HeaderStack,
		"__connect.errors.stage", "__connect.errors.class.name", "__connect.errors.topic", "__connect.errors.exception.message", "__streams.errors.stacktrace",
		"kafka_dlt-original-partition", "kafka_dlt-original-offset", "kafka_dlt-original-timestamp", "kafka_dlt-exception-message", "retry_topic-attempts",
	}
	rapid.Check(t, func(t *rapid.T) {
		var headers []headrace.Header
		for _, key := range rapid.SliceOfN(rapid.SampledFrom(keys), 1, 10).Draw(t, "keys") {
			value := rapid.OneOf(rapid.SliceOfN(rapid.Byte(), 0, 12), rapid.Just([]byte(long)), rapid.Just([]byte(nil))).Draw(t, "value")
			headers = append(headers, headrace.Header{Key: key, Value: value})
		}
		d := letterOf(reader.Record{Topic: "dead", Time: buried, Headers: headers})
		texts := len(d.Origin.Topic) + len(d.Group) + len(d.Handler) + len(d.Kind) + len(d.Error)
		if texts > 5*3*maxText || len(d.Stack) > 3*maxStack || d.Origin.Partition < -1 || d.Origin.Offset < -1 || d.Attempts < 0 || d.Time.Before(time.Unix(0, 0)) {
			t.Fatalf("%d bytes of text, %d of stack: %+v", texts, len(d.Stack), d.Origin)
		}
		_ = d.Cause()
	})
}

func TestErrorsThatDifferInNumbersFoldAlike(t *testing.T) {
	t.Parallel()
	for _, test := range [][2]string{
		{"carrier 17 is not in the directory", "carrier # is not in the directory"},
		{"carrier -17.25e-3 is missing", "carrier # is missing"},
		{"order 0af7651916cd43dd: at 2026-03-01T12:00:00Z, 10.0.0.7:9092", "order #: at #, #"},
		{"no N725MQ, cafebabe-cafe-babe-cafe-cafebabecafe", "no #, #"},
		{"int64 is not utf8 (offset -3)", "int# is not utf# (offset #)"},
		{"  first line 1\nsecond", "first line #"},
		{"", ""},
		{"é7 \xff", "é# \uFFFD"},
	} {
		if got := FoldError(test[0]); got != test[1] {
			t.Errorf("%q folds to %q, want %q", test[0], got, test[1])
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom([]rune("0189afgxT-#.:+_/ é\n"))).Draw(t, "text")
		once := FoldError(text)
		if twice := FoldError(once); twice != once {
			t.Fatalf("%q folds to %q, and that to %q", text, once, twice)
		}
	})
}

func TestMarksAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		base := rapid.Int64Range(0, 1<<40).Draw(t, "block") * blockOffsets
		offsets := rapid.SliceOfN(rapid.Int64Range(0, blockOffsets-1), 1, 300).Draw(t, "offsets")
		var set offsetSet
		for _, n := range offsets {
			set.add(n)
		}
		of := markOf{topic: "orders.mail.dead", id: "-", partition: 3, block: base, run: "20260301-120000-0a1b2c3d"}
		read, ok := parseMarkKey(of.key())
		if !ok || read != of {
			t.Fatalf("%q is read as %+v", of.key(), read)
		}
		m := marks{}
		m.add(of, fmt.Appendf(nil, `{"action":"discard","offsets":%q}`, set.text(base)))
		for n := range int64(blockOffsets) {
			fate, run := m.fate(3, base+n)
			if (fate == FateDiscarded) != set.has(n) || (run == of.run) != set.has(n) {
				t.Fatalf("offset %d is %s by %q", base+n, fate, run)
			}
		}
	})
}

func TestForeignMarksAreLeftOut(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", "mark:", "mark:a:b:0:0", "mark:a:b:-1:0:r", "mark:a:b:0:17:r", "mark:a:b:0:-4096:r", "mark:a:b:0:0:r:s", "run:x"} {
		if of, ok := parseMarkKey(key); ok {
			t.Errorf("%q is taken as %+v", key, of)
		}
	}
	m := marks{}
	for _, value := range []string{"", "{}", `{"offsets":"1-"}`, `{"offsets":"4096"}`, `{"offsets":"7-3"}`, `{"offsets":"0-9223372036854775807"}`, `{"offsets":"-1"}`} {
		m.add(markOf{topic: "t", id: "-", run: "r"}, []byte(value))
	}
	m.add(markOf{topic: "t", id: "-", run: "r"}, bytes.Repeat([]byte("1,"), maxMarkBytes))
	if len(m) != 0 {
		t.Errorf("taken: %v", m)
	}
}
