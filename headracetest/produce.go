package headracetest

import (
	"context"
	"testing"

	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/schema"
)

// Produce sends events to topic in order, all with the same key, and returns when the broker has them; an empty key is
// a null key. The schema of E is registered when the registry does not know it. The test fails at once when an event
// is not acknowledged.
func Produce[E schema.Event](t testing.TB, env *Env, topic, key string, events ...E) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), env.timeout(t))
	defer cancel()
	typed := producer.For[E](env.producer, topic)
	for i, e := range events {
		if _, err := typed.Send(ctx, key, e); err != nil {
			t.Fatalf("headracetest: event %d of %d: %v", i+1, len(events), err)
		}
	}
}
