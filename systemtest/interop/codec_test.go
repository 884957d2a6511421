package interop

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/headrace/headrace"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/reader"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/javaclient"
	"github.com/headrace/headrace/systemtest/internal/kcat"
	"github.com/headrace/headrace/systemtest/internal/record"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// samples are records that readers tend to disagree on, and enough plain ones for a codec to do something.
func samples() []record.Record {
	base := time.Date(2013, 1, 1, 10, 0, 0, 0, time.UTC).UnixMilli()
	text := func(s string) record.Bytes { return record.Bytes(s) }
	odd := []record.Record{
		{Key: text("tombstone"), Value: nil},
		{Key: text("empty value"), Value: text("")},
		{Key: text(""), Value: text("empty key")},
		{Key: nil, Value: text("null key")},
		{Key: text("binary"), Value: text("\x00\n\t\xff,=\r\n")},
		{Key: text("headers"), Value: text("v"), Headers: []record.Header{
			{Key: "a", Value: text("1")}, {Key: "b", Value: text("")}, {Key: "a", Value: text("2")},
		}},
	}
	for i := range 500 {
		odd = append(odd, record.Record{Key: text(fmt.Sprintf("key-%d", i%17)), Value: text(fmt.Sprintf("value %d of a compressible kind of kind", i))})
	}
	for i := range odd {
		odd[i].Timestamp = base + int64(i)*37
	}
	return odd
}

// keepOld is for topics of old events, which Kafka's retention of a week would delete at its first look.
var keepOld = map[string]string{"retention.ms": "-1"}

// readTheirs has Java and kcat write, and holds what reader.Read returns against what Java reads.
func readTheirs(t *testing.T, b *bench, codec string) {
	topic := topicName("theirs-%s", codec)
	admin.CreateTopic(t, b.cluster, topic, 1, keepOld)
	var steps []javaclient.Step
	for _, r := range samples() {
		steps = append(steps, javaclient.Send(r))
	}
	b.java.Write(t, topic, javaclient.Writer{Codec: codec}, steps...)
	byKcat := []record.Record{{Key: record.Bytes("k"), Value: record.Bytes("v"), Headers: []record.Header{{Key: "from", Value: record.Bytes("kcat")}}}}
	for i := range 200 {
		byKcat = append(byKcat, record.Record{Key: record.Bytes("k"), Value: fmt.Appendf(nil, "kcat's value %d", i)})
	}
	kcat.Write(t, b.cluster.Brokers(), topic, codec, byKcat)

	want := b.java.Read(t, topic, javaclient.Uncommitted)
	if len(want) != len(steps)+len(byKcat) {
		t.Fatalf("Java reads %d records, %d were written", len(want), len(steps)+len(byKcat))
	}
	got := readOurs(t, b, topic)
	if diff := cmp.Diff(want, got, noHeaders); diff != "" {
		t.Errorf("reader.Read differs from Java (-java +ours):\n%s", diff)
	}
	t.Logf("%s: %d records of Java and %d of kcat are read as Java reads them", codec, len(steps), len(byKcat))
}

// writeOurs writes with our producer, and holds what Java and kcat read against what was sent.
func writeOurs(t *testing.T, b *bench, codec string) {
	topic := topicName("ours-%s", codec)
	admin.CreateTopic(t, b.cluster, topic, 1, keepOld)
	p := stack.Producer(t, producer.Config{Cluster: stack.Cluster(b.cluster), Compression: compression(t, codec)})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	sent := samples()
	answers := make(chan error, len(sent))
	for i, r := range sent {
		sent[i].Offset = int64(i)
		out := producer.Record{Key: r.Key, Value: r.Value, Time: time.UnixMilli(r.Timestamp)}
		for _, h := range r.Headers {
			out.Headers = append(out.Headers, headrace.Header{Key: h.Key, Value: h.Value})
		}
		p.PostRecord(ctx, topic, out, func(_ headrace.Location, err error) {
			answers <- err
		})
	}
	if err := p.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if len(answers) != len(sent) {
		t.Fatalf("Flush returned with %d of %d records answered", len(answers), len(sent))
	}
	for range sent {
		if err := <-answers; err != nil {
			t.Fatal(err)
		}
	}
	byJava := b.java.Read(t, topic, javaclient.Committed)
	if diff := cmp.Diff(sent, byJava, noHeaders); diff != "" {
		t.Errorf("Java reads other records than were sent (-sent +java):\n%s", diff)
	}
	var byKcat []record.Record
	kcat.Read(t, b.cluster.Brokers(), topic, func(r record.Record) { byKcat = append(byKcat, r) })
	if diff := cmp.Diff(sent, byKcat, noHeaders); diff != "" {
		t.Errorf("kcat reads other records than were sent (-sent +kcat):\n%s", diff)
	}
	t.Logf("%s: %d records of ours are read by Java and kcat as they were sent", codec, len(sent))
}

func readOurs(t *testing.T, b *bench, topic string) []record.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var got []record.Record
	err := reader.Read(ctx, reader.Config{
		Cluster: stack.Cluster(b.cluster), Topic: topic, Range: reader.Range{From: reader.AtStart(), To: reader.AtEnd()},
	}, func(r reader.Record) error {
		got = append(got, stack.Record(r))
		return nil
	})
	if err != nil {
		t.Fatalf("reader.Read %s: %v", topic, err)
	}
	return got
}

func compression(t *testing.T, codec string) producer.Compression {
	t.Helper()
	for c := producer.NoCompression; c <= producer.Zstd; c++ {
		if c.String() == codec {
			return c
		}
	}
	t.Fatalf("no compression %q", codec)
	return 0
}

// noHeaders makes no difference between no headers and an empty list of them, as the wire does not either.
var noHeaders = cmp.FilterValues(func(a, b []record.Header) bool { return len(a) == 0 && len(b) == 0 }, cmp.Ignore())
