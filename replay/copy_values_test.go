package replay_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/deadletter"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/replay"
	"github.com/headrace/headrace/replay/filter"
	"github.com/headrace/headrace/schema"
)

const (
	refundText  = `{"type":"record","name":"Refund","namespace":"shop","fields":[{"name":"id","type":"long"}]}`
	newSaleText = `{"type":"record","name":"Sale","namespace":"shop","fields":[{"name":"id","type":"long"},{"name":"shop","type":"string","default":"main"}]}`
)

// copyPlan plans a copy of all orders.
func (s *shop) copyPlan(to *shop, target replay.Target, filter filter.Filter) replay.Plan {
	s.t.Helper()
	to.topic(target.Topic, 2)
	r := s.request("", "")
	r.Target, r.Filter = target, filter
	if to != s {
		r.To, r.ToRegistry = &to.cluster, to.registry
	}
	return s.make(r)
}

func (s *shop) copyOf(plan replay.Plan, change func(*replay.CopyConfig)) (replay.Outcome, error) {
	s.t.Helper()
	cfg := replay.CopyConfig{From: s.cluster, Plan: plan, Registry: s.registry, Checkpoint: filepath.Join(s.t.TempDir(), "copy.json")}
	if change != nil {
		change(&cfg)
	}
	return replay.Copy(s.t.Context(), cfg)
}

// values are what a topic holds in partition 0.
func (s *shop) values(topic string) (values [][]byte) {
	s.t.Helper()
	err := reader.Read(s.t.Context(), reader.Config{Cluster: s.cluster, Topic: topic, Range: reader.Range{To: reader.AtEnd()}}, func(r reader.Record) error {
		if r.Partition == 0 {
			values = append(values, bytes.Clone(r.Value))
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return values
}

func TestCopyForAnotherRegistry(t *testing.T) {
	t.Parallel()
	s, other := newShop(t), newShop(t)
	other.register("else-value", s.parse(`{"type":"record","name":"Else","fields":[]}`)) // so that ids differ
	refund := s.parse(refundText)
	id := s.register("orders-shop.Refund", refund)
	s.put(0, 6, append(schema.AppendID(nil, id), 8))
	s.put(0, 6, []byte("plain text"))
	s.put(0, 6, nil)
	_, err := s.copyOf(s.copyPlan(other, replay.Target{Topic: "unregistered"}, filter.Filter{}), func(cfg *replay.CopyConfig) {
		cfg.To, cfg.ToRegistry = other.cluster, other.registry
	})
	if missing, ok := errors.AsType[*replay.SubjectError](err); !ok || missing.Event != "shop.Sale" && missing.Event != "shop.Refund" {
		t.Errorf("without the schemas there: error is %v", err)
	}
	out, err := s.copyOf(s.copyPlan(other, replay.Target{Topic: "again"}, filter.Filter{}), func(cfg *replay.CopyConfig) {
		cfg.To, cfg.ToRegistry, cfg.Register = other.cluster, other.registry, true
	})
	if err != nil || out.Events != 13 || out.Unknown+out.Reencoded+out.SkippedTotal != 0 {
		t.Fatalf("outcome is %+v, error %v", out, err)
	}
	there, err := other.registry.Lookup(t.Context(), "again-shop.Refund", refund)
	if err != nil || there == id {
		t.Fatalf("refunds have the id %d there and %d here, error %v", there, id, err)
	}
	want := append(s.values("orders")[:5:5], append(schema.AppendID(nil, there), 8), []byte("plain text"), nil)
	if diff := cmp.Diff(want, other.values("again")); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	if latest, err := other.registry.Latest(t.Context(), "again-shop.Sale"); err != nil || latest.Schema.FullName() != "shop.Sale" {
		t.Errorf("sales are registered as %v, error %v", latest, err)
	}
}

func TestCopyOfUnknownSchemasByPolicy(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	unknown := append(schema.AppendID(nil, 999), 2)
	s.put(0, 6, unknown)
	s.put(0, 6, s.value(44))
	sales := filter.Filter{Events: []string{"shop.Sale"}}
	_, err := s.copyOf(s.copyPlan(s, replay.Target{Topic: "stop"}, sales), nil)
	if undecided, ok := errors.AsType[*filter.UndecidedError](err); !ok || undecided.Offset != 5 {
		t.Errorf("stop: error is %v", err)
	}
	for topic, policy := range map[string]replay.Unknown{"copied": replay.UnknownCopy, "skipped": replay.UnknownSkip} {
		out, err := s.copyOf(s.copyPlan(s, replay.Target{Topic: topic}, sales), func(cfg *replay.CopyConfig) { cfg.Unknown = policy })
		events, skipped := int64(12), int64(0)
		if policy == replay.UnknownSkip {
			events, skipped = 11, 1
		}
		if err != nil || out.Events != events || out.Unknown != 1 || out.SkippedTotal != skipped || out.Filtered != 0 {
			t.Errorf("%s: outcome is %+v, error %v", topic, out, err)
		}
		if got := len(s.values(topic)); got != int(events)-5 {
			t.Errorf("%s: partition 0 holds %d events", topic, got)
		}
	}
	// Nobody has to know the schema of what passes as it is.
	if out, err := s.copyOf(s.copyPlan(s, replay.Target{Topic: "all"}, filter.Filter{}), nil); err != nil || out.Events != 12 || out.Unknown != 0 {
		t.Errorf("without a filter: outcome is %+v, error %v", out, err)
	}
}

func TestCopyThatEncodesAnew(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	refund := s.register("orders-shop.Refund", s.parse(refundText))
	newest := s.register("sales", s.parse(newSaleText))
	s.put(0, 6, append(schema.AppendID(nil, newest), 6, 6, 'e', 'n', 'd')) // needs nothing
	s.put(0, 6, append(schema.AppendID(nil, refund), 8))                   // of another name
	target := replay.Target{Topic: "again", Reencode: "sales"}
	out, err := s.copyOf(s.copyPlan(s, target, filter.Filter{}), nil)
	if err != nil || out.Events != 12 || out.Reencoded != 10 {
		t.Fatalf("outcome is %+v, error %v", out, err)
	}
	var want [][]byte
	for i := range 5 {
		want = append(want, append(schema.AppendID(nil, newest), byte(i*2<<1), 8, 'm', 'a', 'i', 'n'))
	}
	want = append(want, append(schema.AppendID(nil, newest), 6, 6, 'e', 'n', 'd'), append(schema.AppendID(nil, refund), 8))
	if diff := cmp.Diff(want, s.values("again")); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

func TestCopyOfCorruptEventsByPolicy(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.register("sales", s.parse(newSaleText))
	forged := func(key string) kgo.RecordHeader { return kgo.RecordHeader{Key: key, Value: []byte("forged")} }
	s.put(0, 6, schema.AppendID(nil, s.id), // ends within the id
		forged(consumer.HeaderGroup), forged(consumer.HeaderEvent), forged(consumer.HeaderStack), forged(consumer.HeaderRetryTier), forged("mine"))
	s.put(0, 6, s.value(44))
	s.topic("dead", 1)
	plan := func(topic string) replay.Plan {
		return s.copyPlan(s, replay.Target{Topic: topic, Reencode: "sales"}, filter.Filter{})
	}
	_, err := s.copyOf(plan("stop"), nil)
	if corrupt, ok := errors.AsType[*replay.CorruptError](err); !ok || corrupt.Offset != 5 {
		t.Errorf("stop: error is %v", err)
	}
	for topic, dead := range map[string]string{"skipped": "", "buried": "dead"} {
		out, err := s.copyOf(plan(topic), func(cfg *replay.CopyConfig) { cfg.SkipCorrupt, cfg.DeadLetters = dead == "", dead })
		if err != nil || out.Events != 11 || out.SkippedTotal != 1 || out.Skipped[0].From != 5 || out.Skipped[0].To != 6 || out.Dead != int64(len(dead)/4) {
			t.Errorf("%s: outcome is %+v, error %v", topic, out, err)
		}
	}
	var letters []string
	err = deadletter.Read(t.Context(), deadletter.Query{Cluster: s.cluster, Topics: []string{"dead"}, All: true}, func(d deadletter.Letter) error {
		letters = append(letters, fmt.Sprintf("%s %d %s %x", d.Origin, d.Attempts, d.Kind, d.Value))
		forged := slices.DeleteFunc(d.Raw, func(h headrace.Header) bool { return string(h.Value) != "forged" })
		if d.Group != "" || d.Stack != "" || len(forged) != 1 || forged[0].Key != "mine" {
			t.Errorf("the copy's dead letter says group %q, stack %q, and keeps %+v", d.Group, d.Stack, forged)
		}
		return nil
	})
	want := []string{fmt.Sprintf("topic orders partition 0 offset 5 0 decode %x", schema.AppendID(nil, s.id))}
	if diff := cmp.Diff(want, letters); err != nil || diff != "" {
		t.Errorf("dead letters, error %v (-want +got):\n%s", err, diff)
	}
	out, err := s.copyOf(plan("nowhere"), func(cfg *replay.CopyConfig) { cfg.DeadLetters = "missing" })
	if _, missing := errors.AsType[*reader.MissingTopicError](err); !missing {
		t.Errorf("a topic for dead letters that does not exist: outcome is %+v, error %v", out, err)
	}
}
