package producer_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/headracetest"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const orders = "orders"

// start returns an environment with a topic and a producer in it, closed at the end of the test.
func start(t testing.TB, change func(*producer.Config)) (*headracetest.Env, *producer.Producer) {
	t.Helper()
	env := headracetest.Start(t)
	env.CreateTopic(t, orders, 3)
	cfg := producer.Config{Cluster: env.Cluster, Registry: env.Registry, AutoRegister: true}
	if change != nil {
		change(&cfg)
	}
	return env, open(t, cfg)
}

func open(t testing.TB, cfg producer.Config) *producer.Producer {
	t.Helper()
	p, err := producer.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(within(t, time.Minute)); err != nil {
			t.Error(err)
		}
	})
	return p
}

func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestSendCarriesEventKeyTimeAndHeaders(t *testing.T) {
	t.Parallel()
	env, p := start(t, nil)
	ctx := within(t, time.Minute)
	at := time.Date(2013, 1, 1, 10, 0, 0, 0, time.UTC)
	sent := orderPlaced{ID: "o-1", Amount: 42}
	_, err := producer.For[orderPlaced](p, orders).Send(ctx, "customer-7", sent,
		producer.At(at), producer.WithHeader("trace", []byte("t")), producer.WithHeader("trace", nil), producer.ToPartition(2))
	if err != nil {
		t.Fatal(err)
	}
	got := headracetest.Await[orderPlaced](t, env, orders, 1)[0]
	if got.Event != sent || got.Key != "customer-7" || got.Partition != 2 || !got.Time.Equal(at) {
		t.Errorf("got %+v", got)
	}
	if len(got.Headers) != 2 || got.Headers[0].Key != "trace" || string(got.Headers[0].Value) != "t" || got.Headers[1].Value != nil {
		t.Errorf("headers %+v", got.Headers)
	}
}

// TestTopicSuffixSendsElsewhere: under the schema's id of the topic itself, and to no topic that is missing.
func TestTopicSuffixSendsElsewhere(t *testing.T) {
	t.Parallel()
	env, production := start(t, nil)
	ctx := within(t, time.Minute)
	if _, err := producer.For[orderPlaced](production, orders).Send(ctx, "k", orderPlaced{ID: "registers the schema"}); err != nil {
		t.Fatal(err)
	}
	env.CreateTopic(t, orders+".shadow", 1)
	p, err := producer.New(producer.Config{Cluster: env.Cluster, Registry: env.Registry, TopicSuffix: ".shadow"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close(ctx) }()
	topic := producer.For[orderPlaced](p, orders)
	if _, err := topic.Send(ctx, "k", orderPlaced{ID: "a"}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.SendRecord(ctx, orders, producer.Record{Key: []byte("k")}); err != nil {
		t.Fatal(err)
	}
	var there int
	err = reader.Read(ctx, reader.Config{Cluster: env.Cluster, Topic: orders + ".shadow", Range: reader.Range{To: reader.AtEnd()}}, func(reader.Record) error {
		there++
		return nil
	})
	if err != nil || there != 2 {
		t.Errorf("%d records in the shadow topic, %v", there, err)
	}
	here := 0
	err = reader.Read(ctx, reader.Config{Cluster: env.Cluster, Topic: orders, Range: reader.Range{To: reader.AtEnd()}}, func(reader.Record) error {
		here++
		return nil
	})
	if err != nil || here != 1 {
		t.Errorf("%d records in the topic itself, %v", here, err)
	}
	for _, suffix := range []string{"/x", " ", strings.Repeat("x", 101)} {
		if _, err := producer.New(producer.Config{Cluster: env.Cluster, TopicSuffix: suffix}); err == nil || !strings.Contains(err.Error(), "TopicSuffix") {
			t.Errorf("suffix %q: %v", suffix, err)
		}
	}
}

func TestPostKeepsTheOrderOfAKey(t *testing.T) {
	t.Parallel()
	env, p := start(t, func(c *producer.Config) { c.BatchBytes = 4 << 10; c.Compression = producer.Zstd })
	ctx := within(t, time.Minute)
	topic := producer.For[orderPlaced](p, orders)
	const n = 3000
	var acked atomic.Int64
	for i := range n {
		topic.Post(ctx, strconv.Itoa(i%5), orderPlaced{ID: strconv.Itoa(i), Amount: int64(i)}, func(_ headrace.Location, err error) {
			if err != nil {
				t.Errorf("event %d: %v", i, err)
			}
			acked.Add(1)
		})
	}
	if err := p.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if acked.Load() != n {
		t.Fatalf("Flush returned with %d of %d callbacks called", acked.Load(), n)
	}
	last := map[string]int64{}
	for _, got := range headracetest.Await[orderPlaced](t, env, orders, n) {
		if before, ok := last[got.Key]; ok && got.Event.Amount != before+5 {
			t.Fatalf("key %s: event %d comes after %d", got.Key, got.Event.Amount, before)
		}
		last[got.Key] = got.Event.Amount
	}
}

func TestAnEventThatDoesNotEncodeFailsAlone(t *testing.T) {
	t.Parallel()
	env, p := start(t, nil)
	ctx := within(t, time.Minute)
	placed, cancelled := producer.For[orderPlaced](p, orders), producer.For[orderCancelled](p, orders)
	fault := errors.New("amount: below zero")
	results := make(chan error, 3)
	for _, e := range []orderPlaced{{ID: "0"}, {ID: "1", fault: fault}, {ID: "2"}} {
		placed.Post(ctx, "k", e, func(_ headrace.Location, err error) {
			if (e.fault == nil) != (err == nil) {
				t.Errorf("event %s: %v", e.ID, err)
			}
			results <- err
		})
	}
	if err := p.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	failures := 0
	for range 3 {
		var failure *producer.Error
		if err := <-results; err == nil {
			continue
		} else if !errors.As(err, &failure) || !errors.Is(err, fault) || failure.Outcome != producer.Failed || failure.Topic != orders {
			t.Errorf("got %v", err)
		}
		failures++
	}
	if failures != 1 {
		t.Errorf("%d events failed", failures)
	}
	_, err := cancelled.Send(ctx, "k", orderCancelled{ID: "3", State: "LOST"})
	if err == nil || !strings.Contains(err.Error(), "state") || !strings.Contains(err.Error(), orders) {
		t.Errorf("the error names neither field nor topic: %v", err)
	}
	if got := headracetest.Await[orderPlaced](t, env, orders, 2); got[0].Event.ID != "0" || got[1].Event.ID != "2" {
		t.Errorf("got %+v", got)
	}
}

func TestTombstonesAndRecordsGoAsTheyAre(t *testing.T) {
	t.Parallel()
	env, p := start(t, func(c *producer.Config) { c.Registry, c.AutoRegister = nil, false })
	ctx := within(t, time.Minute)
	if _, err := producer.For[orderPlaced](p, orders).Tombstone(ctx, "gone"); err != nil {
		t.Fatal(err)
	}
	one := int32(1)
	id, err := env.Registry.Register(ctx, schema.TopicName(orders), mustParse(t, orderPlacedSchema))
	if err != nil {
		t.Fatal(err)
	}
	value, _ := orderPlaced{ID: "raw"}.AppendAvro(schema.AppendID(nil, id))
	_, err = p.SendRecord(ctx, orders, producer.Record{
		Key: []byte("k"), Value: value, Partition: &one, Headers: []headrace.Header{{Key: "h", Value: []byte("v")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := headracetest.Await[orderPlaced](t, env, orders, 1)[0]
	if got.Event.ID != "raw" || got.Partition != 1 || len(got.Headers) != 1 {
		t.Errorf("got %+v", got)
	}
	_, err = producer.For[orderPlaced](p, orders).Send(ctx, "k", orderPlaced{})
	if err == nil || !strings.Contains(err.Error(), "Registry") {
		t.Errorf("a typed event without a registry: %v", err)
	}
}

func mustParse(t *testing.T, text string) *schema.Schema {
	t.Helper()
	s, err := schema.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSchemaIsLookedUpUnderBothSubjects(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		registered string
		opts       []producer.TopicOption
		found      bool
	}{
		"one event type":             {"orders-value", nil, true},
		"several event types":        {"orders-shop.OrderPlaced", nil, true},
		"declared as one of several": {"orders-value", []producer.TopicOption{producer.WithTopicRecordName()}, false},
		"named":                      {"elsewhere", []producer.TopicOption{producer.WithSubject("elsewhere")}, true},
		"named, but not there":       {"orders-value", []producer.TopicOption{producer.WithSubject("elsewhere")}, false},
		"not registered":             {"other-value", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env, p := start(t, func(c *producer.Config) { c.AutoRegister = false })
			ctx := within(t, time.Minute)
			want, err := env.Registry.Register(ctx, c.registered, mustParse(t, orderPlacedSchema))
			if err != nil {
				t.Fatal(err)
			}
			topic := producer.For[orderPlaced](p, orders, c.opts...)
			_, err = topic.Send(ctx, "k", orderPlaced{})
			if c.found {
				if err != nil {
					t.Fatal(err)
				}
				if got := schemaID(t, env); got != want {
					t.Errorf("the event carries schema id %d instead of %d", got, want)
				}
				return
			}
			var failure *producer.Error
			var missing *registry.NotRegisteredError
			if !errors.As(err, &failure) || failure.Outcome != producer.Failed || !errors.As(err, &missing) {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(err.Error(), "headrace schema register FILE --subject "+missing.Subject) {
				t.Errorf("the error does not say what to do: %v", err)
			}
			// The next event asks again.
			if _, err := env.Registry.Register(ctx, missing.Subject, mustParse(t, orderPlacedSchema)); err != nil {
				t.Fatal(err)
			}
			for _, err = topic.Send(ctx, "k", orderPlaced{}); err != nil; _, err = topic.Send(ctx, "k", orderPlaced{}) {
				if ctx.Err() != nil {
					t.Fatal("not found after registration")
				}
			}
		})
	}
}

// schemaID returns the schema id in the first value of the topic.
func schemaID(t *testing.T, env *headracetest.Env) int {
	t.Helper()
	found := errors.New("found")
	var ref schema.Ref
	err := reader.Read(within(t, time.Minute), reader.Config{Cluster: env.Cluster, Topic: orders}, func(r reader.Record) error {
		var err error
		if ref, _, err = schema.ParseWire(r.Value, nil); err != nil {
			return err
		}
		return found
	})
	if !errors.Is(err, found) {
		t.Fatal(err)
	}
	return ref.ID
}

func TestAutoRegisterChoosesTheSubject(t *testing.T) {
	t.Parallel()
	env, p := start(t, nil)
	ctx := within(t, time.Minute)
	env.CreateTopic(t, "single", 1)
	if _, err := producer.For[orderPlaced](p, orders).Send(ctx, "k", orderPlaced{}); err != nil {
		t.Fatal(err)
	}
	if _, err := producer.For[orderCancelled](p, orders).Send(ctx, "k", orderCancelled{State: "OPEN"}); err != nil {
		t.Fatal(err)
	}
	// A topic whose own subject holds the type is where its next version belongs.
	if _, err := env.Registry.Register(ctx, "single-value", mustParse(t, orderPlacedSchema)); err != nil {
		t.Fatal(err)
	}
	if _, err := producer.For[orderPlacedV2](p, "single").Send(ctx, "k", orderPlacedV2{}); err != nil {
		t.Fatal(err)
	}
	subjects, err := env.Registry.Subjects(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"orders-shop.OrderCancelled", "orders-shop.OrderPlaced", "single-value"}
	if diff := cmp.Diff(want, subjects); diff != "" {
		t.Error(diff)
	}
	if versions, err := env.Registry.Versions(ctx, "single-value"); err != nil || len(versions) != 2 {
		t.Errorf("single-value has versions %v, %v", versions, err)
	}
}

func TestARegistryOutageIsWaitedOut(t *testing.T) {
	t.Parallel()
	env := headracetest.Start(t)
	env.CreateTopic(t, orders, 1)
	var down atomic.Bool
	var status atomic.Int64
	down.Store(true)
	status.Store(http.StatusServiceUnavailable)
	behind, err := url.Parse(env.RegistryURL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(behind)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down.Load() {
			w.WriteHeader(int(status.Load()))
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	defer front.Close()
	reg, err := registry.New(front.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Close()
	p := open(t, producer.Config{Cluster: env.Cluster, Registry: reg, AutoRegister: true})
	topic := producer.For[orderPlaced](p, orders)

	began := time.Now()
	_, err = topic.Send(within(t, 300*time.Millisecond), "k", orderPlaced{})
	if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > 20*time.Second { // the registry's client goes on for 30 s
		t.Errorf("during the outage, after %v: %v", took, err)
	}
	var failure *producer.Error
	if !errors.As(err, &failure) || failure.Outcome != producer.Failed {
		t.Errorf("got %v", err)
	}

	status.Store(http.StatusUnauthorized)
	began = time.Now()
	_, err = topic.Send(within(t, time.Minute), "k", orderPlaced{})
	if took := time.Since(began); err == nil || took > 20*time.Second || !strings.Contains(err.Error(), "401") {
		t.Errorf("with credentials that the registry refuses, after %v: %v", took, err)
	}

	status.Store(http.StatusServiceUnavailable)
	time.AfterFunc(100*time.Millisecond, func() { down.Store(false) })
	if _, err := topic.Send(within(t, time.Minute), "k", orderPlaced{}); err != nil {
		t.Errorf("sent during an outage that ended: %v", err)
	}
}

func TestAfterCloseEventsFail(t *testing.T) {
	t.Parallel()
	env := headracetest.Start(t)
	env.CreateTopic(t, orders, 1)
	p, err := producer.New(producer.Config{Cluster: env.Cluster, Registry: env.Registry, AutoRegister: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx := within(t, time.Minute)
	topic := producer.For[orderPlaced](p, orders)
	posted := make(chan error, 2)
	topic.Post(ctx, "k", orderPlaced{ID: "before"}, func(_ headrace.Location, err error) { posted <- err })
	if err := p.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-posted; err != nil {
		t.Errorf("posted before Close: %v", err)
	}
	topic.Post(ctx, "k", orderPlaced{ID: "after"}, func(_ headrace.Location, err error) { posted <- err })
	_, sent := topic.Send(ctx, "k", orderPlaced{})
	_, record := p.SendRecord(ctx, orders, producer.Record{})
	for _, err := range []error{<-posted, sent, record} {
		var failure *producer.Error
		if !errors.As(err, &failure) || failure.Outcome != producer.Failed || !errors.Is(err, producer.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
	if err := p.Close(ctx); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestOneEventThatIsTooLargeFailsWithItsSizeAndLimit(t *testing.T) {
	t.Parallel()
	_, p := start(t, func(c *producer.Config) { c.BatchBytes = 20_000 })
	ctx := within(t, time.Minute)
	topic := producer.For[orderPlaced](p, orders)
	_, err := topic.Send(ctx, "k", orderPlaced{ID: strings.Repeat("x", 20_000)})
	var large *producer.TooLargeError
	var failure *producer.Error
	if !errors.As(err, &large) || large.Size < 20_000 || large.Limit >= 20_000 || !errors.As(err, &failure) || failure.Outcome != producer.Failed {
		t.Errorf("got %v", err)
	}
	if _, err := topic.Send(ctx, "k", orderPlaced{ID: "small"}); err != nil {
		t.Error(err)
	}
}

func TestConfigNamesEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	_, err := producer.New(producer.Config{
		Cluster: headrace.Cluster{}, AutoRegister: true, Compression: 9, BatchBytes: 10, BufferBytes: 15,
		Linger: time.Hour, DeliveryTimeout: time.Minute,
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, word := range []string{"producer: ", "roker", "AutoRegister", "Compression 9", "BatchBytes 10", "BufferBytes 15", "Linger 1h"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q is missing from:\n%v", word, err)
		}
	}
}

func TestStatsCountWhatWasSent(t *testing.T) {
	t.Parallel()
	_, p := start(t, nil)
	topic, ctx := producer.For[orderPlaced](p, orders), within(t, time.Minute)
	for i := range 20 {
		topic.Post(ctx, "k", orderPlaced{ID: strconv.Itoa(i)}, nil)
	}
	if err := p.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if s := p.Stats(); s.Acknowledged != 20 || s.Failed+s.Unknown != 0 || s.Batches < 1 || s.Batches > 20 || s.Bytes < 20*10 || s.BufferedBytes != 0 {
		t.Errorf("after 20 events: %+v", s)
	}
}

func TestSendSaysWhereTheEventLies(t *testing.T) {
	t.Parallel()
	_, p := start(t, nil)
	topic, ctx := producer.For[orderPlaced](p, orders), within(t, time.Minute)
	for i := range int64(3) {
		at, err := topic.Send(ctx, "k", orderPlaced{}, producer.ToPartition(1))
		if want := (headrace.Location{Topic: orders, Partition: 1, Offset: i}); err != nil || at != want {
			t.Errorf("event %d is at %v (%v), want %v", i, at, err, want)
		}
	}
	posted := make(chan headrace.Location, 1)
	topic.Post(ctx, "k", orderPlaced{}, func(at headrace.Location, _ error) { posted <- at }, producer.ToPartition(1))
	if err := p.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if at := <-posted; at.Offset != 3 {
		t.Errorf("the posted event is at %v", at)
	}
	if at, err := topic.Send(ctx, "k", orderPlaced{}, producer.ToPartition(9)); err == nil || at.Offset != -1 || at.Partition != 9 {
		t.Errorf("an event for a partition that is not there is at %v (%v)", at, err)
	}
}
