package replay_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/replay"
	"github.com/headrace/headrace/replay/filter"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

// TestRunWaitsForTheRegistry: it is out when the run begins, and goes out again before the schema of later events is asked for.
func TestRunWaitsForTheRegistry(t *testing.T) {
	t.Parallel()
	const outage = 8 // requests; more than the client itself makes before it gives up
	s := newShop(t)
	later := s.register("later", s.parse(newSaleText))
	for id := int64(10); id < 13; id++ {
		s.put(0, 6, append(schema.AppendID(nil, later), byte(id<<1), 6, 'e', 'n', 'd'))
	}
	plan := s.plan(filter.Filter{Where: "event.id != 3"})
	there, err := url.Parse(s.server.RegistryURL)
	if err != nil {
		t.Fatal(err)
	}
	var refuse, refused atomic.Int64
	refuse.Store(outage)
	proxy := httputil.NewSingleHostReverseProxy(there)
	reg := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refuse.Add(-1) >= 0 {
			refused.Add(1)
			http.Error(w, "out for a while", http.StatusServiceUnavailable)
			return
		}
		proxy.ServeHTTP(w, r)
		if refused.Load() == outage {
			refuse.Store(outage) // once more
		}
	}))
	t.Cleanup(reg.Close)
	cfg := s.run()
	if cfg.Worker.Registry, err = registry.FromEnvAt(reg.URL, registry.WithTimeout(100*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cfg.Worker.Registry.Close)
	var got seen
	result, err := replay.Run(t.Context(), plan, cfg, consumer.On(got.handle))
	if err != nil || result.Handled != 12 || result.Filtered != 1 || result.Failed != 0 {
		t.Fatalf("%+v, %v", result, err)
	}
	slices.Sort(got.ids)
	if !slices.Equal(got.ids, []int64{0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12}) || refused.Load() != 2*outage {
		t.Errorf("handled %v; the registry refused %d times", got.ids, refused.Load())
	}
}

// TestRunIsRecordedBeforeAnythingIsHandled, so that nobody begins anew what has begun.
func TestRunIsRecordedBeforeAnythingIsHandled(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	plan := s.plan(filter.Filter{})
	_, err := replay.Run(t.Context(), plan, s.run(), consumer.On(func(ctx context.Context, _ sale) error {
		record, err := replay.Status(ctx, s.cluster, plan.ID)
		if err == nil && (record.State != replay.StateRunning || record.Total != 10) {
			t.Errorf("record %+v", record)
		}
		return err
	}))
	if err != nil {
		t.Error(err)
	}
}

// TestCircleThatCloses after the plan was made is noticed before it is applied.
func TestCircleThatCloses(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	there := s.copyPlan(s, replay.Target{Topic: "again", Raw: true}, filter.Filter{})
	back := s.request("", "")
	back.Source.Topics, back.Target = []string{"again"}, replay.Target{Topic: "orders", Raw: true}
	plan := s.make(back)
	if _, err := s.copyOf(there, nil); err != nil {
		t.Fatal(err)
	}
	_, err := s.copyOf(plan, nil)
	if circle, ok := errors.AsType[*replay.ChainError](err); !ok || circle.Target != "orders" {
		t.Errorf("error is %v", err)
	}
}
