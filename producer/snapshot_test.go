package producer_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/headracetest"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

type parcel struct {
	ID int64 `avro:"id"`
}

func (parcel) AvroSchema() string {
	return `{"type":"record","name":"Parcel","namespace":"post","fields":[{"name":"id","type":"long"}]}`
}

type letter struct {
	ID int64 `avro:"id"`
}

func (letter) AvroSchema() string {
	return `{"type":"record","name":"Letter","namespace":"post","fields":[{"name":"id","type":"long"}]}`
}

// switched is a registry that can be switched off, in front of a real one. While it is off, it tells of every schema id that it is
// asked for.
func switched(t *testing.T, base string) (front string, down *atomic.Bool, asked chan string) {
	t.Helper()
	target, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	down, asked = &atomic.Bool{}, make(chan string, 100)
	proxy := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down.Load() {
			if strings.HasPrefix(r.URL.Path, "/schemas/ids/") {
				asked <- r.URL.Path
			}
			http.Error(w, `{"error_code":50003,"message":"down"}`, http.StatusServiceUnavailable)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, down, asked
}

// Services start while the registry is down, by the file that a run before wrote. What the file lacks waits, and goes on by itself
// once the registry is back.
func TestServicesStartWhileTheRegistryIsDown(t *testing.T) {
	t.Parallel()
	env := headracetest.Start(t)
	env.CreateTopic(t, "post", 1)
	front, down, asked := switched(t, env.RegistryURL)
	path := filepath.Join(t.TempDir(), "registry.snapshot")
	client := func() *registry.Client {
		reg, err := registry.New(front, registry.WithSnapshot(path), registry.WithTimeout(500*time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(reg.Close)
		return reg
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	send := func(reg *registry.Client, id int64) {
		p, err := producer.New(producer.Config{Cluster: env.Cluster, Registry: reg})
		if err != nil {
			t.Fatal(err)
		}
		_, err = producer.For[parcel](p, "post").Send(ctx, "k", parcel{id})
		if err := errors.Join(err, p.Close(ctx)); err != nil {
			t.Fatal(err)
		}
	}
	handle := func(reg *registry.Client, handled chan<- any) (stop func()) {
		running, end := context.WithCancel(ctx)
		w, err := consumer.New(consumer.Config{Cluster: env.Cluster, Registry: reg, Group: "g", Topics: []string{"post"}},
			consumer.On(func(_ context.Context, e parcel) error { handled <- e; return nil }),
			consumer.On(func(_ context.Context, e letter) error { handled <- e; return nil }))
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- w.Run(running) }()
		return func() {
			end()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}
	next := func(handled <-chan any) any {
		t.Helper()
		select {
		case e := <-handled:
			return e
		case <-ctx.Done():
			t.Fatal("nothing was handled")
			return nil
		}
	}

	s, err := schema.Of[parcel]()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := env.Registry.Register(ctx, "post-value", s); err != nil {
		t.Fatal(err)
	}
	first := client()
	handled := make(chan any, 10)
	stop := handle(first, handled)
	send(first, 1)
	if got := next(handled); got != (parcel{1}) {
		t.Errorf("handled %v", got)
	}
	stop()
	first.Close() // writes the file

	down.Store(true)
	second := client()
	stop = handle(second, handled)
	defer stop()
	send(second, 2)
	if got := next(handled); got != (parcel{2}) {
		t.Errorf("handled %v while the registry was down", got)
	}
	if state := second.Snapshot(); !state.Outage || state.Entries == 0 {
		t.Errorf("the state is %+v", state)
	}

	// A type that this service has not met: it waits, and nothing of its partition overtakes it.
	headracetest.Produce(t, env, "post", "k", letter{3})
	send(second, 4)
	for tries := 0; tries < 3; {
		select {
		case <-asked:
			tries++
		case e := <-handled:
			t.Fatalf("%v was handled without its schema", e)
		case <-ctx.Done():
			t.Fatal("the worker does not ask again")
		}
	}
	down.Store(false)
	for _, want := range []any{letter{3}, parcel{4}} {
		if got := next(handled); got != want {
			t.Errorf("handled %v, want %v", got, want)
		}
	}
}
