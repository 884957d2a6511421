package replay

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/reader"
)

func modes(t *testing.T, fn func(t *testing.T, raw bool)) {
	t.Helper()
	for _, raw := range []bool{false, true} {
		t.Run(fmt.Sprintf("raw=%v", raw), func(t *testing.T) {
			t.Parallel()
			fn(t, raw)
		})
	}
}

func TestCopyKeepsEventsAsTheyAre(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, raw bool) {
		w := newCopyWorld(t, 3)
		random := rand.New(rand.NewPCG(1, 2))
		w.fill(random, 300)
		w.put(w.client, copyRecord(random, "more", 1, 1), copyRecord(random, "more", 1, 2))
		plan := w.plan(raw, copySource, "more")
		plan.Spans[0].From, plan.Spans[0].To = 17, 251 // within batches
		plan.Spans[2].From = plan.Spans[2].To
		w.put(w.client, copyRecord(random, copySource, 1, 1)) // after the plan
		out := w.copy(w.config(plan))
		if want := int64(234 + 300 + 2); out.Events != want || out.Total != want {
			t.Errorf("outcome is %+v, want %d events", out, want)
		}
		w.compare(w.wanted(plan, nil))
		again := w.copy(w.config(plan))
		if diff := cmp.Diff(out, again); diff != "" {
			t.Errorf("a copy that is done (-first +again):\n%s", diff)
		}
		w.compare(w.wanted(plan, nil))
	})
}

func TestCopyOfNothing(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, raw bool) {
		w := newCopyWorld(t, 2)
		if out := w.copy(w.config(w.plan(raw))); out.Events != 0 {
			t.Errorf("outcome is %+v", out)
		}
	})
}

func TestCopyOfWhatTheFilterLetsThrough(t *testing.T) {
	t.Parallel()
	w := newCopyWorld(t, 2)
	w.fill(rand.New(rand.NewPCG(3, 4)), 400)
	plan := w.plan(false)
	plan.Filter.Key = "k3"
	keep := func(r reader.Record) bool { return string(r.Key) == "k3" }
	cfg := w.config(plan)
	out := w.copy(cfg)
	want := w.wanted(plan, keep)
	if n := int64(len(want[0]) + len(want[1])); out.Events != n || out.Filtered != 800-n || n == 0 {
		t.Errorf("outcome is %+v, want %d events", out, n)
	}
	w.compare(want)
	plan.Target.Raw = true
	if _, err := Copy(t.Context(), w.config(plan)); err == nil {
		t.Error("a filter over batches that pass undecoded is accepted")
	}
	plan.Target.Raw, plan.Filter.Events = false, []string{"shop.Order"}
	if _, err := Copy(t.Context(), w.config(plan)); err == nil {
		t.Error("a filter by event type without a registry is accepted")
	}
}

func TestCopyLeavesAbortedTransactionsOut(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, raw bool) {
		w := newCopyWorld(t, 1)
		random := rand.New(rand.NewPCG(5, 6))
		client := w.writer(kgo.TransactionalID("t"))
		for i, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryCommit} {
			if err := client.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			w.put(client, copyRecord(random, copySource, 0, 2*i), copyRecord(random, copySource, 0, 2*i+1))
			if err := client.EndTransaction(t.Context(), end); err != nil {
				t.Fatal(err)
			}
		}
		plan := w.plan(raw)
		if out := w.copy(w.config(plan)); out.Events != 4 {
			t.Errorf("outcome is %+v, want 4 events", out)
		}
		w.compare(w.wanted(plan, nil))
	})
}

func TestCopyRefusesCircles(t *testing.T) {
	t.Parallel()
	w := newCopyWorld(t, 1)
	put := func(headers ...string) {
		r := &kgo.Record{Topic: copySource, Value: []byte("v")}
		for i := 0; i < len(headers); i += 2 {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: headers[i], Value: []byte(headers[i+1])})
		}
		w.put(w.client, r)
	}
	w.recorded("older", copySource)
	put()
	put(HeaderReplay, "older", HeaderTopic, copyTarget, HeaderHops, "1")
	put(HeaderReplay, "older", HeaderHops, fmt.Sprint(MaxHops))
	put(HeaderReplay, "older", HeaderHops, "-3")
	put(HeaderTopic, "elsewhere", HeaderHops, fmt.Sprint(MaxHops-1), HeaderReplay, "older", "mine", "stays")
	at := func(offset int64) CopyConfig {
		plan := w.plan(false)
		plan.Spans[0].From, plan.Spans[0].To = offset, offset+1
		cfg := w.config(plan)
		cfg.Checkpoint += fmt.Sprint(offset)
		return cfg
	}
	same := w.plan(false)
	same.Target.Topic = copySource
	_, err := Copy(t.Context(), w.config(same))
	if loop, ok := errors.AsType[*LoopError](err); !ok || loop.Offset != -1 {
		t.Errorf("onto itself: error is %v", err)
	}
	_, err = Copy(t.Context(), at(1))
	if loop, ok := errors.AsType[*LoopError](err); !ok || loop.Offset != 1 || loop.Source != copySource {
		t.Errorf("back to where it came from: error is %v", err)
	}
	for offset := int64(2); offset <= 3; offset++ {
		_, err = Copy(t.Context(), at(offset))
		if hops, ok := errors.AsType[*HopsError](err); !ok || hops.Offset != offset {
			t.Errorf("hops at offset %d: error is %v", offset, err)
		}
	}
	w.copy(at(4))
	got := w.events(copyTarget)[0]
	want := []headrace.Header{
		{Key: "mine", Value: []byte("stays")},
		{Key: HeaderReplay, Value: []byte(copyID)},
		{Key: HeaderTopic, Value: []byte(copySource)},
		{Key: HeaderPartition, Value: []byte("0")},
		{Key: HeaderOffset, Value: []byte("4")},
		{Key: HeaderHops, Value: []byte("8")},
	}
	if len(got) != 1 {
		t.Fatalf("the target holds %d events, want 1", len(got))
	}
	if diff := cmp.Diff(want, got[0].Headers); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

func TestCopyToATopicThatDoesNotFit(t *testing.T) {
	t.Parallel()
	w := newCopyWorld(t, 2)
	w.fill(rand.New(rand.NewPCG(7, 8)), 20)
	plan := w.plan(false)
	plan.Target.Topic = "nowhere"
	_, err := Copy(t.Context(), w.config(plan))
	if missing, ok := errors.AsType[*reader.MissingTopicError](err); !ok || missing.Topic != "nowhere" {
		t.Errorf("a target that does not exist: error is %v", err)
	}
	plan = w.plan(false)
	plan.Spans[1].Partition = 2
	if _, err := Copy(t.Context(), w.config(plan)); err == nil || !strings.Contains(err.Error(), "2 partitions") {
		t.Errorf("a target with too few partitions: error is %v", err)
	}
	plan = w.plan(false)
	plan.Spans[1].To = 1000
	_, err = Copy(t.Context(), w.config(plan))
	if gone, ok := errors.AsType[*GoneError](err); !ok || gone.Partition != 1 || gone.LogEnd != 20 {
		t.Errorf("a source that is shorter than the plan: error is %v", err)
	}
	plan = w.plan(false)
	plan.Target.ClusterID = "another"
	if _, err := Copy(t.Context(), w.config(plan)); err == nil || !strings.Contains(err.Error(), "another") {
		t.Errorf("another cluster: error is %v", err)
	}
	w.broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: copyTarget, Err: kerr.TopicAuthorizationFailed, Count: -1})
	if _, err := Copy(t.Context(), w.config(w.plan(true))); !errors.Is(err, kerr.TopicAuthorizationFailed) || !strings.Contains(err.Error(), copyTarget) {
		t.Errorf("no right to write: error is %v", err)
	}
}

func TestCheckpointThatIsNotOne(t *testing.T) {
	t.Parallel()
	w := newCopyWorld(t, 1)
	w.fill(rand.New(rand.NewPCG(9, 10)), 20)
	plan := w.plan(false)
	w.copy(w.config(plan))
	good, err := os.ReadFile(w.file)
	if err != nil {
		t.Fatal(err)
	}
	changed := plan
	changed.Spans = []Span{{Topic: copySource, OffsetRange: headrace.OffsetRange{To: 10}}}
	other := plan
	other.ID = "replay-2"
	for name, c := range map[string]struct {
		text string
		plan Plan
	}{
		"empty":           {"", plan},
		"cut off":         {string(good[:len(good)/2]), plan},
		"unknown field":   {strings.Replace(string(good), `"replay"`, `"reply"`, 1), plan},
		"more behind":     {string(good) + "{}", plan},
		"other version":   {strings.Replace(string(good), `"version":1`, `"version":2`, 1), plan},
		"span behind end": {strings.Replace(string(good), `"span":1`, `"span":2`, 1), plan},
		"negative":        {strings.Replace(string(good), `"written":20`, `"written":-20`, 1), plan},
		"other plan":      {string(good), changed},
		"other replay":    {string(good), other},
	} {
		if err := os.WriteFile(w.file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Copy(t.Context(), w.config(c.plan))
		if bad, ok := errors.AsType[*CheckpointError](err); !ok || bad.Path != w.file {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	cfg := w.config(plan)
	cfg.Checkpoint = w.file + ".d/copy.json"
	if _, err := Copy(t.Context(), cfg); err == nil {
		t.Error("a checkpoint without a folder is accepted")
	}
}
