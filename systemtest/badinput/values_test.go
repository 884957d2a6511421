package badinput

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/schema"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/record"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// values are not what the wire format or their schema says: each goes to the dead letters with its own bytes, and the
// good events between them are handled.
func values(t *testing.T, env *environment) {
	const topic, group = "values", "values"
	dead := consumer.DeadLetterTopic(topic, group)
	keepOld := map[string]string{"retention.ms": "-1"} // the bad values are of 2013
	admin.CreateTopic(t, env.cluster, topic, 1, keepOld)
	admin.CreateTopic(t, env.cluster, dead, 1, keepOld)
	id := register(t, env, schema.TopicName(topic))
	bad := badValues(t, id)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	p := stack.Producer(t, producer.Config{Cluster: stack.Cluster(env.cluster), Registry: env.registry})
	numbered := producer.For[events.Numbered](p, topic)
	sentAt := time.UnixMilli(1356998400123)
	for i, value := range bad {
		if _, err := numbered.Send(ctx, "good", events.Numbered{Key: "good", Number: int64(i)}); err != nil {
			t.Fatal(err)
		}
		r := producer.Record{Key: []byte("bad"), Value: value, Time: sentAt, Headers: []headrace.Header{{Key: "origin", Value: []byte("test")}}}
		if _, err := p.SendRecord(ctx, topic, r); err != nil {
			t.Fatal(err)
		}
	}

	var handled []int64
	w := stack.Work(t, consumer.Config{
		Cluster: stack.Cluster(env.cluster), Registry: env.registry, Group: group, Topics: []string{topic},
		Policy: consumer.Policy{DeadLetter: true},
	}, consumer.On(func(_ context.Context, e events.Numbered) error {
		if e.Key != "good" {
			t.Errorf("handler was given %+v, which nobody sent", e)
		}
		handled = append(handled, e.Number)
		return nil
	}))
	w.Until(t, time.Minute, "every value is handled or dead-lettered", func() bool {
		stats := w.Stats()
		return stats.Handled+stats.DeadLettered >= int64(2*len(bad))
	})
	if err := w.Stop(); err != nil {
		t.Errorf("worker: %v", err)
	}
	for i, number := range handled {
		if number != int64(i) {
			t.Fatalf("good events were handled as %v", handled)
		}
	}
	holdDeadLetters(t, env, dead, bad, sentAt)
	t.Logf("%d good events handled in order; %d bad values dead-lettered with their bytes, headers, time and the reason", len(handled), len(bad))
}

// badValues are every proper prefix of an event, trailing bytes, a wrong magic byte, an id nobody has, no bytes.
func badValues(t *testing.T, id int) [][]byte {
	t.Helper()
	avro, err := schema.NewEncoder[events.Numbered]()
	if err != nil {
		t.Fatal(err)
	}
	whole, err := avro.Append(schema.AppendID(nil, id), &events.Numbered{Key: "truncated", Number: 1 << 40, Payload: []byte("payload")})
	if err != nil {
		t.Fatal(err)
	}
	bad := [][]byte{
		{},
		append(bytes.Clone(whole), 0),
		append([]byte{0x07}, whole[1:]...),
		append(schema.AppendID(nil, 1_000_000_007), whole[5:]...),
		[]byte(`{"key": "json"}`),
	}
	for end := 1; end < len(whole); end++ {
		bad = append(bad, whole[:end])
	}
	return bad
}

func holdDeadLetters(t *testing.T, env *environment, dead string, bad [][]byte, sentAt time.Time) {
	t.Helper()
	var letters []record.Record
	admin.ReadAll(t, env.cluster, dead, func(r record.Record) { letters = append(letters, r) })
	if len(letters) != len(bad) {
		t.Errorf("%d dead letters, want %d", len(letters), len(bad))
	}
	for i, letter := range letters {
		if i >= len(bad) || !bytes.Equal(letter.Value, bad[i]) || string(letter.Key) != "bad" || letter.Timestamp != sentAt.UnixMilli() {
			t.Errorf("dead letter %d is %+v, want the bad value %d untouched", i, letter, i)
			continue
		}
		for _, name := range []string{"__dlq.errors.topic", "__dlq.errors.partition", "__dlq.errors.offset", "__dlq.errors.message"} {
			if header(letter, name) == "" {
				t.Errorf("dead letter %d has no header %s: %+v", i, name, letter.Headers)
			}
		}
		if header(letter, "origin") != "test" {
			t.Errorf("dead letter %d lost the record's own header: %+v", i, letter.Headers)
		}
	}
}

func header(r record.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

func register(t *testing.T, env *environment, subject string) (id int) {
	t.Helper()
	parsed, err := schema.Parse(events.Numbered{}.AvroSchema())
	if err != nil {
		t.Fatal(err)
	}
	if id, err = env.registry.Register(t.Context(), subject, parsed); err != nil {
		t.Fatal(err)
	}
	return id
}

// inOrder holds that the topic has want events whose numbers rise.
func inOrder(t *testing.T, env *environment, topic string, want int) {
	t.Helper()
	decoder, err := schema.NewDecoder[events.Numbered](env.registry)
	if err != nil {
		t.Fatal(err)
	}
	seen, last := 0, int64(-1)
	admin.ReadAll(t, env.cluster, topic, func(r record.Record) {
		ref, body, err := schema.ParseWire(r.Value, nil)
		var e events.Numbered
		if err := errors.Join(err, decoder.Decode(t.Context(), ref, body, &e)); err != nil {
			t.Fatal(err)
		}
		if e.Number <= last {
			t.Errorf("event %d comes after %d", e.Number, last)
		}
		seen, last = seen+1, e.Number
	})
	if seen != want {
		t.Errorf("topic %s holds %d events, want %d", topic, seen, want)
	}
}
