package badinput

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/producer"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// topics do not exist.
func topics(t *testing.T, env *environment) {
	const missing = "no-such-topic"
	cluster := stack.Cluster(env.cluster)
	t.Run("send", func(t *testing.T) {
		err := answered(t, func(ctx context.Context) error { return send(ctx, t, cluster, env.registry, missing) })
		says(t, err, missing)
		certainlyNotWritten(t, err)
	})
	t.Run("read", func(t *testing.T) {
		says(t, answered(t, func(ctx context.Context) error {
			_, err := read(ctx, cluster, missing)
			return err
		}), missing)
	})
	t.Run("worker", func(t *testing.T) {
		err := answered(t, func(ctx context.Context) error { return work(ctx, cluster, env.registry, "topics", missing) })
		says(t, err, missing)
		var typed *consumer.MissingTopicError
		if !errors.As(err, &typed) || typed.Topic != missing || typed.DeadLetter {
			t.Errorf("error %v is not a MissingTopicError for %s", err, missing)
		}
	})
	t.Run("dead letters", func(t *testing.T) {
		const topic = "no-dead-letters"
		admin.CreateTopic(t, env.cluster, topic, 2, nil)
		err := answered(t, func(ctx context.Context) error {
			w, err := consumer.New(consumer.Config{
				Cluster: cluster, Registry: env.registry, Group: "topics", Topics: []string{topic}, Policy: consumer.Policy{DeadLetter: true},
			}, consumer.On(func(context.Context, events.Numbered) error { return nil }))
			if err != nil {
				return err
			}
			return w.Run(ctx)
		})
		says(t, err, consumer.DeadLetterTopic(topic, "topics"), "--partitions 2")
	})
	if listed, err := env.cluster.Admin.ListTopics(t.Context()); err != nil || listed.Has(missing) {
		t.Errorf("topic %s was created on the way, or %v", missing, err)
	}
}

// sizes are larger than the broker takes: the event fails alone, and those before and after it arrive in order.
func sizes(t *testing.T, env *environment) {
	const topic, limit = "sizes", 20_000
	admin.CreateTopic(t, env.cluster, topic, 1, map[string]string{"max.message.bytes": "20000"})
	p := stack.Producer(t, producer.Config{Cluster: stack.Cluster(env.cluster), Registry: env.registry, AutoRegister: true, BatchBytes: 3 * limit})
	numbered := producer.For[events.Numbered](p, topic)
	results := make([]error, 200)
	ctx, cancel := context.WithTimeout(t.Context(), 10*deadline)
	defer cancel()
	for i := range results {
		size := 100
		if i%20 == 7 {
			size = 2 * limit
		}
		numbered.Post(ctx, "key", events.Numbered{Key: "key", Number: int64(i), Payload: []byte(strings.Repeat("x", size))},
			func(_ headrace.Location, err error) { results[i] = err })
	}
	if err := p.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	refused := 0
	for i, err := range results {
		var typed *producer.TooLargeError
		switch tooLarge := i%20 == 7; {
		case tooLarge && !errors.As(err, &typed):
			t.Errorf("event %d of %d bytes: %v, want a TooLargeError", i, 2*limit, err)
		case tooLarge:
			refused++
			certainlyNotWritten(t, err)
		case err != nil:
			t.Errorf("event %d is small: %v", i, err)
		}
	}
	says(t, results[7], topic)
	inOrder(t, env, topic, len(results)-refused)
	t.Logf("%d events larger than the broker takes refused alone, %d others written in order", refused, len(results)-refused)
}
