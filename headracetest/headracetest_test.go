package headracetest_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/headracetest"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type OrderPlaced struct {
	ID       int64  `avro:"id"`
	Customer string `avro:"customer"`
}

func (OrderPlaced) AvroSchema() string {
	return `{"type":"record","name":"OrderPlaced","namespace":"shop","fields":[
		{"name":"id","type":"long"},{"name":"customer","type":"string"}]}`
}

type OrderCancelled struct {
	ID int64 `avro:"id"`
}

func (OrderCancelled) AvroSchema() string {
	return `{"type":"record","name":"OrderCancelled","namespace":"shop","fields":[{"name":"id","type":"long"}]}`
}

// Mismatch has the name of OrderPlaced and cannot be read as one.
type Mismatch struct {
	ID string `avro:"id"`
}

func (Mismatch) AvroSchema() string {
	return `{"type":"record","name":"OrderPlaced","namespace":"shop","fields":[{"name":"id","type":"string"}]}`
}

func TestProducedEventsArrive(t *testing.T) {
	t.Parallel()
	env := headracetest.Start(t)
	env.CreateTopic(t, "orders", 3)
	want := []OrderPlaced{{1, "ann"}, {2, "bob"}, {3, "eve"}}
	headracetest.Produce(t, env, "orders", "k", want...)
	var got []OrderPlaced
	for i, r := range headracetest.Await[OrderPlaced](t, env, "orders", 3) {
		if r.Key != "k" || r.Offset != int64(i) || time.Since(r.Time) > time.Minute {
			t.Errorf("event %d: %+v", i, r)
		}
		got = append(got, r.Event)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAwaitSeesHeadersTimeAndOnlyItsType(t *testing.T) {
	t.Parallel()
	env := headracetest.Start(t)
	env.CreateTopic(t, "orders", 1)
	headracetest.Produce(t, env, "orders", "", OrderCancelled{1})
	p := newProducer(t, env)
	at := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	_, err := producer.For[OrderPlaced](p, "orders").Send(t.Context(), "k", OrderPlaced{ID: 7},
		producer.At(at), producer.WithHeader("h", []byte("v")))
	if err != nil {
		t.Fatal(err)
	}
	want := []headracetest.Received[OrderPlaced]{{
		Event: OrderPlaced{ID: 7}, Key: "k", Offset: 1, Time: at,
		Headers: []headrace.Header{{Key: "h", Value: []byte("v")}},
	}}
	if diff := cmp.Diff(want, headracetest.Await[OrderPlaced](t, env, "orders", 1)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAwaitSeesEventsThatComeLater(t *testing.T) {
	t.Parallel()
	env := headracetest.Start(t)
	env.CreateTopic(t, "orders", 1)
	headracetest.Produce(t, env, "orders", "", OrderPlaced{ID: 1})
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { headracetest.Produce(t, env, "orders", "", OrderPlaced{ID: 2}) })
	if got := headracetest.Await[OrderPlaced](t, env, "orders", 2); got[1].Event.ID != 2 {
		t.Errorf("got %+v", got)
	}
}

func TestAwaitOfNothingReturnsAtOnce(t *testing.T) {
	t.Parallel()
	env := headracetest.Start(t)
	env.CreateTopic(t, "orders", 1)
	if got := headracetest.Await[OrderPlaced](t, env, "orders", 0); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestIncompatibleSchemaIsRefused(t *testing.T) {
	t.Parallel()
	env := headracetest.Start(t)
	env.CreateTopic(t, "orders", 1)
	headracetest.Produce(t, env, "orders", "", OrderPlaced{ID: 1})
	next, err := schema.Of[Mismatch]()
	if err != nil {
		t.Fatal(err)
	}
	_, err = env.Registry.Register(t.Context(), schema.TopicRecordName("orders", "shop.OrderPlaced"), next)
	var refused *registry.IncompatibleError
	if !errors.As(err, &refused) || len(refused.Reasons) == 0 {
		t.Errorf("got %v, want an IncompatibleError with reasons", err)
	}
}

func TestEnvironmentsShareNothing(t *testing.T) {
	t.Parallel()
	for i := range 4 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			env := headracetest.Start(t)
			env.CreateTopic(t, "orders", 1)
			headracetest.Produce(t, env, "orders", "", OrderPlaced{ID: int64(i)})
			if got := headracetest.Await[OrderPlaced](t, env, "orders", 1); got[0].Event.ID != int64(i) || got[0].Offset != 0 {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// newProducer is a producer that is closed with the test.
func newProducer(t *testing.T, env *headracetest.Env) *producer.Producer {
	t.Helper()
	p, err := producer.New(producer.Config{Cluster: env.Cluster, Registry: env.Registry, AutoRegister: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p
}

// failing is a test that fails without failing the one it runs in.
type failing struct {
	testing.TB
	message string
}

func (f *failing) Helper() {}

func (f *failing) Fatalf(format string, args ...any) {
	f.message = fmt.Sprintf(format, args...)
	runtime.Goexit() // as testing's own does
}

// failure runs fn as a test and returns what it failed with.
func failure(t *testing.T, fn func(testing.TB)) string {
	t.Helper()
	f := &failing{TB: t}
	var wg sync.WaitGroup
	wg.Go(func() { fn(f) })
	wg.Wait()
	return f.message
}

func TestAwaitThatFailsSaysWhatTheTopicHoldsInstead(t *testing.T) {
	t.Parallel()
	env := headracetest.Start(t)
	env.Timeout = 700 * time.Millisecond
	env.CreateTopic(t, "orders", 1)
	empty := failure(t, func(tb testing.TB) { headracetest.Await[OrderPlaced](tb, env, "orders", 1) })
	if !strings.Contains(empty, "topic orders: 0 of 1 events of type shop.OrderPlaced arrived within") || !strings.Contains(empty, "nothing else") {
		t.Errorf("empty topic: %q", empty)
	}

	env.Timeout = 0
	headracetest.Produce(t, env, "orders", "", OrderPlaced{ID: 1})
	headracetest.Produce(t, env, "orders", "", OrderCancelled{1}, OrderCancelled{2})
	p := newProducer(t, env)
	for _, value := range [][]byte{[]byte("junk"), nil} {
		if _, err := p.SendRecord(t.Context(), "orders", producer.Record{Value: value}); err != nil {
			t.Fatal(err)
		}
	}
	var message string
	var lacks []string
	for _, env.Timeout = range []time.Duration{700 * time.Millisecond, 7 * time.Second, time.Minute} { // the longer ones for a busy machine
		message = failure(t, func(tb testing.TB) { headracetest.Await[OrderPlaced](tb, env, "orders", 3) })
		lacks = slices.DeleteFunc([]string{"1 of 3 events", "2 × shop.OrderCancelled", "1 × tombstone", "undecodable at partition 0 offset 3"},
			func(want string) bool { return strings.Contains(message, want) })
		if len(lacks) == 0 {
			return
		}
	}
	t.Errorf("message lacks %q: %s", lacks, message)
}

func TestMissingTopicFailsTheTestWithItsName(t *testing.T) {
	t.Parallel()
	env := headracetest.Start(t)
	env.Timeout = 2 * time.Second
	for name, fn := range map[string]func(testing.TB){
		"produce": func(tb testing.TB) { headracetest.Produce(tb, env, "nowhere", "", OrderPlaced{}) },
		"await":   func(tb testing.TB) { headracetest.Await[OrderPlaced](tb, env, "nowhere", 1) },
	} {
		if message := failure(t, fn); !strings.Contains(message, "nowhere") {
			t.Errorf("%s: %q", name, message)
		}
	}
}

func TestTheExampleWorks(t *testing.T) {
	t.Parallel()
	testOrdersAreCancelled(t)
}
