package consumer_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os/signal"
	"syscall"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/schema/registry"
)

type orderPlaced struct {
	ID     string `avro:"id"`
	Amount int64  `avro:"amount"`
}

func (orderPlaced) AvroSchema() string {
	return `{"type":"record","name":"OrderPlaced","namespace":"shop","fields":[{"name":"id","type":"string"},{"name":"amount","type":"long"}]}`
}

// A worker is made of plain functions, and runs until its context ends.
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
	charge := func(ctx context.Context, order orderPlaced) error {
		if order.Amount < 0 {
			return consumer.Permanent(errors.New("negative amount")) // no attempt will mend it
		}
		fmt.Println("charging", order.ID, "from partition", consumer.InfoFrom(ctx).Partition)
		return nil
	}
	worker, err := consumer.New(
		consumer.Config{Cluster: cluster, Registry: reg, Group: "billing", Topics: []string{"orders"}},
		consumer.On(charge).With(consumer.Policy{Attempts: 3, Timeout: time.Minute, DeadLetter: true}))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := worker.Run(ctx); err != nil {
		fmt.Println(err) // says at which event, and what to do next
	}
}

func ExamplePolicy_Delay() {
	p := consumer.Policy{Backoff: consumer.Backoff{Initial: time.Second, Max: 5 * time.Second}}
	for attempt := 1; attempt <= 4; attempt++ {
		fmt.Println(p.Delay(attempt))
	}
	// Output:
	// 1s
	// 2s
	// 4s
	// 5s
}

func ExampleDeadLetterTopic() {
	fmt.Println(consumer.DeadLetterTopic("orders", "billing"))
	// Output: orders.billing.dead
}

// A handler says by its error what is to become of the event, and a policy says it for errors that come from elsewhere.
func ExamplePolicy() {
	errBusy := errors.New("the bank asks to come back later")
	charge := func(ctx context.Context, order orderPlaced) error {
		switch {
		case order.Amount == 0:
			return consumer.Skip("nothing to charge")
		case order.Amount < 0:
			return consumer.Permanent(errors.New("negative amount"))
		}
		return ask(ctx, order)
	}
	policy := consumer.Policy{
		Attempts:   3,                                       // in place, a moment apart; then
		Retry:      []time.Duration{time.Minute, time.Hour}, // once more from each of two retry topics; then
		DeadLetter: true,
		ErrorRules: []consumer.ErrorRule{
			{Is: sql.ErrNoRows, Then: consumer.Permanent},
			{Is: errBusy, Then: func(err error) error { return consumer.RetryAfter(10*time.Minute, err) }},
		},
	}
	_ = consumer.On(charge).With(policy) // to be given to New

	for _, delay := range policy.Retry {
		fmt.Println(consumer.RetryTopic("orders", "billing", delay))
	}
	// Output:
	// orders.billing.retry.1m
	// orders.billing.retry.1h
}

func ask(context.Context, orderPlaced) error { return nil }
