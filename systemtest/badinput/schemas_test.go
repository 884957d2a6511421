package badinput

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// schemas are not registered, refused, or not those of the event.
func schemas(t *testing.T, env *environment) {
	const topic = "schemas"
	admin.CreateTopic(t, env.cluster, topic, 1, nil)
	cluster := stack.Cluster(env.cluster)

	t.Run("not registered", func(t *testing.T) {
		p := stack.Producer(t, producer.Config{Cluster: cluster, Registry: env.registry})
		err := answered(t, func(ctx context.Context) error {
			_, err := producer.For[events.Numbered](p, topic).Send(ctx, "key", events.Numbered{})
			return err
		})
		says(t, err, topic, "headrace schema register")
		certainlyNotWritten(t, err)
		var typed *registry.NotRegisteredError
		if !errors.As(err, &typed) || typed.Event != "systemtest.Numbered" {
			t.Errorf("error %v is not a NotRegisteredError for systemtest.Numbered", err)
		}
	})
	t.Run("incompatible", func(t *testing.T) {
		subject := schema.TopicName(topic)
		register(t, env, subject)
		if err := env.registry.SetCompatibility(t.Context(), subject, schema.Backward); err != nil {
			t.Fatal(err)
		}
		p := stack.Producer(t, producer.Config{Cluster: cluster, Registry: env.registry, AutoRegister: true})
		err := answered(t, func(ctx context.Context) error {
			_, err := producer.For[events.Renumbered](p, topic, producer.WithSubject(subject)).Send(ctx, "key", events.Renumbered{})
			return err
		})
		says(t, err, subject)
		certainlyNotWritten(t, err)
		var typed *registry.IncompatibleError
		if !errors.As(err, &typed) || len(typed.Reasons) == 0 {
			t.Errorf("error %v is not an IncompatibleError with reasons", err)
		}
	})
	t.Run("registered by several at once", func(t *testing.T) {
		const topic = "schemas-at-once"
		admin.CreateTopic(t, env.cluster, topic, 1, nil)
		var sending sync.WaitGroup
		for range 8 {
			sending.Go(func() {
				err := answered(t, func(ctx context.Context) error {
					return send(ctx, t, cluster, stack.Registry(t, env.registryURL), topic)
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		sending.Wait()
	})
	t.Run("event does not fit", func(t *testing.T) {
		p := stack.Producer(t, producer.Config{Cluster: cluster, Registry: env.registry, AutoRegister: true})
		colored := producer.For[events.Colored](p, topic, producer.WithTopicRecordName())
		err := answered(t, func(ctx context.Context) error {
			_, err := colored.Send(ctx, "key", events.Colored{Color: "MAUVE"})
			return err
		})
		says(t, err, "color")
		certainlyNotWritten(t, err)
		if err := answered(t, func(ctx context.Context) error {
			_, err := colored.Send(ctx, "key", events.Colored{Color: "RED"})
			return err
		}); err != nil {
			t.Errorf("event that fits: %v", err)
		}
	})
	if ends := admin.Ends(t, env.cluster, topic); ends[0] != 1 {
		t.Errorf("topic holds %d records, one was acknowledged", ends[0])
	}
}
