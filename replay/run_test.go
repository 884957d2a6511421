package replay_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/groups"
	"github.com/headrace/headrace/replay"
	"github.com/headrace/headrace/replay/filter"
)

type sale struct {
	ID int64 `avro:"id"`
}

func (sale) AvroSchema() string { return saleText }

// plan is one for handlers, of all sales.
func (s *shop) plan(filter filter.Filter) replay.Plan {
	s.t.Helper()
	plan, err := replay.Make(s.t.Context(), replay.Request{
		From: s.cluster, Registry: s.registry, Source: replay.Source{Topics: []string{"orders"}}, Filter: filter,
		Target: replay.Target{Handlers: "totals"}, By: "ann@desk",
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return plan
}

func (s *shop) run() replay.RunConfig {
	s.t.Helper()
	return replay.RunConfig{
		Worker: consumer.Config{
			Cluster: s.cluster, Registry: s.registry, Group: "totals", Policy: consumer.Policy{Attempts: 1},
			Tuning: consumer.Tuning{CommitInterval: 5 * time.Millisecond, DrainTimeout: time.Second},
		},
		Checkpoint: filepath.Join(s.t.TempDir(), "run.json"),
		Audit:      replay.Auditing{By: "bob@desk"},
	}
}

// seen is what handlers were given.
type seen struct {
	mu    sync.Mutex
	ids   []int64
	infos []consumer.Info
}

func (k *seen) handle(ctx context.Context, e sale) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ids, k.infos = append(k.ids, e.ID), append(k.infos, consumer.InfoFrom(ctx))
	return nil
}

func TestRunGivesThePlanToHandlers(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	plan := s.plan(filter.Filter{Where: "event.id != 3"})
	cfg := s.run()
	var got seen
	var told replay.Result
	cfg.Progress = func(r replay.Result) { told = r }
	want := replay.Result{Done: true, Passed: 10, Total: 10, ReplayCounts: consumer.ReplayCounts{Handled: 9, Filtered: 1}}
	result, err := replay.Run(t.Context(), plan, cfg, consumer.On(got.handle))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, result); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("told last (-want +got):\n%s", diff)
	}
	slices.Sort(got.ids)
	if !slices.Equal(got.ids, []int64{0, 1, 2, 4, 5, 6, 7, 8, 9}) || got.infos[0].Replay != plan.ID || got.infos[0].Group != "totals" {
		t.Errorf("handled %v; %+v", got.ids, got.infos[0])
	}
	if _, err := groups.Describe(t.Context(), s.cluster, "totals"); err == nil {
		t.Error("the run has made the group")
	}
	audit, err := replay.Status(t.Context(), s.cluster, plan.ID)
	if err != nil || audit.Kind != replay.KindHandlers || audit.State != replay.StateDone || audit.Events != 9 || audit.Filtered != 1 || audit.By != "bob@desk" {
		t.Errorf("record %+v, %v", audit, err)
	}

	// Once more with its checkpoint there is nothing left to do; without, it is refused.
	if again, err := replay.Run(t.Context(), plan, cfg, consumer.On(got.handle)); err != nil || len(got.ids) != 9 || !cmp.Equal(want, again) {
		t.Errorf("once more: %+v, %v, %d handled", again, err, len(got.ids))
	}
	cfg.Checkpoint += ".other"
	_, err = replay.Run(t.Context(), plan, cfg, consumer.On(got.handle))
	if _, applied := errors.AsType[*replay.AppliedError](err); !applied || len(got.ids) != 9 {
		t.Errorf("once more without its checkpoint: %v", err)
	}
}

// TestRunGoesOnWhereItFailed: the handler is mended in between.
func TestRunGoesOnWhereItFailed(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	plan := s.plan(filter.Filter{})
	cfg := s.run()
	broken := errors.New("broken")
	var got seen
	result, err := replay.Run(t.Context(), plan, cfg, consumer.On(func(ctx context.Context, e sale) error {
		if e.ID == 6 {
			return broken
		}
		return got.handle(ctx, e)
	}))
	if failed, ok := errors.AsType[*consumer.HandlerError](err); !ok || !errors.Is(err, broken) || !strings.Contains(failed.Error(), plan.ID) || result.Done {
		t.Fatalf("the run of the broken handler: %+v, %v", result, err)
	}
	if audit, err := replay.Status(t.Context(), s.cluster, plan.ID); err != nil || audit.State != replay.StateFailed || !strings.Contains(audit.Reason, "broken") {
		t.Errorf("record %+v, %v", audit, err)
	}
	result, err = replay.Run(t.Context(), plan, cfg, consumer.On(got.handle))
	if err != nil || !result.Done || result.Handled != 10 {
		t.Fatalf("the run of the mended handler: %+v, %v", result, err)
	}
	slices.Sort(got.ids)
	if !slices.Equal(got.ids, []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
		t.Errorf("handled %v", got.ids)
	}
}

func TestRunPassesOverAndReports(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.put(1, 5, []byte("no event"))
	plan := s.plan(filter.Filter{})
	cfg := s.run()
	cfg.OnFailure = consumer.OnFailureReport
	result, err := replay.Run(t.Context(), plan, cfg, consumer.On(func(_ context.Context, e sale) error {
		if e.ID == 4 {
			return errors.New("not a good one")
		}
		return nil
	}))
	if err != nil || result.Handled != 9 || result.Failed != 2 || len(result.Failures) != 2 {
		t.Fatalf("%+v, %v", result, err)
	}
	slices.SortFunc(result.Failures, func(a, b replay.Failure) int { return int(a.Partition - b.Partition) })
	first := result.Failures[0]
	if first.Offset != 2 || first.Error != "not a good one" || first.Event != "shop.Sale" || result.Failures[1].Kind != "decode" {
		t.Errorf("failures %+v", result.Failures)
	}
}

func TestRunIsCancelled(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	plan := s.plan(filter.Filter{})
	cfg := s.run()
	var once sync.Once
	_, err := replay.Run(t.Context(), plan, cfg, consumer.On(func(ctx context.Context, _ sale) error {
		once.Do(func() {
			if err := replay.Cancel(ctx, s.cluster, plan.ID, "eve"); err != nil {
				t.Error(err)
			}
		})
		<-ctx.Done() // the drain ends it
		return ctx.Err()
	}))
	if !errors.Is(err, replay.ErrCancelled) {
		t.Errorf("cancelled: %v", err)
	}
	var got seen
	if result, err := replay.Run(t.Context(), plan, cfg, consumer.On(got.handle)); err != nil || result.Handled != 10 || len(got.ids) != 10 {
		t.Errorf("gone on with: %+v, %v", result, err)
	}
}

func TestRunRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	good := s.plan(filter.Filter{})
	other := s.plan(filter.Filter{Key: "k*"})
	write := func(cfg *replay.RunConfig, text string) {
		if err := os.WriteFile(cfg.Checkpoint, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name   string
		change func(*replay.Plan, *replay.RunConfig)
		want   string
	}{
		{"a copy", func(p *replay.Plan, _ *replay.RunConfig) {
			p.Target.Handlers, p.Target.Topic, p.Target.Partitions = "", "again", 2
		}, "the plan is not one for handlers"},
		{"no checkpoint", func(_ *replay.Plan, c *replay.RunConfig) { c.Checkpoint = "" }, "RunConfig.Checkpoint is empty"},
		{"no folder", func(_ *replay.Plan, c *replay.RunConfig) { c.Checkpoint += "/gone/x" }, "could not be written"},
		{"no registry for the filter", func(p *replay.Plan, c *replay.RunConfig) {
			p.Filter.Where = "event.id == 1"
			c.Worker.Registry = nil
		}, "need a schema registry"},
		{"a topic made anew", func(p *replay.Plan, _ *replay.RunConfig) { p.Topics[0].ID = strings.Repeat("0", 31) + "7" }, "topic recreated"},
		{"another cluster", func(p *replay.Plan, _ *replay.RunConfig) { p.Source.ClusterID = "elsewhere" }, "cluster changed"},
		{"no checkpoint at all", func(_ *replay.Plan, c *replay.RunConfig) { write(c, "nonsense") }, "is not a checkpoint"},
		{"of a copy", func(_ *replay.Plan, c *replay.RunConfig) { write(c, `{"version":1,"lanes":[]}`) }, "is not a checkpoint"},
		{"of another version", func(_ *replay.Plan, c *replay.RunConfig) {
			write(c, `{"version":2,"replay":"x","plan":"y","spans":[]}`)
		}, "has version 2"},
		{"of another plan", func(_ *replay.Plan, c *replay.RunConfig) {
			if _, err := replay.Run(t.Context(), other, *c, consumer.On((&seen{}).handle)); err != nil {
				t.Fatal(err)
			}
		}, "it is of the replay"},
		{"of the plan before it was edited", func(p *replay.Plan, c *replay.RunConfig) {
			again := s.plan(filter.Filter{})
			if _, err := replay.Run(t.Context(), again, *c, consumer.On((&seen{}).handle)); err != nil {
				t.Fatal(err)
			}
			*p = again
			p.MadeBy = "somebody else"
		}, "has changed since"},
		{"a negative rate", func(_ *replay.Plan, c *replay.RunConfig) { c.Rate = -5 }, "Rate -5 is negative"},
	} {
		plan, cfg := good, s.run()
		plan.Topics = slices.Clone(plan.Topics)
		tc.change(&plan, &cfg)
		var got seen
		_, err := replay.Run(t.Context(), plan, cfg, consumer.On(got.handle))
		if err == nil || !strings.Contains(err.Error(), tc.want) || len(got.ids) > 0 {
			t.Errorf("%s: %v, %d handled; want %q", tc.name, err, len(got.ids), tc.want)
		}
	}
	if _, err := replay.Run(t.Context(), good, s.run()); err == nil || !strings.Contains(err.Error(), "no handlers") {
		t.Errorf("no handlers: %v", err)
	}
}

func TestRunOfNothing(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	plan, err := replay.Make(t.Context(), replay.Request{
		From: s.cluster, Registry: s.registry, Source: replay.Source{Topics: []string{"orders"}, From: "end"}, Target: replay.Target{Handlers: "totals"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if result, err := replay.Run(t.Context(), plan, s.run(), consumer.On((&seen{}).handle)); err != nil || !result.Done || result.Total != 0 {
		t.Errorf("%+v, %v", result, err)
	}
}

// TestRunThatStopsAtAnEventLeavesOutNone has many events behind the one that the run stops at, so that most are not handed over yet.
func TestRunThatStopsAtAnEventLeavesOutNone(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.topic("many", 1)
	const sales, bad = 300, 20
	var records []*kgo.Record
	for i := range sales {
		records = append(records, &kgo.Record{Topic: "many", Value: s.value(int64(i % 50))})
	}
	if err := s.client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	plan, err := replay.Make(t.Context(), replay.Request{
		From: s.cluster, Registry: s.registry, Source: replay.Source{Topics: []string{"many"}}, Target: replay.Target{Handlers: "totals"},
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.run()
	var got seen
	result, err := replay.Run(t.Context(), plan, cfg, consumer.On(func(ctx context.Context, e sale) error {
		if consumer.InfoFrom(ctx).Offset == bad {
			return errors.New("broken")
		}
		return got.handle(ctx, e)
	}))
	if _, stopped := errors.AsType[*consumer.HandlerError](err); !stopped || result.Done || result.Passed != bad || result.Handled != bad {
		t.Fatalf("the run of the broken handler: %+v, %v", result, err)
	}
	result, err = replay.Run(t.Context(), plan, cfg, consumer.On(got.handle))
	if err != nil || !result.Done || result.Handled != sales || len(got.ids) != sales {
		t.Fatalf("the run of the mended handler: %+v, %v; %d handled", result, err, len(got.ids))
	}
}
