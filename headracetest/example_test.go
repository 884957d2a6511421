package headracetest_test

import (
	"context"
	"testing"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/headracetest"
	"github.com/headrace/headrace/producer"
)

// A worker that cancels every order is tested from the outside: events in, events out.
func Example() {
	_ = testOrdersAreCancelled // in your own tests: func TestOrdersAreCancelled(t *testing.T)
}

func testOrdersAreCancelled(t *testing.T) {
	env := headracetest.Start(t)
	env.CreateTopic(t, "orders", 3)
	env.CreateTopic(t, "cancellations", 3)

	out, err := producer.New(producer.Config{Cluster: env.Cluster, Registry: env.Registry, AutoRegister: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := out.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	cancellations := producer.For[OrderCancelled](out, "cancellations")

	worker, err := consumer.New(
		consumer.Config{Cluster: env.Cluster, Registry: env.Registry, Group: "cancel", Topics: []string{"orders"}},
		consumer.On(func(ctx context.Context, e OrderPlaced) error {
			_, err := cancellations.Send(ctx, e.Customer, OrderCancelled{ID: e.ID})
			return err
		}))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- worker.Run(ctx) }()

	headracetest.Produce(t, env, "orders", "ann", OrderPlaced{ID: 1, Customer: "ann"})
	got := headracetest.Await[OrderCancelled](t, env, "cancellations", 1)
	if got[0].Event.ID != 1 || got[0].Key != "ann" {
		t.Errorf("got %+v", got[0])
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
