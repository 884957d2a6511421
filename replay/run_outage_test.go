package replay_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/replay"
	"github.com/headrace/headrace/schema"
)

// TestRunWaitsForTheRegistry: it is out when the run begins, and goes out again before the schema of later events is asked for.
func TestRunWaitsForTheRegistry(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	later := s.register("later", s.parse(newSaleText))
	for id := int64(10); id < 13; id++ {
		s.put(0, 6, append(schema.AppendID(nil, later), byte(id<<1), 6, 'e', 'n', 'd'))
	}
	plan := s.plan(replay.Filter{Where: "event.id != 3"})
	there, err := url.Parse(s.server.RegistryURL)
	if err != nil {
		t.Fatal(err)
	}
	var refuse, refused atomic.Int64
	refuse.Store(3)
	proxy := httputil.NewSingleHostReverseProxy(there)
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refuse.Add(-1) >= 0 {
			refused.Add(1)
			http.Error(w, "out for a while", http.StatusServiceUnavailable)
			return
		}
		proxy.ServeHTTP(w, r)
		if refused.Load() == 3 {
			refuse.Store(3) // once more
		}
	}))
	t.Cleanup(registry.Close)
	cfg := s.run()
	if cfg.Worker.Registry, err = schema.RegistryAt(registry.URL); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cfg.Worker.Registry.Close)
	var got seen
	result, err := replay.Run(t.Context(), plan, cfg, consumer.On(got.handle))
	if err != nil || result.Handled != 12 || result.Filtered != 1 || result.Failed != 0 {
		t.Fatalf("%+v, %v", result, err)
	}
	slices.Sort(got.ids)
	if !slices.Equal(got.ids, []int64{0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12}) || refused.Load() != 6 {
		t.Errorf("handled %v; the registry refused %d times", got.ids, refused.Load())
	}
}
