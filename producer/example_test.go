package producer_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/headracetest"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/schema/registry"
)

// One producer serves all events of a process; a typed topic is cheap and kept where events are made.
func Example() {
	cluster, err := headrace.FromEnv()
	if err != nil {
		fmt.Println(err)
		return
	}
	reg, err := registry.FromEnv()
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := producer.New(producer.Config{Cluster: cluster, Registry: reg, Compression: producer.Zstd})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	placed := producer.For[orderPlaced](p, "orders")
	at, err := placed.Send(ctx, "customer-7", orderPlaced{ID: "o-1", Amount: 1999})
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println("written:", at)
	if err := p.Close(ctx); err != nil {
		fmt.Println(err)
	}
}

// What to do with an event that was not acknowledged hangs on its Outcome.
func ExampleError() {
	report := func(err error) {
		var failure *producer.Error
		switch {
		case err == nil:
			fmt.Println("every in-sync replica has it")
		case errors.As(err, &failure) && failure.Outcome == producer.Failed:
			fmt.Println("it may be sent again:", failure)
		default:
			fmt.Println("sending it again may double it:", err)
		}
	}
	report(nil)
	report(&producer.Error{Topic: "orders", Partition: -1, Outcome: producer.Failed, Err: producer.ErrBufferFull})
	report(&producer.Error{Topic: "orders", Partition: 3, Outcome: producer.Unknown, Err: context.DeadlineExceeded})
	// Output:
	// every in-sync replica has it
	// it may be sent again: produce to orders: not written: buffer full
	// sending it again may double it: produce to orders/3: outcome unknown: context deadline exceeded
}

// In a test an embedded broker and registry stand in; the code under test does not know.
func ExampleTopic_Post() {
	_ = testOrdersArePosted // in your own tests: func TestOrdersArePosted(t *testing.T)
}

func testOrdersArePosted(t *testing.T) {
	env := headracetest.Start(t)
	env.CreateTopic(t, "orders", 3)
	p, err := producer.New(producer.Config{Cluster: env.Cluster, Registry: env.Registry, AutoRegister: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	placed := producer.For[orderPlaced](p, "orders")
	for i := range int64(3) {
		placed.Post(ctx, "customer-7", orderPlaced{ID: fmt.Sprint("o-", i), Amount: i}, func(_ headrace.Location, err error) {
			if err != nil {
				t.Error(err) // quick: a callback must not block
			}
		}, producer.WithHeader("origin", []byte("example")))
	}
	if err := p.Close(ctx); err != nil { // flushes
		t.Error(err)
	}
	for i, order := range headracetest.Await[orderPlaced](t, env, "orders", 3) {
		if order.Event.Amount != int64(i) {
			t.Errorf("order %d is %+v", i, order.Event)
		}
	}
}
