package headracetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/schema"
)

// Received is an event that [Await] found, and where.
type Received[E schema.Event] struct {
	Event     E
	Key       string // "" for a null key as well
	Partition int32
	Offset    int64
	Time      time.Time
	Headers   []headrace.Header
}

// Await reads topic from its start until it has found n events of type E, and returns them: in the order of each
// partition, and as they came between partitions. Events of other types and tombstones are passed over. When n events
// do not arrive in time, the test fails and says what the topic holds instead.
//
// It reads outside of any group and commits nothing, so that it does not disturb a worker under test; a second Await
// starts from the beginning again.
func Await[E schema.Event](t testing.TB, env *Env, topic string, n int) []Received[E] {
	t.Helper()
	want, err := schema.Of[E]()
	if err != nil {
		t.Fatalf("headracetest: schema of %T: %v", *new(E), err)
	}
	decoder, err := schema.NewDecoder[E](env.Registry)
	if err != nil {
		t.Fatalf("headracetest: %v", err)
	}
	limit := env.timeout(t)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()

	var got []Received[E]
	others := census{}
	if n > 0 {
		err = reader.Read(ctx, reader.Config{Cluster: env.Cluster, Topic: topic}, func(r reader.Record) error {
			ref, body, err := schema.ParseWire(r.Value, r.Header)
			if err != nil {
				others.add(r, err)
				return nil
			}
			writer, err := env.Registry.Resolve(ctx, ref)
			if err != nil {
				others.add(r, err)
				return nil
			}
			if writer.FullName() != want.FullName() {
				others.count(writer.FullName())
				return nil
			}
			found := received[E](r)
			if err := decoder.Decode(ctx, ref, body, &found.Event); err != nil {
				others.add(r, err)
				return nil
			}
			if got = append(got, found); len(got) == n {
				return reader.ErrStop
			}
			return nil
		})
	}
	if errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("headracetest: topic %s: %d of %d events of type %s arrived within %v%s",
			topic, len(got), n, want.FullName(), limit.Round(time.Millisecond), others)
	}
	if err != nil {
		t.Fatalf("headracetest: topic %s: %v", topic, err)
	}
	return got
}

// received copies what the reader takes back when its function returns.
func received[E schema.Event](r reader.Record) Received[E] {
	headers := slices.Clone(r.Headers)
	for i := range headers {
		headers[i].Value = slices.Clone(headers[i].Value)
	}
	return Received[E]{
		Key:       string(r.Key),
		Partition: r.Partition,
		Offset:    r.Offset,
		Time:      r.Time,
		Headers:   headers,
	}
}

// census counts what a topic held beside the events that were waited for.
type census map[string]int

func (c census) count(what string) { c[what]++ }

func (c census) add(r reader.Record, err error) {
	if errors.Is(err, schema.ErrTombstone) {
		c.count("tombstone")
		return
	}
	c.count(fmt.Sprintf("undecodable at partition %d offset %d (%v)", r.Partition, r.Offset, err))
}

// String ends a message that says how many events came.
func (c census) String() string {
	if len(c) == 0 {
		return ", and nothing else"
	}
	parts := make([]string, 0, len(c))
	for _, what := range slices.Sorted(maps.Keys(c)) {
		parts = append(parts, fmt.Sprintf("%d × %s", c[what], what))
	}
	return "; beside them: " + strings.Join(parts, ", ")
}
