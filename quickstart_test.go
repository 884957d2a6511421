package headrace_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/headracetest"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/schema/registry"
)

// README.md shows this file's code between the line "quickstart" and the end of each declaration; TestReadmeShowsThisCode holds
// the two together, and TestQuickstart runs it.

// quickstart: event
type OrderPlaced struct {
	ID    string `avro:"id"`
	Cents int64  `avro:"cents"`
}

func (OrderPlaced) AvroSchema() string {
	return `{"type": "record", "name": "OrderPlaced", "namespace": "shop", "fields": [
		{"name": "id", "type": "string"}, {"name": "cents", "type": "long"}]}`
}

// quickstart: producer
func placeOrders(ctx context.Context, cluster headrace.Cluster, reg *registry.Client) error {
	p, err := producer.New(producer.Config{Cluster: cluster, Registry: reg, AutoRegister: true})
	if err != nil {
		return err
	}
	orders := producer.For[OrderPlaced](p, "orders")
	for _, id := range []string{"a1", "b2", "c3"} {
		// nil once every in-sync replica has the event; its key is the order's id
		if _, err = orders.Send(ctx, id, OrderPlaced{ID: id, Cents: 4200}); err != nil {
			break
		}
	}
	return errors.Join(err, p.Close(ctx))
}

// quickstart: worker
func billOrders(ctx context.Context, cluster headrace.Cluster, reg *registry.Client, bill func(string, int64) error) error {
	onPlaced := func(ctx context.Context, order OrderPlaced) error {
		return bill(order.ID, order.Cents) // nil lets the offset be committed, an error is another attempt
	}
	worker, err := consumer.New(
		consumer.Config{Cluster: cluster, Registry: reg, Group: "billing", Topics: []string{"orders"}},
		consumer.On(onPlaced).With(consumer.Policy{Attempts: 5, DeadLetter: true}),
	)
	if err != nil {
		return err
	}
	return worker.Run(ctx) // until ctx ends; then it drains, commits, and leaves the group
}

// quickstart: end

func TestQuickstart(t *testing.T) {
	t.Parallel()
	env := headracetest.Start(t)
	env.CreateTopic(t, "orders", 3)
	env.CreateTopic(t, consumer.DeadLetterTopic("orders", "billing"), 3)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := placeOrders(ctx, env.Cluster, env.Registry); err != nil {
		t.Fatal(err)
	}

	working, stop := context.WithCancel(ctx)
	defer stop()
	billed := make(chan string, 3)
	ended := make(chan error, 1)
	go func() {
		ended <- billOrders(working, env.Cluster, env.Registry, func(id string, cents int64) error {
			billed <- fmt.Sprint(id, " ", cents)
			return nil
		})
	}()
	got := map[string]bool{}
	for len(got) < 3 {
		select {
		case order := <-billed:
			got[order] = true
		case err := <-ended:
			t.Fatalf("the worker ended: %v", err)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	for _, order := range []string{"a1 4200", "b2 4200", "c3 4200"} {
		if !got[order] {
			t.Errorf("%s was not billed, but %v", order, got)
		}
	}
}

func TestReadmeShowsThisCode(t *testing.T) {
	t.Parallel()
	code, err := os.ReadFile("quickstart_test.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for i, part := range strings.Split(string(code), "\n// quickstart: ") {
		name, text, _ := strings.Cut(part, "\n")
		if i == 0 || name == "end" {
			continue
		}
		shown++
		if !strings.Contains(string(readme), "```go\n"+strings.TrimSpace(text)+"\n```") {
			t.Errorf("README.md does not show the %s as it stands in quickstart_test.go", name)
		}
	}
	if shown != 3 || strings.Count(string(readme), "```go\n") != shown {
		t.Errorf("README.md has %d Go blocks, quickstart_test.go %d", strings.Count(string(readme), "```go\n"), shown)
	}
}
